//! `drun inspect`: what a module exports, imports and declares, whether the Internet Computer would take it, and what
//! installing it costs. Gathers; `text` and `json` below only arrange.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::exit::{FAILURE, Failure, SUCCESS};
use super::modules;
use super::table::{Align, Table, grouped};
use crate::report::visible;
use crate::stable_types::{Definition, Field, SECTION, Signature};
use drun_ic::canister::code::CanisterModule;
use drun_ic::config::NodeSettings;
use drun_ic::errors::ExecutionError;
use drun_ic::fees::Fees;
use drun_ic::management::COMPILE_COST;
use drun_ic::module::{MethodKind, Survey};
use drun_ic::protocol::{Date, Protocol, SubnetType};

/// Shows what a module exports, imports and declares, whether the Internet Computer takes it, and what installing it costs.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct InspectOptions {
    /// The module: .wasm, gzip-compressed, or WebAssembly text in a file .wat
    module: PathBuf,

    /// Which replica judges it and prices its installation
    #[arg(long, value_name = "DATE", default_value_t = Protocol::NEWEST.date)]
    protocol: Date,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  drun inspect counter.wasm
  drun inspect --json counter.wasm | jq .install.instructions

Compiling is charged at 6,000 instructions for each operator of the metered module, at a hundredth of that if the
module was installed since the last checkpoint; since 2026 every installation costs 20,000,000 beside that. To that come receiving the message, and what the start function and
canister_init use: see their rows in drun --stats. An installation can only begin if the canister has the price of
the largest one above its freezing threshold; what is not used comes back.

Exit status:
  0  the module is valid
  1  it is not
  2  the command line is wrong, or the file cannot be read
  3  drun itself failed";

/// Functions that are shown.
const FUNCTIONS: usize = 10;
/// Longest line of a block of words.
const WIDTH: usize = 98;
/// Version of the JSON object.
const SCHEMA: u32 = 1;
/// KiB of a page of Wasm memory.
const KIB_OF_PAGE: u64 = 64;

/// Everything there is to say.
struct Inspection {
    path: String,
    bytes: u64,
    hash: [u8; 32],
    protocol: Protocol,
    survey: Survey,
    verdict: Result<CanisterModule, ExecutionError>,
}

