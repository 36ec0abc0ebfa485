//! Compiled code against the interpreter on random modules: the same ticks, memory, global variables, or both trap.
//!
//! The modules are those of `fuzz/`, made with wasm-smith: all instructions on integers and vectors, tables, references,
//! traps. `random_modules` holds a few; `RANDOM_MODULES=FILE` names a file with more.

use std::convert::Infallible;

use super::engine::run;
use drun_rollup::compiled::Compiled;
use drun_rollup::module::Kernel;
use drun_rollup::pvm::{Interpreter, Unfinished};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    Instruction as I, MemArg, Module, SectionId, TypeSection, ValType,
};
use wasmparser::{FunctionBody, Parser, ValType as Type};

/// Puts a function around `kernel_run` that prints all global variables and all of memory when it has returned.
struct Telling {
    globals: Vec<Type>,
    entry: u32,
    functions: u32,
    bodies: u32,
    types: u32,
}

impl Telling {
    fn import(&self, imports: &mut ImportSection) {
        let ty = EntityType::Function(self.types);
        imports.import("smart_rollup_core", "write_debug", ty);
    }
}

type Done = Result<(), reencode::Error<Infallible>>;

impl Reencode for Telling {
    type Error = Infallible;

    // The import of `write_debug` comes first.
    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(function + 1)
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Done {
        utils::parse_type_section(self, types, section)?;
        self.types = types.len();
        types.ty().function([ValType::I32; 2], []);
        types.ty().function([], []);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Done {
        if after == Some(SectionId::Type) && before != Some(SectionId::Import) {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    // There is one, and it is empty.
    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        _: wasmparser::ImportSectionReader<'_>,
    ) -> Done {
        self.import(imports);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Done {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.types + 1);
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: wasmparser::Export<'_>,
    ) -> Done {
        if export.name == "kernel_run" {
            exports.export("kernel_run", ExportKind::Func, self.functions + 1);
            Ok(())
        } else {
            utils::parse_export(self, exports, export)
        }
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Done {
        utils::parse_function_body(self, code, body)?;
        self.bodies += 1;
        if self.bodies == self.functions {
            let mut function = Function::new([]);
            function.instruction(&I::Call(self.entry + 1));
            for (n, ty) in (0..).zip(&self.globals) {
                let memarg = MemArg {
                    offset: 16 * u64::from(n),
                    align: 0,
                    memory_index: 0,
                };
                let store = match ty {
                    Type::I32 => I::I32Store(memarg),
                    Type::I64 => I::I64Store(memarg),
                    Type::V128 => I::V128Store(memarg),
                    _ => continue,
                };
                for instruction in [I::I32Const(0), I::GlobalGet(n), store] {
                    function.instruction(&instruction);
                }
            }
            for instruction in [
                I::I32Const(0),
                I::MemorySize(0),
                I::I32Const(16),
                I::I32Shl,
                I::Call(0),
                I::End,
            ] {
                function.instruction(&instruction);
            }
            code.function(&function);
        }
        Ok(())
    }
}

fn telling(wasm: &[u8]) -> Vec<u8> {
    let kernel = Kernel::decode(wasm.into()).unwrap_or_else(|error| panic!("{error}"));
    let mut telling = Telling {
        globals: kernel.globals.iter().map(|global| global.ty).collect(),
        entry: kernel.exports["kernel_run"],
        functions: kernel.function_count(),
        bodies: 0,
        types: 0,
    };
    let mut module = Module::new();
    telling
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .unwrap();
    module.finish()
}

pub(super) fn modules(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut modules = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (module, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        modules.push(module);
        bytes = rest;
    }
    modules
}

#[test]
fn both_ways_of_running_agree_on_random_modules() {
    let more = std::env::var_os("RANDOM_MODULES").map(|path| std::fs::read(path).unwrap());
    let file = more.as_deref().unwrap_or(include_bytes!("random_modules"));
    let modules = modules(file);
    let (mut returned, mut trapped, mut left) = (0, 0, 0);
    for (n, module) in modules.iter().enumerate() {
        let wasm = telling(module);
        let expected = run(&mut Interpreter, &wasm, &[]);
        let found = run(&mut Compiled::default(), &wasm, &[]);
        match (&expected.0, &found.0) {
            (Ok(_), Err(Unfinished::Undecided(text))) if text == "not compiled" => left += 1,
            (Err(_), Err(_)) => trapped += 1,
            _ => {
                assert_eq!(found.0, expected.0, "module {n}: ticks");
                assert!(found.2 == expected.2, "module {n}: memory or globals");
                assert!(found.1 == expected.1, "module {n}: the world");
                returned += 1;
            }
        }
    }
    println!("{returned} returned, {trapped} trapped, {left} were left to the interpreter");
    assert!(returned * 3 > modules.len() && trapped > 0);
}
