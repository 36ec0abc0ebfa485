//! Why a module cannot be installed: the texts behind "Canister's Wasm module is not valid" and "Could not
//! instrument wasm module of canister". Owns their wording and advice; which check finds what, in which
//! order and with which limits, is the validator's business (system-api.md, section 5; errors.md, 3.5).

use std::fmt;

use super::help::Help;

/// What is wrong with a module. Sizes are bytes and function indices count the imported functions first, unless
/// said otherwise. `max` is the limit that was exceeded. Lists of types are already printed, as `[I32, I32]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleError {
    /// Neither `\0asm` nor a gzip header.
    UnsupportedFormat,
    /// A gzip header in fewer than 16 bytes.
    GzipTooShort,
    /// The gzip stream is damaged; the reason is the decoder's.
    GzipCorrupt(String),
    /// The size in the gzip trailer is not what came out.
    GzipSizeMismatch { specified: u64, extracted: u64 },
    /// The section headers cannot be walked; the reason is the parser's.
    CodeSectionUnreadable(String),
    /// The parser stumbled where the engine did not, for example in the name section.
    Unparsable(String),
    /// The uncompressed module is too large.
    ModuleTooLarge { size: u64, max: u64 },
    /// The contents of the code section, without the leading count, are too large.
    CodeSectionTooLarge { size: u64, max: u64 },
    /// The engine refused the module; the reason is its own, with ` (at offset 0x…)`.
    EngineRejected(String),

    /// An import that no module of the replica provides to this kind of module.
    ImportNotExported { function: String, module: String },
    /// An `ic0` function, imported from elsewhere.
    ImportFromWrongModule { function: String, module: String },
    /// An imported global.
    ImportedGlobal,
    /// An imported tag.
    ImportedTag,
    /// An import called `table` that is not `env.table`.
    ImportedTable,
    /// An import called `memory` that is not `env.memory`.
    ImportedMemory,
    /// An import or entry point with other parameters than it should have.
    WrongParameters {
        name: String,
        expected: String,
        got: String,
    },
    /// An import or entry point with other results than it should have.
    WrongResults {
        name: String,
        expected: String,
        got: String,
    },

    /// An export, of any kind, under a name that the replica uses itself.
    ReservedSymbol(String),
    /// An exported function whose name begins with `canister_` and means nothing.
    ReservedFunction(String),
    /// One method, exported as two kinds.
    DuplicateMethod(String),
    /// Too many exported methods.
    TooManyMethods { count: u64, max: u64 },
    /// The method names are too long taken together.
    MethodNamesTooLong { sum: u64, max: u64 },

    /// The offset of an active data segment is not a single constant; the expression is the parser's debug text.
    DataOffset32(String),
    /// The same in a 64-bit module.
    DataOffset64(String),
    /// Too many globals.
    TooManyGlobals { count: u64, max: u64 },
    /// A global of a reference type; the type is printed as `Ref(funcref)`.
    GlobalType(String),
    /// Too many defined functions.
    TooManyFunctions { count: u64, max: u64 },
    /// The initial memory of a 64-bit module, in pages, is too large.
    InitialMemory64TooLarge { pages: u64, max: u64 },
    /// A function is too complex.
    FunctionTooComplex {
        index: u32,
        complexity: u64,
        max: u64,
    },
    /// A function uses an instruction that the engine knows and the replica does not allow.
    UnsupportedInstruction {
        index: u32,
        instruction: &'static str,
    },
    /// A function has too many instructions.
    FunctionTooLarge { index: u32, size: u64, max: u64 },
    /// A function has a name of `size` bytes, of which the beginning is told.
    FunctionNameTooLong {
        index: u32,
        shortened: String,
        size: u64,
        max: u64,
    },

    /// A custom section called `icp:public` or `icp:private`, without a space.
    CustomSectionWithoutName,
    /// A custom section whose name begins with `icp:` and goes on with neither scope; the full name.
    CustomSectionWithoutScope(String),
    /// Two custom sections of one name, which is given without scope.
    DuplicateCustomSection(String),
    /// The custom sections are too large taken together.
    CustomSectionsTooLarge { size: u64, max: u64 },
    /// Too many custom sections that begin with `icp:`.
    TooManyCustomSections { count: u64, max: u64 },

    /// An active data segment lies outside the initial memory. `offset` is the constant, read as unsigned.
    DataOutsideMemory { offset: u64, len: u64 },
    /// More memories than instrumentation provides for.
    MemorySections { got: u64, expected: u64 },
    /// Instrumentation met a function type it cannot use.
    FunctionType(String),
    /// Instrumentation could not read the module.
    NotDeserializable(String),
    /// Instrumentation could not write the module.
    NotSerializable(String),
}