/// Shows a module.
pub(super) fn run(options: &InspectOptions) -> Result<u8, Failure> {
    let path = options.module.to_string_lossy().into_owned();
    let blob = modules::read(&options.module)
        .map_err(|error| Failure::Input(format!("error: {path}: {error}")))?;
    let protocol = Protocol::of(options.protocol);
    let inspection = Inspection {
        bytes: blob.len() as u64,
        hash: Sha256::digest(&blob).into(),
        survey: Survey::of(&blob).unwrap_or_default(),
        verdict: CanisterModule::new(blob, &protocol.modules),
        protocol,
        path,
    };
    let text = if options.json {
        format!("{}\n", inspection.json())
    } else {
        inspection.text()
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(if inspection.verdict.is_ok() {
        SUCCESS
    } else {
        FAILURE
    })
}

/// Installing, as far as the module alone decides it.
struct Cost {
    operators: u64,
    /// Instructions for any module.
    fixed: u64,
    instructions: u64,
    /// Cycles for compiling, on application subnets of 13 nodes and of 1.
    cycles: [u128; 2],
    /// Cycles that have to be at hand for it, on the same subnets; what is not used comes back.
    prepaid: [u128; 2],
}

impl Cost {
    fn of(module: &CanisterModule, protocol: Protocol) -> Self {
        let operators = module.compile_operators();
        let fixed = protocol.install_instructions;
        let instructions = COMPILE_COST * operators + fixed;
        // The runner's application subnet has 13 nodes, the original program's has one.
        let [thirteen, one] = [13, 1].map(|nodes| {
            let config = NodeSettings {
                nodes,
                ..NodeSettings::new(protocol, SubnetType::Application)
            };
            let (limit, wide) = (config.limits().install, module.facts.memory64);
            let fees = Fees::new(&config);
            (
                fees.executed(limit, instructions, wide),
                fees.execution(limit, wide),
            )
        });
        Cost {
            operators,
            fixed,
            instructions,
            cycles: [thirteen.0, one.0],
            prepaid: [thirteen.1, one.1],
        }
    }
}

impl Inspection {
    fn text(&self) -> String {
        let mut lines = Lines(String::new());
        let Survey {
            module_bytes,
            custom_sections,
            other_exports,
            functions,
            globals,
        } = &self.survey;
        match &self.verdict {
            Ok(_) => lines.0 += &format!("{}: valid\n", self.path),
            Err(error) => {
                let text = error.to_string();
                let text = visible::in_lines(&text);
                lines.0 += &format!("{}: refused\n{}: {text}\n", self.path, error.code())
            }
        }
        lines.head("file");
        let compressed = if self.bytes == *module_bytes || *module_bytes == 0 {
            String::new()
        } else {
            format!(", {} when extracted", bytes(*module_bytes))
        };
        lines.entry("size", format!("{}{compressed}", bytes(self.bytes)));
        lines.entry("SHA-256", hex::encode(self.hash));
        if let Ok(module) = &self.verdict {
            self.declarations(&mut lines, module, *globals);
        }
        lines.list("other exports", other_exports.iter().cloned());
        if !custom_sections.is_empty() {
            lines.head("custom sections");
            let mut table = Table::new(&[
                ("bytes", Align::Right),
                ("readable by", Align::Left),
                ("name", Align::Left),
            ]);
            for (name, bytes) in custom_sections {
                let (visible, name) = visibility(name);
                table.row([
                    grouped((*bytes).into()),
                    visible.unwrap_or("nobody").to_owned(),
                    name.to_owned(),
                ]);
            }
            lines.table(&table);
        }
        if let Ok(module) = &self.verdict {
            lines.head(&format!("installing, as of {}", self.protocol.date));
            let cost = Cost::of(module, self.protocol);
            let (operators, instructions) = (
                grouped(cost.operators.into()),
                grouped(cost.instructions.into()),
            );
            lines.entry(
                "compile",
                format!(
                    "{} × {operators}{} = {instructions} instructions",
                    grouped(COMPILE_COST.into()),
                    match cost.fixed {
                        0 => String::new(),
                        fixed => format!(" + {}", grouped(fixed.into())),
                    }
                ),
            );
            for (at, nodes) in ["13 nodes", "1 node"].into_iter().enumerate() {
                let (cycles, prepaid) = (grouped(cost.cycles[at]), grouped(cost.prepaid[at]));
                lines.entry(
                    nodes,
                    format!(
                        "{cycles} cycles on an application subnet, {prepaid} at hand until then"
                    ),
                );
            }
        }
        if !functions.is_empty() {
            lines.head("largest functions");
            let mut table = Table::new(&[
                ("bytes", Align::Right),
                ("operators", Align::Right),
                ("complexity", Align::Right),
                ("index", Align::Right),
                ("name", Align::Left),
            ]);
            for function in functions.iter().take(FUNCTIONS) {
                table.row([
                    grouped(function.bytes.into()),
                    grouped(function.operators.into()),
                    grouped(function.complexity.into()),
                    function.index.to_string(),
                    self.function_name(function.index)
                        .unwrap_or_default()
                        .to_owned(),
                ]);
            }
            lines.table(&table);
        }
        lines.0
    }

    fn declarations(&self, lines: &mut Lines, module: &CanisterModule, globals: (u64, u64)) {
        let facts = &module.facts;
        lines.head("declares");
        let width = if facts.memory64 { 64 } else { 32 };
        let memory = facts.memory.map_or("none".to_owned(), |memory| {
            let maximum = memory
                .maximum_pages
                .map_or("no maximum".to_owned(), |pages| {
                    format!("at most {}", pages_of(pages))
                });
            format!("{width}-bit, {}, {maximum}", pages_of(memory.initial_pages))
        });
        lines.entry("memory", memory);
        lines.entry(
            "globals",
            format!(
                "{}, {} of them mutable",
                grouped(globals.0.into()),
                grouped(globals.1.into())
            ),
        );
        let (own, imported) = (facts.function_count, facts.imported_function_count);
        lines.entry(
            "functions",
            format!("{}, and {imported} imported", grouped(own.into())),
        );
        let features: Vec<&str> = [
            (facts.has_start, "start function"),
            (facts.uses_simd, "SIMD"),
            (facts.uses_tail_calls, "tail calls"),
            (facts.uses_reference_types, "reference types"),
            (facts.keeps_main_memory(), "enhanced orthogonal persistence"),
        ]
        .into_iter()
        .filter_map(|(used, name)| used.then_some(name))
        .collect();
        if !features.is_empty() {
            lines.entry("features", features.join(", "));
        }
        for kind in MethodKind::ALL {
            let title = match kind {
                MethodKind::Update => "update methods",
                MethodKind::Query => "query methods",
                MethodKind::CompositeQuery => "composite query methods",
            };
            lines.list(title, methods(module, kind).map(str::to_owned));
        }
        lines.list("hooks", hooks(module).into_iter().map(str::to_owned));
        lines.wrapped("imports from ic0", &facts.imports);
        self.stable_variables(lines, module);
    }

    /// What of a Motoko actor survives an upgrade.
    fn stable_variables(&self, lines: &mut Lines, module: &CanisterModule) {
        match signature(module) {
            None => {}
            Some(Err(fault)) => lines.entry("stable types", format!("unreadable {fault}")),
            Some(Ok(signature)) => {
                let names = |migrations: &[Definition]| -> Vec<String> {
                    migrations.iter().map(|it| it.name.clone()).collect()
                };
                lines.list("migrations", names(&signature.migrations).into_iter());
                let before = signature.before.iter().flatten();
                lines.list("taken over by the migration", before.map(Field::to_string));
                let fields = signature.fields.iter();
                lines.list("stable variables", fields.map(Field::to_string));
            }
        }
    }

    fn function_name(&self, index: u32) -> Option<&str> {
        let names = self.verdict.as_ref().ok()?.names.function_names();
        let at = names
            .binary_search_by_key(&index, |(index, _)| *index)
            .ok()?;
        Some(&names[at].1)
    }

    fn json(&self) -> Value {
        let survey = &self.survey;
        let sections: Vec<Value> = survey
            .custom_sections
            .iter()
            .map(|(name, bytes)| {
                let (visible, name) = visibility(name);
                let scope = visible.map(|visible| {
                    if visible == "everybody" {
                        "public"
                    } else {
                        "private"
                    }
                });
                json!({ "name": name, "scope": scope, "bytes": bytes })
            })
            .collect();
        let functions: Vec<Value> = survey
            .functions
            .iter()
            .take(FUNCTIONS)
            .map(|function| {
                json!({
                    "index": function.index,
                    "name": self.function_name(function.index),
                    "bytes": function.bytes,
                    "operators": function.operators,
                    "complexity": function.complexity,
                })
            })
            .collect();
        let mut object = json!({
            "schema": SCHEMA,
            "path": self.path,
            "valid": self.verdict.is_ok(),
            "bytes": self.bytes,
            "module_bytes": survey.module_bytes,
            "sha256": hex::encode(self.hash),
            "other_exports": survey.other_exports,
            "custom_sections": sections,
            "largest_functions": functions,
        });
        match &self.verdict {
            Err(error) => {
                object["error"] =
                    json!({ "code": error.code().to_string(), "message": error.to_string() })
            }
            Ok(module) => {
                let facts = &module.facts;
                let [update, query, composite] =
                    MethodKind::ALL.map(|kind| methods(module, kind).collect::<Vec<_>>());
                let cost = Cost::of(module, self.protocol);
                // Cycles are texts: they may be larger than what JSON numbers are read into.
                object["methods"] =
                    json!({ "update": update, "query": query, "composite_query": composite });
                object["hooks"] = json!(hooks(module));
                object["imports"] = json!(facts.imports);
                object["memory"] = json!(facts.memory.map(|memory| json!({
                    "bits": if facts.memory64 { 64 } else { 32 },
                    "initial_pages": memory.initial_pages,
                    "maximum_pages": memory.maximum_pages,
                })));
                object["globals"] = json!({ "all": survey.globals.0, "mutable": survey.globals.1 });
                object["functions"] = json!({ "own": facts.function_count, "imported": facts.imported_function_count });
                object["protocol"] = json!(self.protocol.date.name());
                if let Some(Ok(signature)) = signature(module) {
                    let fields = |fields: &[Field]| -> Vec<String> {
                        fields.iter().map(Field::to_string).collect()
                    };
                    object["stable"] = json!({
                        "version": signature.version,
                        "migrations": signature.migrations.iter().map(|it| &it.name).collect::<Vec<_>>(),
                        "before": signature.before.as_deref().map(fields),
                        "fields": fields(&signature.fields),
                    });
                }
                object["install"] = json!({
                    "operators": cost.operators,
                    "instructions": cost.instructions,
                    "cycles_13_nodes": cost.cycles[0].to_string(),
                    "cycles_1_node": cost.cycles[1].to_string(),
                    "prepaid_13_nodes": cost.prepaid[0].to_string(),
                    "prepaid_1_node": cost.prepaid[1].to_string(),
                });
            }
        }
        object
    }
}

/// The stable signature that a module declares.
fn signature(module: &CanisterModule) -> Option<Result<Signature, String>> {
    let sections = module.facts.custom_sections.iter();
    let section = sections.into_iter().find(|it| it.name == SECTION)?;
    Some(match std::str::from_utf8(&section.content) {
        Ok(text) => Signature::parse(text).map_err(|fault| fault.to_string()),
        Err(_) => Err("since it is no text".to_owned()),
    })
}

/// Methods of a kind, by name.
fn methods(module: &CanisterModule, kind: MethodKind) -> impl Iterator<Item = &str> {
    let methods = module.facts.methods.iter();
    methods.filter_map(move |(name, of)| (*of == kind).then_some(&**name))
}

/// Exports that the Internet Computer calls by itself.
pub(super) fn hooks(module: &CanisterModule) -> Vec<&'static str> {
    let facts = &module.facts;
    [
        (facts.has_init, "canister_init"),
        (facts.has_pre_upgrade, "canister_pre_upgrade"),
        (facts.has_post_upgrade, "canister_post_upgrade"),
        (facts.has_inspect_message, "canister_inspect_message"),
        (facts.has_heartbeat, "canister_heartbeat"),
        (facts.has_global_timer, "canister_global_timer"),
        (facts.has_on_low_wasm_memory, "canister_on_low_wasm_memory"),
    ]
    .into_iter()
    .filter_map(|(present, name)| present.then_some(name))
    .collect()
}

