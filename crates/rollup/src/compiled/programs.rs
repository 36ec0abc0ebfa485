//! Random programs for tests: every kind of branch, call and bulk instruction, at random places, always ending.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, Instruction as I, MemArg, MemorySection,
    MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

/// Functions beside `kernel_run`, all from `i32` to `i32`.
const FUNCTIONS: u32 = 4;

/// A program that a number stands for.
pub(super) fn program(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    (0..FUNCTIONS).for_each(|_| {
        functions.function(1);
    });
    let mut tables = TableSection::new();
    let size = u64::from(FUNCTIONS);
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: size,
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let ty = GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    };
    globals.global(ty, &ConstExpr::i32_const(200));
    let mut exports = ExportSection::new();
    exports
        .export("memory", ExportKind::Memory, 0)
        .export("kernel_run", ExportKind::Func, 0);
    let mut elements = ElementSection::new();
    let all: Vec<u32> = (1..=FUNCTIONS).collect();
    elements.active(
        None,
        &ConstExpr::i32_const(0),
        Elements::Functions(all.into()),
    );
    let mut code = CodeSection::new();
    for function in 0..=FUNCTIONS {
        let mut body = Function::new([
            (random.below(3), ValType::I32),
            (1, ValType::I64),
            (2, ValType::I32),
        ]);
        let mut writer = Writer {
            random: &mut random,
            out: &mut body,
            labels: vec![u32::from(function > 0)],
        };
        writer.statements(4);
        if function > 0 {
            writer.out.instruction(&I::GlobalGet(0));
        }
        body.instruction(&I::End);
        code.function(&body);
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals);
    module.section(&exports).section(&elements).section(&code);
    module.finish()
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % n
    }
}

struct Writer<'a> {
    random: &'a mut Random,
    out: &'a mut Function,
    /// The values that a branch to each label takes, the outermost first.
    labels: Vec<u32>,
}

impl Writer<'_> {
    fn put(&mut self, instructions: &[I<'_>]) {
        for instruction in instructions {
            self.out.instruction(instruction);
        }
    }

    fn number(&mut self) -> I<'static> {
        I::I32Const(self.random.below(8) as i32)
    }

    /// A number from the global, or a constant.
    fn value(&mut self) {
        let number = self.number();
        if self.random.below(2) == 0 {
            self.put(&[I::GlobalGet(0), number, I::I32And]);
        } else {
            self.put(&[number]);
        }
    }

    fn statements(&mut self, depth: u32) {
        for _ in 0..1 + self.random.below(4) {
            self.statement(depth);
        }
    }

    /// A label and the values it takes, pushed; never of a loop, which would not end.
    fn label(&mut self) -> u32 {
        let depth = self.random.below(self.labels.len() as u32);
        let takes = self.labels[self.labels.len() - 1 - depth as usize];
        if takes == LOOP {
            return 0;
        }
        for _ in 0..takes {
            self.value();
        }
        depth
    }

    fn block(&mut self, ty: BlockType, takes: u32, depth: u32) {
        self.put(&[I::Block(ty)]);
        self.labels.push(takes);
        self.statements(depth);
    }

    fn statement(&mut self, depth: u32) {
        let nested = depth > 0;
        match self.random.below(if nested { 15 } else { 8 }) {
            0 => self.put(&[I::Nop]),
            1 => {
                self.value();
                self.put(&[I::Drop]);
            }
            2 => self.fill(),
            3 => self.copy(),
            4 => {
                self.value();
                let memarg = MemArg {
                    offset: 4,
                    align: 0,
                    memory_index: 0,
                };
                self.put(&[I::I32Load8U(memarg), I::GlobalGet(0), I::I32Xor, I::Drop]);
            }
            5 | 6 => self.call(),
            7 => {
                self.value();
                self.put(&[I::If(BlockType::Empty)]);
                self.labels.push(0);
                self.leave();
                self.put(&[I::End]);
                self.labels.pop();
            }
            8 => {
                self.block(BlockType::Empty, 0, depth - 1);
                self.put(&[I::End]);
                self.labels.pop();
            }
            9 => {
                // Operands under the block, and a value from it.
                self.value();
                self.value();
                self.block(BlockType::Result(ValType::I32), 1, depth - 1);
                self.value();
                self.value();
                self.put(&[I::BrIf(0), I::End, I::Drop, I::Drop, I::Drop]);
                self.labels.pop();
            }
            10 | 11 => {
                self.value();
                self.value();
                self.put(&[I::If(BlockType::Empty)]);
                self.labels.push(0);
                self.statements(depth - 1);
                if self.random.below(2) == 0 {
                    self.put(&[I::Else]);
                    self.statements(depth - 1);
                }
                self.put(&[I::End, I::Drop]);
                self.labels.pop();
            }
            12 => {
                // A loop that uses up the global.
                self.value();
                self.put(&[I::Loop(BlockType::Empty)]);
                self.labels.push(LOOP);
                self.statements(depth - 1);
                self.spend();
                self.put(&[I::BrIf(0), I::End, I::Drop]);
                self.labels.pop();
            }
            13 => {
                for _ in 0..3 {
                    self.put(&[I::Block(BlockType::Empty)]);
                    self.labels.push(0);
                }
                self.value();
                self.put(&[I::BrTable([0, 2, 1][..].into(), 1)]);
                for _ in 0..3 {
                    self.put(&[I::End]);
                    self.labels.pop();
                    self.statements(depth - 1);
                }
            }
            _ => {
                self.block(BlockType::Empty, 0, depth - 1);
                self.leave();
                // What follows cannot be reached.
                self.statements(depth - 1);
                self.put(&[I::End]);
                self.labels.pop();
            }
        }
    }

    /// Goes away from here, to a label or out of the function.
    fn leave(&mut self) {
        match self.random.below(3) {
            0 => {
                if self.labels[0] == 1 {
                    self.value();
                }
                self.put(&[I::Return]);
            }
            _ => {
                let label = self.label();
                // A loop has no values and would begin again; its end is near instead.
                if self.labels[self.labels.len() - 1 - label as usize] != LOOP {
                    self.put(&[I::Br(label)]);
                }
            }
        }
    }

    /// Takes one from the global; whether something is left.
    fn spend(&mut self) {
        self.put(&[I::GlobalGet(0), I::I32Const(1), I::I32Sub, I::GlobalSet(0)]);
        self.put(&[I::GlobalGet(0), I::I32Const(0), I::I32GtS]);
    }

    /// Calls a function, directly or through the table, while the global lasts.
    fn call(&mut self) {
        self.spend();
        self.put(&[I::If(BlockType::Empty)]);
        self.value();
        self.value();
        let function = 1 + self.random.below(FUNCTIONS);
        if self.random.below(2) == 0 {
            self.put(&[I::Call(function)]);
        } else {
            self.put(&[
                I::I32Const(function as i32 - 1),
                I::CallIndirect {
                    type_index: 1,
                    table_index: 0,
                },
            ]);
        }
        self.put(&[I::Drop, I::Drop, I::End]);
    }

    fn fill(&mut self) {
        (0..3).for_each(|_| self.value());
        self.put(&[I::MemoryFill(0)]);
    }

    fn copy(&mut self) {
        (0..3).for_each(|_| self.value());
        self.put(&[I::MemoryCopy {
            src_mem: 0,
            dst_mem: 0,
        }]);
    }
}

/// The mark of a label that leads back.
const LOOP: u32 = u32::MAX;
