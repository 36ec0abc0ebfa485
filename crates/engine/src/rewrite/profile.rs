//! What is added for a profile: a call of the host where a function begins, and one wherever it ends. Neither is
//! metered, and both get the counter as it stands. The body goes into a block of its own, so that every way to its
//! end, by falling through or by a branch to the function, passes the same place.

use wasm_encoder::{BlockType, Encode, EntityType, ImportSection, Instruction, TypeSection};
use wasmparser::{FuncType, ValType};

use super::{Defect, HOST_MODULE, Layout, PROFILE_ENTER, PROFILE_IMPORTS, PROFILE_LEAVE};
use crate::sections::Sections;

/// The hooks of a module.
pub(super) struct Hooks {
    layout: Layout,
    /// The type of the import [`PROFILE_ENTER`]; that of [`PROFILE_LEAVE`] follows, then those of blocks.
    first_type: u32,
    /// Results of functions that return several values: only a type can name them.
    blocks: Vec<Box<[ValType]>>,
    /// The type of each function that the module defines.
    functions: Vec<FuncType>,
}

impl Hooks {
    /// Makes room for the hooks in the layout of a module.
    pub(super) fn new(sections: &Sections<'_>, layout: &mut Layout) -> Result<Self, Defect> {
        let mut types = Vec::new();
        let section = sections.types.clone().into_iter();
        for ty in section.flat_map(|s| s.into_iter_err_on_gc_types()) {
            types.push(ty?);
        }
        let mut functions = Vec::new();
        for ty in sections.functions.clone().into_iter().flatten() {
            functions.extend(types.get(ty? as usize).cloned());
        }
        let mut blocks: Vec<Box<[ValType]>> = Vec::new();
        for results in functions.iter().map(FuncType::results) {
            if results.len() > 1 && !blocks.iter().any(|known| **known == *results) {
                blocks.push(results.into());
            }
        }
        let first_type = layout.first_helper_type();
        layout.added_imports += PROFILE_IMPORTS;
        layout.added_types += PROFILE_IMPORTS + blocks.len() as u32;
        Ok(Hooks {
            layout: *layout,
            first_type,
            blocks,
            functions,
        })
    }

    /// Adds the types of the imports and of blocks.
    pub(super) fn declare_types(&self, types: &mut TypeSection) {
        use wasm_encoder::ValType::{I32, I64};
        types.ty().function([I32, I64], []);
        types.ty().function([I64], []);
        for results in &self.blocks {
            types
                .ty()
                .function([], results.iter().map(|ty| encoded(*ty)));
        }
    }

    /// Adds the imports.
    pub(super) fn declare_imports(&self, imports: &mut ImportSection) {
        for (name, ty) in [PROFILE_ENTER, PROFILE_LEAVE].iter().zip(self.first_type..) {
            imports.import(HOST_MODULE, name, EntityType::Function(ty));
        }
    }

    /// The hooks of the function that the module defines at this position.
    pub(super) fn function(&self, position: usize) -> FunctionHooks {
        let block = match self.functions[position].results() {
            [] => BlockType::Empty,
            [result] => BlockType::Result(encoded(*result)),
            results => {
                let known = self.blocks.iter().position(|known| **known == *results);
                let known = known.expect("all were collected before");
                BlockType::FunctionType(self.first_type + PROFILE_IMPORTS + known as u32)
            }
        };
        let leave = self.layout.imported + self.layout.added_imports - 1;
        FunctionHooks {
            index: self.layout.imported + position as u32,
            counter: self.layout.counter(),
            enter: leave - 1,
            leave,
            block,
        }
    }
}

fn encoded(ty: ValType) -> wasm_encoder::ValType {
    ty.try_into().expect("validation admits no other types")
}

/// The hooks of one function.
pub(super) struct FunctionHooks {
    /// Its index in the original module.
    index: u32,
    counter: u32,
    enter: u32,
    leave: u32,
    block: BlockType,
}

impl FunctionHooks {
    /// What comes before the body.
    pub(super) fn enter(&self, sink: &mut Vec<u8>) {
        for instruction in [
            Instruction::I32Const(self.index as i32),
            Instruction::GlobalGet(self.counter),
            Instruction::Call(self.enter),
            Instruction::Block(self.block),
        ] {
            instruction.encode(sink);
        }
    }

    /// What comes before an operator that ends the function.
    pub(super) fn leave(&self, sink: &mut Vec<u8>) {
        Instruction::GlobalGet(self.counter).encode(sink);
        Instruction::Call(self.leave).encode(sink);
    }

    /// What comes after the body, whose last operator has ended the block.
    pub(super) fn end(&self, sink: &mut Vec<u8>) {
        self.leave(sink);
        Instruction::End.encode(sink);
    }
}
