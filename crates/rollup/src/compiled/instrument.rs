//! Rewrites a kernel so that it counts its ticks itself: a global grows by what each stretch of code costs.
//!
//! The costs are those of `module::lower`, which the interpreter pays one by one; a differential test over random modules
//! compares both. What a host function costs is added by the host. The same global trick bounds the depth of calls.

use wasm_encoder::{BlockType, Encode, Instruction, RefType, ValType};
use wasmparser::{FuncValidatorAllocations, FunctionBody, Operator, Payload};

use crate::interpreter::MAX_TABLE;
use crate::module::{Constant, Kernel, ticks};

/// The export that holds the ticks at the end of a run.
pub const TICKS: &str = "kernel ticks";

/// The kernel with counters; `None` for what is left to the interpreter: a start function, references as globals, and
/// host functions that are called through a table.
pub fn instrument(kernel: &Kernel, depth: usize) -> Option<Vec<u8>> {
    if kernel.start.is_some()
        || kernel
            .globals
            .iter()
            .any(|global| global.ty.is_reference_type())
    {
        return None;
    }
    let is_host = |item: &Constant| matches!(item, Constant::Function(n) if (*n as usize) < kernel.imports.len());
    if kernel
        .elements
        .iter()
        .flat_map(|segment| &segment.items)
        .any(is_host)
    {
        return None;
    }
    let mut writer = Writer {
        kernel,
        depth: depth as i32,
        ticks: kernel.globals.len() as u32,
        out: wasm_encoder::Module::new(),
        globals_written: false,
        exports_written: false,
        code: wasm_encoder::CodeSection::new(),
    };
    for payload in wasmparser::Parser::new(0).parse_all(&kernel.bytes) {
        writer.payload(&payload.ok()?)?;
    }
    Some(writer.out.finish())
}

struct Writer<'a> {
    kernel: &'a Kernel,
    depth: i32,
    /// The global of the ticks; that of the depth is the next.
    ticks: u32,
    out: wasm_encoder::Module,
    globals_written: bool,
    exports_written: bool,
    code: wasm_encoder::CodeSection,
}

/// The numbers of the sections that stand around the ones that are changed.
const GLOBALS: u8 = 6;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

