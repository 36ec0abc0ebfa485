//! The data segments of a module. Active ones are taken out, for the host to write them into fresh memory once;
//! an empty passive one stays behind for each, which is what `memory.init` and `data.drop` would find.

use serde::{Deserialize, Serialize};
use wasm_encoder::DataSection;
use wasmparser::{DataKind, Operator};

use super::Defect;
use crate::memory::WASM_PAGE_SIZE;
use crate::sections::Sections;

/// What an active data segment writes where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSegment {
    /// Address of the first byte.
    pub offset: u64,
    /// What is written.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// The data section that is left, and the active segments taken out of it.
///
/// Fails if one of these lies outside the initial memory, which has so many pages.
pub(super) fn split(
    sections: &Sections<'_>,
    initial: u64,
) -> Result<(DataSection, Vec<DataSegment>), Defect> {
    let memory = u128::from(initial) * WASM_PAGE_SIZE as u128;
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
            other => return Err(Defect::DataOffset(format!("[{other:?}]"))),
        };
        let len = data.data.len() as u64;
        if u128::from(offset) + u128::from(len) > memory {
            return Err(Defect::DataOutsideMemory { offset, len });
        }
        left.passive([]);
        taken.push(DataSegment {
            offset,
            bytes: data.data.to_vec(),
        });
    }
    Ok((left, taken))
}
