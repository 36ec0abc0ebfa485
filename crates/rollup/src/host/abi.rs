//! The host functions by name: since which version, with which type.

use crate::version::Version;
use Type::{I32, I64};

/// The module kernels import from.
pub const MODULE: &str = "smart_rollup_core";

/// A type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
}

/// A host function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the functions")]
pub enum Function {
    ReadInput,
    WriteOutput,
    WriteDebug,
    StoreHas,
    StoreDelete,
    StoreListSize,
    StoreGetNthKey,
    StoreCopy,
    StoreMove,
    StoreValueSize,
    StoreRead,
    StoreWrite,
    RevealPreimage,
    RevealMetadata,
    StoreDeleteValue,
    StoreCreate,
    StoreGetHash,
    StoreExists,
    Reveal,
    NdsRegistryResize,
    NdsRegistryCopy,
    NdsRegistryMove,
    NdsRegistryClear,
    NdsStoreExists,
    NdsStoreDelete,
    NdsStoreValueSize,
    NdsStoreRead,
    NdsStoreWrite,
    NdsStoreSet,
    NdsDatabaseGetHash,
}

struct Signature {
    function: Function,
    name: &'static str,
    since: Version,
    params: &'static [Type],
    result: Option<Type>,
}

const fn signature(
    function: Function,
    name: &'static str,
    since: Version,
    params: &'static [Type],
    result: Option<Type>,
) -> Signature {
    Signature {
        function,
        name,
        since,
        params,
        result,
    }
}

/// In the order of [`Function`].
const SIGNATURES: [Signature; 30] = {
    use Function::*;
    use Version::{R1, R2, R3, R6, V0};
    [
        signature(ReadInput, "read_input", V0, &[I32; 3], Some(I32)),
        signature(WriteOutput, "write_output", V0, &[I32; 2], Some(I32)),
        signature(WriteDebug, "write_debug", V0, &[I32; 2], None),
        signature(StoreHas, "store_has", V0, &[I32; 2], Some(I32)),
        signature(StoreDelete, "store_delete", V0, &[I32; 2], Some(I32)),
        signature(StoreListSize, "store_list_size", V0, &[I32; 2], Some(I64)),
        signature(
            StoreGetNthKey,
            "store_get_nth_key",
            V0,
            &[I32, I32, I64, I32, I32],
            Some(I32),
        ),
        signature(StoreCopy, "store_copy", V0, &[I32; 4], Some(I32)),
        signature(StoreMove, "store_move", V0, &[I32; 4], Some(I32)),
        signature(StoreValueSize, "store_value_size", V0, &[I32; 2], Some(I32)),
        signature(StoreRead, "store_read", V0, &[I32; 5], Some(I32)),
        signature(StoreWrite, "store_write", V0, &[I32; 5], Some(I32)),
        signature(RevealPreimage, "reveal_preimage", V0, &[I32; 4], Some(I32)),
        signature(RevealMetadata, "reveal_metadata", V0, &[I32; 2], Some(I32)),
        signature(
            StoreDeleteValue,
            "store_delete_value",
            R1,
            &[I32; 2],
            Some(I32),
        ),
        signature(StoreCreate, "store_create", R1, &[I32; 3], Some(I32)),
        signature(
            StoreGetHash,
            "__internal_store_get_hash",
            R1,
            &[I32; 4],
            Some(I32),
        ),
        signature(StoreExists, "store_exists", R2, &[I32; 2], Some(I32)),
        signature(Reveal, "reveal", R3, &[I32; 4], Some(I32)),
        signature(
            NdsRegistryResize,
            "nds_registry_resize",
            R6,
            &[I64],
            Some(I32),
        ),
        signature(
            NdsRegistryCopy,
            "nds_registry_copy",
            R6,
            &[I64; 2],
            Some(I32),
        ),
        signature(
            NdsRegistryMove,
            "nds_registry_move",
            R6,
            &[I64; 2],
            Some(I32),
        ),
        signature(
            NdsRegistryClear,
            "nds_registry_clear",
            R6,
            &[I64],
            Some(I32),
        ),
        signature(
            NdsStoreExists,
            "nds_store_exists",
            R6,
            &[I64, I32, I32],
            Some(I32),
        ),
        signature(
            NdsStoreDelete,
            "nds_store_delete",
            R6,
            &[I64, I32, I32],
            Some(I32),
        ),
        signature(
            NdsStoreValueSize,
            "nds_store_value_size",
            R6,
            &[I64, I32, I32],
            Some(I32),
        ),
        signature(
            NdsStoreRead,
            "nds_store_read",
            R6,
            &[I64, I32, I32, I64, I32, I32],
            Some(I32),
        ),
        signature(
            NdsStoreWrite,
            "nds_store_write",
            R6,
            &[I64, I32, I32, I64, I32, I32],
            Some(I32),
        ),
        signature(
            NdsStoreSet,
            "nds_store_set",
            R6,
            &[I64, I32, I32, I32, I32],
            Some(I32),
        ),
        signature(
            NdsDatabaseGetHash,
            "nds_database_get_hash",
            R6,
            &[I64, I32, I32],
            Some(I32),
        ),
    ]
};

impl Function {
    /// All functions.
    pub fn all() -> impl Iterator<Item = Self> {
        SIGNATURES.iter().map(|signature| signature.function)
    }

    /// The function that a version offers under a name.
    pub fn find(name: &str, version: Version) -> Option<Self> {
        let known = SIGNATURES.iter().find(|known| known.name == name)?;
        (known.since <= version).then_some(known.function)
    }

    fn signature(self) -> &'static Signature {
        &SIGNATURES[self as usize]
    }

    /// The name it is imported by.
    pub fn name(self) -> &'static str {
        self.signature().name
    }

    /// The version that brought it.
    pub fn since(self) -> Version {
        self.signature().since
    }

    /// The types of its parameters.
    pub fn params(self) -> &'static [Type] {
        self.signature().params
    }

    /// The type of its result.
    pub fn result(self) -> Option<Type> {
        self.signature().result
    }

    /// Whether it belongs to the new durable storage of 2.0.0-r6, which is off here as in the original debugger.
    pub fn is_nds(self) -> bool {
        self.since() == Version::R6
    }

    /// Whether a call waits for data from outside.
    pub fn is_reveal(self) -> bool {
        matches!(
            self,
            Self::RevealPreimage | Self::RevealMetadata | Self::Reveal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_from_their_version_on() {
        for function in Function::all() {
            for version in Version::ALL {
                let found = (version >= function.since()).then_some(function);
                assert_eq!(Function::find(function.name(), version), found);
            }
        }
        assert_eq!(Function::find("foo", Version::R6), None);
    }
}
