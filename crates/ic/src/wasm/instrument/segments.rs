//! The data segments of a module. Active ones are taken out, for the host to write them into fresh memory once;
//! an empty passive one stays behind for each, which is what `memory.init` and `data.drop` would find.

use serde::{Deserialize, Serialize};
use wasm_encoder::DataSection;
use wasmparser::{DataKind, Operator};

use super::InstrumentError;
use crate::errors::ModuleError;
use crate::wasm::facts::ModuleFacts;
use crate::wasm::sections::Sections;

const PAGE_SIZE: u128 = 65_536;

/// What an active data segment writes where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSegment {
    /// Address of the first byte.
    pub offset: u64,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// The data section that is left, and the active segments taken out of it.
///
/// Fails if one of these lies outside the initial memory.
pub fn split(
    sections: &Sections<'_>,
    facts: &ModuleFacts,
) -> Result<(DataSection, Vec<DataSegment>), InstrumentError> {
    let initial = facts.memory.map_or(0, |memory| memory.initial_pages);
    let mut left = DataSection::new();
    let mut taken = Vec::new();
    for data in sections.data.iter().flat_map(|s| s.clone()) {
        let data = data?;
        let DataKind::Active { offset_expr, .. } = data.kind else {
            left.passive(data.data.iter().copied());
            continue;
        };
        let offset = match offset_expr.get_operators_reader().read()? {
            // The replica reads the constant as signed: one above 2 GiB lies outside any memory.
            Operator::I32Const { value } => i64::from(value) as u64,
            Operator::I64Const { value } => value as u64,
            // Only an imported global could stand here, and there are none.
            other => return Err(ModuleError::DataOffset32(format!("[{other:?}]")).into()),
        };
        let len = data.data.len() as u64;
        if u128::from(offset) + u128::from(len) > u128::from(initial) * PAGE_SIZE {
            return Err(ModuleError::DataOutsideMemory { offset, len }.into());
        }
        left.passive([]);
        taken.push(DataSegment {
            offset,
            bytes: data.data.to_vec(),
        });
    }
    Ok((left, taken))
}