/// Who may read a custom section of this name, and its name as metadata.
fn visibility(name: &str) -> (Option<&'static str>, &str) {
    if let Some(name) = name.strip_prefix("icp:public ") {
        (Some("everybody"), name)
    } else if let Some(name) = name.strip_prefix("icp:private ") {
        (Some("controllers"), name)
    } else {
        (None, name)
    }
}

fn bytes(bytes: u64) -> String {
    format!("{} bytes", grouped(bytes.into()))
}

fn pages_of(pages: u64) -> String {
    let plural = if pages == 1 { "" } else { "s" };
    format!(
        "{} page{plural} ({} KiB)",
        grouped(pages.into()),
        grouped(u128::from(pages) * u128::from(KIB_OF_PAGE))
    )
}

/// Text in blocks with titles.
struct Lines(String);

impl Lines {
    fn head(&mut self, title: &str) {
        self.0 += &format!("\n{title}\n");
    }

    fn entry(&mut self, name: &str, value: String) {
        self.0 += &format!("  {name:<9}  {value}\n");
    }

    /// A block of one word per line; nothing if there is none.
    fn list(&mut self, title: &str, words: impl Iterator<Item = String>) {
        let mut words = words.peekable();
        if words.peek().is_some() {
            self.head(title);
        }
        for word in words {
            self.0 += &format!("  {}\n", visible::on_one_line(&word));
        }
    }

    /// A block of many short words.
    fn wrapped(&mut self, title: &str, words: &[&str]) {
        if words.is_empty() {
            return;
        }
        self.head(title);
        let mut line = String::new();
        for word in words {
            if line.len() + word.len() > WIDTH {
                self.0 += &format!(" {line}\n");
                line.clear();
            }
            line += " ";
            line += word;
        }
        self.0 += &format!(" {line}\n");
    }

    fn table<const N: usize>(&mut self, table: &Table<N>) {
        for line in table.to_string().lines() {
            self.0 += &format!("  {line}\n");
        }
    }
}