const METHODS: &str = "exported functions called `canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`";

impl ModuleError {
    /// The advice that follows the text.
    pub fn help(&self) -> Help {
        self.row().1
    }

    /// Whether the module passed validation and only its instrumentation failed.
    pub fn is_instrumentation(&self) -> bool {
        use ModuleError::*;
        matches!(
            self,
            DataOutsideMemory { .. }
                | MemorySections { .. }
                | FunctionType(_)
                | NotDeserializable(_)
                | NotSerializable(_)
        )
    }

    /// The text without its beginning, which [`Self::is_instrumentation`] decides, and the help.
    #[rustfmt::skip] // a table
    fn row(&self) -> (String, Help) {
        use Help::{Documented, Internal, Quoting, Toolchain};
        use ModuleError::*;
        match self {
            // Form, size, engine
            UnsupportedFormat => ("Failed to decode wasm module: unsupported canister module format".into(), Toolchain),
            GzipTooShort => ("Failed to decode wasm module: invalid Wasm module: gzip stream is too short".into(), Toolchain),
            GzipCorrupt(reason) => (format!("Failed to decode wasm module: failed to decode compressed Wasm module: {reason}"), Toolchain),
            GzipSizeMismatch { specified, extracted } => (format!("Failed to decode wasm module: specified uncompressed size {specified} does not match extracted size {extracted}"), Toolchain),
            CodeSectionUnreadable(reason) => (format!("Failed to decode wasm module: Error finding code section: {reason}"), Toolchain),
            Unparsable(reason) => (format!("Failed to decode wasm module: Error from wasmparser: {reason}"), Toolchain),
            ModuleTooLarge { size, max } => (
                format!("Wasm module size of {size} exceeds the maximum allowed size of {max}."),
                Documented("Try shrinking the module using tools like `ic-wasm` or splitting the logic across multiple canisters.", "wasm-module-too-large"),
            ),
            CodeSectionTooLarge { size, max } => (
                format!("Wasm module code section size of {size} exceeds the maximum allowed size of {max}."),
                Documented("Try shrinking the module code section using tools like `ic-wasm` or splitting the logic across multiple canisters.", "wasm-module-code-section-too-large"),
            ),
            EngineRejected(reason) => (format!("Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with {reason}"), Toolchain),

            // Imports and signatures
            ImportNotExported { function, module } => (format!("Wasm module has an invalid import section. Module imports function '{function}' from '{module}' that is not exported by the runtime."), Toolchain),
            ImportFromWrongModule { function, module } => (format!(r#"Wasm module has an invalid import section. Module imports function "{function}" from "{module}", expected to be imported from one of ["ic0"] instead."#), Toolchain),
            ImportedGlobal => ("Wasm module has an invalid import section. Importing globals is not allowed.".into(), Toolchain),
            ImportedTag => ("Wasm module has an invalid import section. Importing tags is not allowed.".into(), Toolchain),
            ImportedTable => ("Wasm module has an invalid import section. Only tables imported from env.table are allowed.".into(), Toolchain),
            ImportedMemory => ("Wasm module has an invalid import section. Only memory imported from env.memory is allowed.".into(), Toolchain),
            WrongParameters { name, expected, got } => (format!("Wasm module has an invalid function signature. Expected input params {expected} for '{name}', got {got}."), Toolchain),
            WrongResults { name, expected, got } => (format!("Wasm module has an invalid function signature. Expected return type {expected} for '{name}', got {got}."), Toolchain),

            // Exports
            ReservedSymbol(name) => (format!("Wasm module has an invalid export section. Exporting reserved symbol {name} not allowed."), Toolchain),
            ReservedFunction(name) => (format!(r#"Wasm module has an invalid export section. Exporting reserved function '{name}' with "canister_" prefix"#), Toolchain),
            DuplicateMethod(name) => (
                format!("Duplicate function '{name}' exported multiple times with different call types: update, query, or composite_query."),
                Quoting(format!("Try defining different versions of the function for each call type, e.g. `{name}_update`, `{name}_query`, etc."), "wasm-module-duplicate-exports"),
            ),
            TooManyMethods { count, max } => (
                format!("The number of {METHODS} is {count} which exceeds {max}."),
                Documented("Try combining multiple endpoints into a single endpoint.", "wasm-module-exports-too-many-methods"),
            ),
            MethodNamesTooLong { sum, max } => (
                format!("The sum of `<name>` lengths in {METHODS} is {sum} which exceeds the allowed limit of {max}."),
                Documented("Try using shorter method names.", "wasm-module-sum-of-exported-name-lengths-too-large"),
            ),

            // Data, globals, functions, memory, code
            DataOffset32(expression) => (format!("Wasm module has an invalid data section. Invalid offset expression in data segment for 32bit memory: {expression}"), Toolchain),
            DataOffset64(expression) => (format!("Wasm module has an invalid data section. Invalid offset expression in data segment for 64bit memory: {expression}"), Toolchain),
            TooManyGlobals { count, max } => (
                format!("Wasm module defined {count} globals which exceeds the maximum number allowed {max}."),
                Documented("Try collecting multiple globals into a single structured which can be stored on the heap.", "wasm-module-too-many-globals"),
            ),
            GlobalType(ty) => (format!("Wasm module has an invalid global section. Unsupported global type: {ty}"), Toolchain),
            TooManyFunctions { count, max } => (
                format!("Wasm module defined {count} functions which exceeds the maximum number allowed {max}."),
                Documented("Try spliting this canister into multiple canisters.", "wasm-module-too-many-functions"),
            ),
            InitialMemory64TooLarge { pages, max } => (
                format!("Wasm module declares an initial Wasm64 heap memory size of {pages} pages which exceeds the maximum allowed size of {max} pages."),
                Documented("Try reducing the initial Wasm64 heap memory size.", "wasm-module-initial-wasm64-memory-too-large"),
            ),
            FunctionTooComplex { index, complexity, max } => (
                format!("Wasm module contains a function at index {index} with complexity {complexity} which exceeds the maximum complexity allowed {max}."),
                Documented("Try breaking large functions up into multiple smaller functions.", "wasm-module-function-complexity-too-high"),
            ),
            UnsupportedInstruction { index, instruction } => (format!("Wasm module contains a function at index {index} with unsupported instruction {instruction}."), Toolchain),
            FunctionTooLarge { index, size, max } => (
                format!("Wasm module contains a function at index {index} of size {size} that exceeds the maximum allowed size of {max}."),
                Documented("Try breaking large functions up into multiple smaller functions.", "wasm-module-function-too-large"),
            ),
            // The advice is worded by us.
            FunctionNameTooLong { index, shortened, size, max } => (
                format!("Wasm module contains a function at index {index} with name '{shortened}' of size {size} bytes that exceeds the maximum allowed size of {max} bytes."),
                Documented("Try using shorter function names.", "wasm-module-function-name-too-large"),
            ),

            // Custom sections
            CustomSectionWithoutName => ("Wasm module has an invalid custom section. 'icp:' section names must have a space after the public/private scope".into(), Toolchain),
            CustomSectionWithoutScope(name) => (format!("Wasm module has an invalid custom section. Invalid custom section: Custom section '{name}' has no public/private scope defined."), Toolchain),
            DuplicateCustomSection(name) => (format!("Wasm module has an invalid custom section. Invalid custom section: name {name} already exists"), Toolchain),
            CustomSectionsTooLarge { size, max } => (format!("Wasm module has an invalid custom section. Invalid custom sections: total size of the custom sections exceeds the maximum allowed: size {size} bytes, allowed {max} bytes"), Toolchain),
            TooManyCustomSections { count, max } => (format!("Wasm module defined {count} custom sections which exceeds the maximum number allowed {max}."), Toolchain),

            // Instrumentation
            DataOutsideMemory { offset, len } => (format!("Wasm module has invalid data segment of {len} bytes at {offset}"), Toolchain),
            MemorySections { got, expected } => (format!("Wasm module has {got} memory sections but should have had {expected}"), Toolchain),
            FunctionType(reason) => (format!("Invalid function type: {reason}"), Toolchain),
            NotDeserializable(reason) => (format!("Failed to deserialize wasm module with {reason}"), Internal),
            NotSerializable(reason) => (format!("Failed to serialize wasm module with {reason}"), Internal),
        }
    }
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_instrumentation() {
            "Could not instrument wasm module of canister: "
        } else {
            "Canister's Wasm module is not valid: "
        })?;
        f.write_str(&self.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::help::documentation;
    use super::*;

    const METHODS_SPELLED_OUT: &str = "exported functions called `canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`";

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_text() {
        use ModuleError::*;
        let s = || "reason".to_owned();
        let (name, function, module) = (|| "foo".to_owned(), || "msg_reply".to_owned(), || "IC0".to_owned());
        for (error, text) in [
            (UnsupportedFormat, "Failed to decode wasm module: unsupported canister module format"),
            (GzipTooShort, "Failed to decode wasm module: invalid Wasm module: gzip stream is too short"),
            (GzipCorrupt(s()), "Failed to decode wasm module: failed to decode compressed Wasm module: reason"),
            (GzipSizeMismatch { specified: 49, extracted: 48 }, "Failed to decode wasm module: specified uncompressed size 49 does not match extracted size 48"),
            (CodeSectionUnreadable(s()), "Failed to decode wasm module: Error finding code section: reason"),
            (Unparsable(s()), "Failed to decode wasm module: Error from wasmparser: reason"),
            (ModuleTooLarge { size: 104857601, max: 104857600 }, "Wasm module size of 104857601 exceeds the maximum allowed size of 104857600."),
            (CodeSectionTooLarge { size: 11534337, max: 11534336 }, "Wasm module code section size of 11534337 exceeds the maximum allowed size of 11534336."),
            (EngineRejected(s()), "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with reason"),
            (ImportNotExported { function: function(), module: module() }, "Wasm module has an invalid import section. Module imports function 'msg_reply' from 'IC0' that is not exported by the runtime."),
            (ImportFromWrongModule { function: function(), module: module() }, r#"Wasm module has an invalid import section. Module imports function "msg_reply" from "IC0", expected to be imported from one of ["ic0"] instead."#),
            (ImportedGlobal, "Wasm module has an invalid import section. Importing globals is not allowed."),
            (ImportedTag, "Wasm module has an invalid import section. Importing tags is not allowed."),
            (ImportedTable, "Wasm module has an invalid import section. Only tables imported from env.table are allowed."),
            (ImportedMemory, "Wasm module has an invalid import section. Only memory imported from env.memory is allowed."),
            (WrongParameters { name: function(), expected: "[I32, I32]".into(), got: "[]".into() }, "Wasm module has an invalid function signature. Expected input params [I32, I32] for 'msg_reply', got []."),
            (WrongResults { name: function(), expected: "[]".into(), got: "[I64]".into() }, "Wasm module has an invalid function signature. Expected return type [] for 'msg_reply', got [I64]."),
            (ReservedSymbol(name()), "Wasm module has an invalid export section. Exporting reserved symbol foo not allowed."),
            (ReservedFunction("canister_foo".into()), r#"Wasm module has an invalid export section. Exporting reserved function 'canister_foo' with "canister_" prefix"#),
            (DuplicateMethod(name()), "Duplicate function 'foo' exported multiple times with different call types: update, query, or composite_query."),
            (TooManyMethods { count: 1001, max: 1000 }, &format!("The number of {METHODS_SPELLED_OUT} is 1001 which exceeds 1000.")),
            (MethodNamesTooLong { sum: 20001, max: 20000 }, &format!("The sum of `<name>` lengths in {METHODS_SPELLED_OUT} is 20001 which exceeds the allowed limit of 20000.")),
            (DataOffset32(s()), "Wasm module has an invalid data section. Invalid offset expression in data segment for 32bit memory: reason"),
            (DataOffset64(s()), "Wasm module has an invalid data section. Invalid offset expression in data segment for 64bit memory: reason"),
            (TooManyGlobals { count: 1001, max: 1000 }, "Wasm module defined 1001 globals which exceeds the maximum number allowed 1000."),
            (GlobalType("Ref(funcref)".into()), "Wasm module has an invalid global section. Unsupported global type: Ref(funcref)"),
            (TooManyFunctions { count: 50001, max: 50000 }, "Wasm module defined 50001 functions which exceeds the maximum number allowed 50000."),
            (InitialMemory64TooLarge { pages: 98305, max: 98304 }, "Wasm module declares an initial Wasm64 heap memory size of 98305 pages which exceeds the maximum allowed size of 98304 pages."),
            (FunctionTooComplex { index: 3, complexity: 1000001, max: 1000000 }, "Wasm module contains a function at index 3 with complexity 1000001 which exceeds the maximum complexity allowed 1000000."),
            (UnsupportedInstruction { index: 2, instruction: "table.set" }, "Wasm module contains a function at index 2 with unsupported instruction table.set."),
            (FunctionTooLarge { index: 3, size: 1000001, max: 1000000 }, "Wasm module contains a function at index 3 of size 1000001 that exceeds the maximum allowed size of 1000000."),
            (FunctionNameTooLong { index: 7, shortened: "very_long_function_name...".into(), size: 1500000, max: 1048576 }, "Wasm module contains a function at index 7 with name 'very_long_function_name...' of size 1500000 bytes that exceeds the maximum allowed size of 1048576 bytes."),
            (CustomSectionWithoutName, "Wasm module has an invalid custom section. 'icp:' section names must have a space after the public/private scope"),
            (CustomSectionWithoutScope("icp: a".into()), "Wasm module has an invalid custom section. Invalid custom section: Custom section 'icp: a' has no public/private scope defined."),
            (DuplicateCustomSection(name()), "Wasm module has an invalid custom section. Invalid custom section: name foo already exists"),
            (CustomSectionsTooLarge { size: 1048577, max: 1048576 }, "Wasm module has an invalid custom section. Invalid custom sections: total size of the custom sections exceeds the maximum allowed: size 1048577 bytes, allowed 1048576 bytes"),
            (TooManyCustomSections { count: 17, max: 16 }, "Wasm module defined 17 custom sections which exceeds the maximum number allowed 16."),
        ] {
            assert_eq!(error.to_string(), format!("Canister's Wasm module is not valid: {text}"));
        }
        for (error, text) in [
            (DataOutsideMemory { offset: u64::MAX, len: 3 }, "Wasm module has invalid data segment of 3 bytes at 18446744073709551615"),
            (MemorySections { got: 4, expected: 3 }, "Wasm module has 4 memory sections but should have had 3"),
            (FunctionType(s()), "Invalid function type: reason"),
            (NotDeserializable(s()), "Failed to deserialize wasm module with reason"),
            (NotSerializable(s()), "Failed to serialize wasm module with reason"),
        ] {
            assert_eq!(error.to_string(), format!("Could not instrument wasm module of canister: {text}"));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_advice() {
        use ModuleError::*;
        for (error, suggestion, anchor) in [
            (ModuleTooLarge { size: 2, max: 1 }, "Try shrinking the module using tools like `ic-wasm` or splitting the logic across multiple canisters.", "wasm-module-too-large"),
            (CodeSectionTooLarge { size: 2, max: 1 }, "Try shrinking the module code section using tools like `ic-wasm` or splitting the logic across multiple canisters.", "wasm-module-code-section-too-large"),
            (DuplicateMethod("a".into()), "Try defining different versions of the function for each call type, e.g. `a_update`, `a_query`, etc.", "wasm-module-duplicate-exports"),
            (TooManyMethods { count: 2, max: 1 }, "Try combining multiple endpoints into a single endpoint.", "wasm-module-exports-too-many-methods"),
            (MethodNamesTooLong { sum: 2, max: 1 }, "Try using shorter method names.", "wasm-module-sum-of-exported-name-lengths-too-large"),
            (TooManyGlobals { count: 2, max: 1 }, "Try collecting multiple globals into a single structured which can be stored on the heap.", "wasm-module-too-many-globals"),
            (TooManyFunctions { count: 2, max: 1 }, "Try spliting this canister into multiple canisters.", "wasm-module-too-many-functions"),
            (InitialMemory64TooLarge { pages: 2, max: 1 }, "Try reducing the initial Wasm64 heap memory size.", "wasm-module-initial-wasm64-memory-too-large"),
            (FunctionTooComplex { index: 0, complexity: 2, max: 1 }, "Try breaking large functions up into multiple smaller functions.", "wasm-module-function-complexity-too-high"),
            (FunctionTooLarge { index: 0, size: 2, max: 1 }, "Try breaking large functions up into multiple smaller functions.", "wasm-module-function-too-large"),
            (FunctionNameTooLong { index: 0, shortened: "f...".into(), size: 2, max: 1 }, "Try using shorter function names.", "wasm-module-function-name-too-large"),
        ] {
            assert_eq!(error.help().to_string(), format!("{suggestion} See documentation: {}{anchor}", documentation()));
        }
        for error in [
            UnsupportedFormat, EngineRejected(String::new()), ImportedGlobal, ReservedSymbol(String::new()), GlobalType(String::new()),
            UnsupportedInstruction { index: 0, instruction: "table.set" }, CustomSectionWithoutName, TooManyCustomSections { count: 17, max: 16 },
            DataOutsideMemory { offset: 0, len: 1 }, MemorySections { got: 4, expected: 3 }, FunctionType(String::new()),
        ] {
            assert_eq!(error.help(), Help::Toolchain, "{error}");
        }
        for error in [NotDeserializable(String::new()), NotSerializable(String::new())] {
            assert_eq!(error.help(), Help::Internal, "{error}");
        }
    }
}
