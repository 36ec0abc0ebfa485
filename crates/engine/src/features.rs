//! Which WebAssembly proposals a canister module may use. Owns the feature set of the validator; the instructions
//! that the replica refuses although the engine knows them are found in `validate::code`.

use wasmparser::WasmFeatures;

/// What the engine of the replica of October 2025 accepts (metering.md 2.3, system-api.md 5.4). Everything that
/// is not named here is refused: several memories, threads, relaxed SIMD, exceptions, garbage collection, typed
/// function references, extended constant expressions, wide arithmetic, custom page sizes and components.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MEMORY64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_documented_proposals_are_accepted() {
        let accepted = [
            "FLOATS",
            "GC_TYPES",
            "MUTABLE_GLOBAL",
            "SATURATING_FLOAT_TO_INT",
            "SIGN_EXTENSION",
            "REFERENCE_TYPES",
            "MULTI_VALUE",
            "BULK_MEMORY",
            "SIMD",
            "TAIL_CALL",
            "MEMORY64",
        ];
        // The last two are parts of other proposals, with flags of their own in wasmparser.
        let parts = ["CALL_INDIRECT_OVERLONG", "BULK_MEMORY_OPT"];
        for (name, flag) in WasmFeatures::all().iter_names() {
            assert_eq!(
                FEATURES.contains(flag),
                accepted.contains(&name) || parts.contains(&name),
                "{name}"
            );
        }
    }
}