impl Writer<'_> {
    fn payload(&mut self, payload: &Payload<'_>) -> Option<()> {
        match payload {
            Payload::Version { .. } | Payload::CustomSection(_) => {}
            Payload::TableSection(section) => {
                let mut tables = wasm_encoder::TableSection::new();
                for table in section.clone() {
                    tables.table(bounded(&table.ok()?.ty));
                }
                self.out.section(&tables);
            }
            Payload::GlobalSection(section) => {
                let raw = &self.kernel.bytes[section.range()];
                self.globals(section.count(), skip_count(raw)?);
            }
            Payload::ExportSection(section) => {
                self.before(EXPORTS);
                let raw = &self.kernel.bytes[section.range()];
                self.exports(section.count(), skip_count(raw)?);
            }
            Payload::CodeSectionStart { count, .. } => {
                self.before(CODE);
                if *count == 0 {
                    self.out.section(&self.code);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let function = self.kernel.imports.len() as u32 + self.code.len();
                let body = self.body(function, body)?;
                self.code.raw(&body);
                if self.kernel.imports.len() as u32 + self.code.len()
                    == self.kernel.function_count()
                {
                    self.out.section(&self.code);
                }
            }
            Payload::End(_) => self.before(u8::MAX),
            other => {
                let (id, range) = other.as_section()?;
                // The count of data segments stands before the code, out of the order of its number.
                self.before(if id == 12 { CODE } else { id });
                self.out.section(&wasm_encoder::RawSection {
                    id,
                    data: &self.kernel.bytes[range],
                });
            }
        }
        Some(())
    }

    /// Writes the added globals and exports before a section of a later number.
    fn before(&mut self, id: u8) {
        if id > GLOBALS && !self.globals_written {
            self.globals(0, &[]);
        }
        if id > EXPORTS && !self.exports_written {
            self.exports(0, &[]);
        }
    }

    fn globals(&mut self, count: u32, raw: &[u8]) {
        let mut data = Vec::new();
        (count + 2).encode(&mut data);
        data.extend(raw);
        for (ty, init) in [
            (ValType::I64, Instruction::I64Const(0)),
            (ValType::I32, Instruction::I32Const(1)),
        ] {
            ty.encode(&mut data);
            data.push(1);
            init.encode(&mut data);
            Instruction::End.encode(&mut data);
        }
        self.out.section(&wasm_encoder::RawSection {
            id: GLOBALS,
            data: &data,
        });
        self.globals_written = true;
    }

    fn exports(&mut self, count: u32, raw: &[u8]) {
        let mut data = Vec::new();
        (count + 1).encode(&mut data);
        data.extend(raw);
        TICKS.encode(&mut data);
        data.push(3);
        self.ticks.encode(&mut data);
        self.out.section(&wasm_encoder::RawSection {
            id: EXPORTS,
            data: &data,
        });
        self.exports_written = true;
    }

    fn body(&self, function: u32, body: &FunctionBody<'_>) -> Option<Vec<u8>> {
        let ty = self.kernel.signature(function);
        let params = ty.params.len() as u32;
        let mut validator = self
            .kernel
            .checker(function)
            .into_validator(FuncValidatorAllocations::default());
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).ok()?;
        let locals = validator.len_locals() - params;

        let mut out = Vec::new();
        let groups = body.get_locals_reader().ok()?;
        (groups.get_count() + 1).encode(&mut out);
        let operators = body.get_operators_reader().ok()?;
        let start = operators.original_position();
        let declared = &self.kernel.bytes[body.range().start..start];
        out.extend(skip_count(declared)?);
        1u32.encode(&mut out);
        ValType::I32.encode(&mut out);

        let mut code = Code {
            writer: self,
            blocks: vec![Block::function(ty.results.len() as u32)],
            live: true,
            scratch: params + locals,
            segment: Vec::new(),
            cost: ticks::entry(params, locals),
            out,
        };
        code.check_depth();
        let mut items = operators.into_iter_with_offsets().peekable();
        while let Some(item) = items.next() {
            let (op, at) = item.ok()?;
            let end = match items.peek() {
                Some(Ok((_, next))) => *next,
                _ => body.range().end,
            };
            let height = validator.operand_stack_height();
            validator.op(at, &op).ok()?;
            let raw = &self.kernel.bytes[at..end];
            let entered = matches!(
                op,
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. }
            );
            if entered {
                let frame = validator.get_control_frame(0)?;
                code.enter(&op, frame.height as u32, frame.block_type, raw);
            } else {
                code.operator(&op, height, raw)?;
            }
        }
        Some(code.out)
    }
}

/// A table that grows no further than the interpreter's.
fn bounded(ty: &wasmparser::TableType) -> wasm_encoder::TableType {
    let element_type = if ty.element_type.is_func_ref() {
        RefType::FUNCREF
    } else {
        RefType::EXTERNREF
    };
    wasm_encoder::TableType {
        element_type,
        table64: false,
        minimum: ty.initial,
        maximum: Some(ty.maximum.unwrap_or(MAX_TABLE).min(MAX_TABLE)),
        shared: false,
    }
}

/// What follows the number at the beginning of a section.
fn skip_count(raw: &[u8]) -> Option<&[u8]> {
    let end = raw.iter().position(|byte| byte & 0x80 == 0)? + 1;
    Some(&raw[end..])
}

struct Block {
    height: u32,
    outer: u32,
    params: u32,
    results: u32,
    is_loop: bool,
    /// An `if` whose other part has not been seen.
    open_if: bool,
    live: bool,
}

impl Block {
    fn function(results: u32) -> Self {
        Self {
            height: 0,
            outer: 0,
            params: 0,
            results,
            is_loop: false,
            open_if: false,
            live: true,
        }
    }
}

struct Code<'a> {
    writer: &'a Writer<'a>,
    blocks: Vec<Block>,
    live: bool,
    /// A local of ours.
    scratch: u32,
    /// Code that runs as a whole, and its cost, to be charged in front of it.
    segment: Vec<u8>,
    cost: u64,
    out: Vec<u8>,
}

