//! What validation has found out about a module, as plain data for the rooms above: its methods, its memory, its
//! metadata. Holds no rules; `validate` fills it in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use super::ic0_table::ic0_functions;

/// How an exported method is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MethodKind {
    /// `canister_update <name>`
    Update,
    /// `canister_query <name>`
    Query,
    /// `canister_composite_query <name>`
    CompositeQuery,
}

impl MethodKind {
    /// All kinds.
    pub const ALL: [MethodKind; 3] = [
        MethodKind::Update,
        MethodKind::Query,
        MethodKind::CompositeQuery,
    ];

    /// What stands before the method's name in the name of its export.
    pub fn export_prefix(self) -> &'static str {
        match self {
            MethodKind::Update => "canister_update ",
            MethodKind::Query => "canister_query ",
            MethodKind::CompositeQuery => "canister_composite_query ",
        }
    }

    /// The kind and method name that the name of an export stands for.
    pub fn of_export(name: &str) -> Option<(MethodKind, &str)> {
        MethodKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, name.strip_prefix(kind.export_prefix())?)))
    }
}

/// The size of the Wasm memory, in pages of 64 KiB, as the module declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryLimits {
    pub initial_pages: u64,
    pub maximum_pages: Option<u64>,
}

/// A custom section whose name begins with `icp:`, which is metadata of the canister.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomSection {
    /// Whether everybody may read it, or only controllers.
    pub public: bool,
    /// The name behind `icp:public ` or `icp:private `.
    pub name: String,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// What is known about a valid module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// Whether this is a 64-bit module, that is, whether its memory is declared `i64`.
    pub memory64: bool,
    /// `None` if the module has no memory.
    pub memory: Option<MemoryLimits>,
    pub methods: BTreeMap<String, MethodKind>,
    pub has_init: bool,
    pub has_pre_upgrade: bool,
    pub has_post_upgrade: bool,
    pub has_inspect_message: bool,
    pub has_heartbeat: bool,
    pub has_global_timer: bool,
    pub has_on_low_wasm_memory: bool,
    /// Whether there is a start section.
    pub has_start: bool,
    /// Full names of globals that are exported like an entry point or method. They count as present
    /// above; running one fails with "export is not a function" (system-api.md 5.6).
    pub not_functions: BTreeSet<String>,
    /// The metadata sections, in the order of the module.
    pub custom_sections: Vec<CustomSection>,
    /// The globals that count for the memory usage (management-canister.md 6.2): one per exported global and per
    /// mutable global that is not exported, and one for the instruction counter.
    pub counted_globals: u64,
    /// What compiling counts for the operators of all functions (metering.md 5.2).
    pub compile_operators: u64,
    /// Functions that the module imports. Their indices come first.
    pub imported_function_count: u32,
    /// Functions that the module defines.
    pub function_count: u32,
    /// The `ic0` functions that the module imports, in its order.
    #[serde(deserialize_with = "names_of_functions")]
    pub imports: Vec<&'static str>,
    /// Whether the last 16 pages of memory are kept back as for modules of early Motoko compilers (system-api.md 0.3).
    pub old_motoko_reserved_pages: bool,
    /// Whether the module contains `data.drop` or `elem.drop`, whose effect an instance keeps although every
    /// execution must start without it.
    pub drops_segments: bool,
    /// Whether the module contains tail calls.
    pub uses_tail_calls: bool,
    /// Whether `v128` occurs in an instruction or a type.
    pub uses_simd: bool,
    /// Whether references occur as values: in an instruction other than a call, or in the type of a function or local.
    pub uses_reference_types: bool,
}

impl ModuleFacts {
    /// Bytes that the `icp:` sections count as memory (management-canister.md 6.1).
    pub fn custom_section_bytes(&self) -> u64 {
        self.custom_sections
            .iter()
            .map(|section| (section.name.len() + 1 + section.content.len()) as u64)
            .sum()
    }

    /// True for a module with enhanced orthogonal persistence (system-api.md 5.9).
    pub fn keeps_main_memory(&self) -> bool {
        self.custom_sections
            .iter()
            .any(|section| section.name == "enhanced-orthogonal-persistence")
    }
}

/// Reads the names of `ic0` functions.
fn names_of_functions<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<&'static str>, D::Error> {
    let known = |name: &String| {
        let function = ic0_functions()
            .iter()
            .find(|function| function.name == name);
        function.map(|function| function.name)
    };
    let names = Vec::<String>::deserialize(from)?;
    let known: Option<Vec<_>> = names.iter().map(known).collect();
    known.ok_or_else(|| serde::de::Error::custom("no function of the system API"))
}