impl Code<'_> {
    fn put(&mut self, instructions: &[Instruction<'_>]) {
        instructions
            .iter()
            .for_each(|instruction| instruction.encode(&mut self.segment));
    }

    /// The segment ends: its cost, then its code.
    fn flush(&mut self) {
        if self.cost > 0 {
            let ticks = self.writer.ticks;
            for instruction in [
                Instruction::GlobalGet(ticks),
                Instruction::I64Const(self.cost as i64),
                Instruction::I64Add,
                Instruction::GlobalSet(ticks),
            ] {
                instruction.encode(&mut self.out);
            }
        }
        self.out.append(&mut self.segment);
        self.cost = 0;
    }

    fn check_depth(&mut self) {
        let depth = self.writer.ticks + 1;
        self.put(&[
            Instruction::GlobalGet(depth),
            Instruction::I32Const(self.writer.depth),
            Instruction::I32GeU,
            Instruction::If(BlockType::Empty),
            Instruction::Unreachable,
            Instruction::End,
        ]);
    }

    fn deeper(&mut self, by: i32) {
        let depth = self.writer.ticks + 1;
        self.put(&[
            Instruction::GlobalGet(depth),
            Instruction::I32Const(by),
            Instruction::I32Add,
            Instruction::GlobalSet(depth),
        ]);
    }

    fn enter(&mut self, op: &Operator<'_>, height: u32, ty: wasmparser::BlockType, raw: &[u8]) {
        let (params, results) = ticks::arity(&self.writer.kernel.types, ty);
        let outer = height.saturating_sub(self.blocks.last().map_or(0, |block| block.height));
        let is_loop = matches!(op, Operator::Loop { .. });
        let open_if = matches!(op, Operator::If { .. });
        let live = self.live;
        if live {
            self.cost += if open_if { ticks::IF } else { ticks::ORDINARY };
        }
        self.segment.extend(raw);
        if is_loop || open_if {
            self.flush();
        }
        self.blocks.push(Block {
            height,
            outer,
            params,
            results,
            is_loop,
            open_if,
            live,
        });
    }

    fn branch(&self, depth: u32) -> u64 {
        let last = self.blocks.len() - 1;
        let block = &self.blocks[last - depth as usize];
        let arity = if block.is_loop {
            block.params
        } else {
            block.results
        };
        ticks::branch(
            depth,
            depth as usize == last,
            block.is_loop,
            arity,
            block.outer,
        )
    }

    /// Adds what is on the stack, an `i64`, to the ticks; the ticks so far lie under it.
    fn add(&mut self) {
        self.put(&[
            Instruction::I64Add,
            Instruction::GlobalSet(self.writer.ticks),
        ]);
    }

    /// Adds `each` ticks for every item of a bulk instruction, whose number is on the stack.
    fn charge_items(&mut self, each: i64) {
        self.put(&[
            Instruction::LocalTee(self.scratch),
            Instruction::GlobalGet(self.writer.ticks),
            Instruction::LocalGet(self.scratch),
            Instruction::I64ExtendI32U,
            Instruction::I64Const(each),
            Instruction::I64Mul,
        ]);
        self.add();
    }

    fn operator(&mut self, op: &Operator<'_>, height: u32, raw: &[u8]) -> Option<()> {
        match op {
            Operator::End => {
                self.end(raw);
                return Some(());
            }
            Operator::Else => {
                let block = self.blocks.last_mut()?;
                block.open_if = false;
                let leaving = ticks::leaving(block.results, block.outer);
                let live = block.live;
                if self.live {
                    self.cost += leaving;
                }
                self.flush();
                self.out.extend(raw);
                self.live = live;
                return Some(());
            }
            _ if !self.live => {
                self.segment.extend(raw);
                return Some(());
            }
            _ => {}
        }
        let mut ends = false;
        match *op {
            Operator::Unreachable => {
                self.cost += ticks::ORDINARY;
                ends = true;
            }
            Operator::Return => {
                self.cost += ticks::RETURN;
                ends = true;
            }
            Operator::Br { relative_depth } => {
                self.cost += 3 + self.branch(relative_depth);
                ends = true;
            }
            Operator::BrIf { relative_depth } => {
                self.cost += ticks::ORDINARY;
                let taken = self.branch(relative_depth);
                self.put(&[
                    Instruction::LocalSet(self.scratch),
                    Instruction::GlobalGet(self.writer.ticks),
                    Instruction::I64Const(taken as i64),
                    Instruction::I64Const(0),
                    Instruction::LocalGet(self.scratch),
                    Instruction::Select,
                ]);
                self.add();
                self.put(&[Instruction::LocalGet(self.scratch)]);
                self.segment.extend(raw);
                self.flush();
                return Some(());
            }
            Operator::BrTable { ref targets } => {
                self.cost += ticks::ORDINARY;
                let depths = targets
                    .targets()
                    .chain([Ok(targets.default())])
                    .collect::<Result<Vec<_>, _>>()
                    .ok()?;
                self.branch_table(&depths);
                ends = true;
            }
            Operator::Call { function_index } => {
                self.cost += ticks::ORDINARY;
                if (function_index as usize) >= self.writer.kernel.imports.len() {
                    let ty = self.writer.kernel.signature(function_index);
                    self.cost += self.pop(height, ty.params.len(), ty.results.len());
                    self.deeper(1);
                    self.segment.extend(raw);
                    self.deeper(-1);
                    return Some(());
                }
            }
            Operator::CallIndirect { type_index, .. } => {
                let ty = &self.writer.kernel.types[type_index as usize];
                self.cost +=
                    ticks::ORDINARY + self.pop(height - 1, ty.params.len(), ty.results.len());
                self.deeper(1);
                self.segment.extend(raw);
                self.deeper(-1);
                return Some(());
            }
            Operator::RefFunc { function_index } => {
                if (function_index as usize) < self.writer.kernel.imports.len() {
                    return None;
                }
                self.cost += ticks::ORDINARY;
            }
            Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. } => {
                self.cost += ticks::ORDINARY;
                self.charge_items(ticks::PER_ITEM as i64);
            }
            Operator::MemoryCopy { .. } | Operator::TableCopy { .. } => {
                self.cost += ticks::ORDINARY;
                self.charge_items(ticks::PER_COPY as i64);
            }
            _ => self.cost += ticks::ORDINARY,
        }
        self.segment.extend(raw);
        if ends {
            self.flush();
            self.live = false;
        }
        Some(())
    }

    fn pop(&self, height: u32, params: usize, results: usize) -> u64 {
        let own = self.blocks.last().map_or(0, |block| block.height);
        ticks::pop(results as u32, height.saturating_sub(params as u32 + own))
    }

    fn end(&mut self, raw: &[u8]) {
        let Some(block) = self.blocks.pop() else {
            return;
        };
        let leaving = if self.blocks.is_empty() {
            ticks::END
        } else {
            ticks::leaving(block.results, block.outer)
        };
        if self.live {
            self.cost += leaving;
        }
        self.flush();
        if block.open_if && block.live {
            // The other part is empty, but its end costs what any end does.
            Instruction::Else.encode(&mut self.out);
            self.cost = leaving;
            self.flush();
        }
        self.out.extend(raw);
        self.live = block.live;
    }

    /// The ticks of a branch through a table: by its index, where they differ.
    fn branch_table(&mut self, depths: &[u32]) {
        let costs: Vec<u64> = depths.iter().map(|depth| self.branch(*depth)).collect();
        let mut distinct = costs.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if let [cost] = distinct[..] {
            self.cost += cost;
            return;
        }
        let index = |cost: &u64| distinct.binary_search(cost).unwrap_or_default() as u32;
        let labels: Vec<u32> = costs.iter().map(index).collect();
        let Some((default, labels)) = labels.split_last() else {
            return;
        };
        self.put(&[
            Instruction::LocalTee(self.scratch),
            Instruction::GlobalGet(self.writer.ticks),
            Instruction::Block(BlockType::Result(ValType::I64)),
        ]);
        for _ in &distinct {
            self.put(&[Instruction::Block(BlockType::Empty)]);
        }
        self.put(&[
            Instruction::LocalGet(self.scratch),
            Instruction::BrTable(labels.into(), *default),
        ]);
        for (n, cost) in distinct.iter().enumerate() {
            let out = (distinct.len() - 1 - n) as u32;
            self.put(&[
                Instruction::End,
                Instruction::I64Const(*cost as i64),
                Instruction::Br(out),
            ]);
        }
        self.put(&[Instruction::End]);
        self.add();
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
