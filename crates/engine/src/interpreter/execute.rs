//! The loop that carries out instructions. It runs on a stack of its own, so that calls of the module cost nothing of the
//! thread's.

use wasmtime::Trap;

use super::bulk::Bytes;
use super::machine::{Environment, Frame, Halt, Machine, Stack, View, cost_of};
use super::numbers::{self, Slot, double, pay_length, single};
use super::op::{Instr, Op};
use super::outline::NULL;
use crate::memory::{HeapView, WASM_PAGE_SIZE};

impl Machine {
    /// Runs a function of the module's own on these arguments. The counter is up to date whenever the environment is asked, and at the end.
    ///
    /// # Errors
    /// Why it ended before.
    #[allow(
        clippy::undocumented_unsafe_blocks,
        reason = "one comment covers all of them: they are the same four accesses"
    )]
    pub(super) fn execute<E: Environment>(
        &mut self,
        environment: &mut E,
        stack: &mut Stack,
        mut function: u32,
        arguments: &[u64],
        counter: &mut i64,
    ) -> Result<(), Halt> {
        let program = &*self.program;
        let heap = self.heap.as_ref();
        let globals = &mut self.globals[..];
        let dropped = &mut self.dropped[..];
        let frames = &mut stack.frames;
        frames.clear();
        let slots = &mut stack.slots[..];
        slots[..arguments.len()].copy_from_slice(arguments);
        let mask = match program.memory64() {
            true => u64::MAX,
            false => u64::from(u32::MAX),
        };
        let mut told = heap.and_then(HeapView::told);
        let base = heap.map_or(std::ptr::null_mut(), |heap| heap.base());
        let mut size = heap.map_or(0, |heap| heap.size() as u64);
        // What is left of the stack, in bytes.
        let mut room = size_of_val(slots);
        let mut fp = slots.as_mut_ptr();
        let mut spent;
        let mut pc: *const Instr;
        let mut instr: &Instr;

        // SAFETY, of everything below: instructions name slots below the `slots` of their function, and whoever enters a
        // function has made sure that so many are left (`room` counts them, and more, down to zero). `pc` walks over
        // the instructions of one function, which end with one that goes elsewhere, and branches lead to its
        // instructions; all code lives as long as the program. Addresses of the heap are compared with its size
        // before they are used, and the heap is told of each access, since it may be open to all.
        macro_rules! get {
            ($slot:ident) => {
                unsafe { *fp.add(usize::from(instr.$slot)) }
            };
        }
        macro_rules! set {
            ($value:expr) => {{
                let value = $value;
                unsafe { *fp.add(usize::from(instr.a)) = value }
            }};
        }
        macro_rules! next {
            () => {
                pc = unsafe { pc.add(1) }
            };
        }
        macro_rules! jump {
            () => {
                pc = unsafe { pc.offset(instr.imm as i32 as isize) }
            };
        }
        macro_rules! view {
            ($stand_in:expr) => {
                View::new(program, frames, Some(function), $stand_in)
            };
        }
        macro_rules! halt {
            ($trap:ident) => {
                return Err(Halt::trap(Trap::$trap, &view!(None)))
            };
        }
        macro_rules! unary {
            ($ty:ty, $f:expr) => {{
                let f: fn($ty) -> _ = $f;
                set!(f(<$ty>::from_slot(get!(b))).to_slot());
                next!();
            }};
        }
        // What may trap.
        macro_rules! checked {
            ($result:expr) => {{
                match $result {
                    Ok(value) => set!(value.to_slot()),
                    Err(trap) => return Err(Halt::trap(trap, &view!(None))),
                }
                next!();
            }};
        }
        macro_rules! convert {
            ($ty:ty, $f:path) => {
                checked!($f(<$ty>::from_slot(get!(b)).into()))
            };
        }
        macro_rules! divide {
            ($ty:ty, $f:path) => {
                checked!($f(<$ty>::from_slot(get!(b)), <$ty>::from_slot(get!(c))))
            };
        }
        macro_rules! apply {
            ($ty:ty, $f:expr, $y:expr) => {{
                let f: fn($ty, $ty) -> _ = $f;
                f(<$ty>::from_slot(get!(b)), <$ty>::from_slot($y))
            }};
        }
        macro_rules! binary {
            ($ty:ty, $f:expr) => {{
                set!(apply!($ty, $f, get!(c)).to_slot());
                next!();
            }};
        }
        macro_rules! binary_imm {
            ($ty:ty, $f:expr) => {{
                set!(apply!($ty, $f, instr.imm).to_slot());
                next!();
            }};
        }
        macro_rules! branch_if {
            ($condition:expr) => {
                match $condition {
                    true => jump!(),
                    false => next!(),
                }
            };
        }
        macro_rules! branch {
            ($ty:ty, $f:expr) => {
                branch_if!(apply!($ty, $f, get!(c)))
            };
        }
        macro_rules! branch_imm {
            ($ty:ty, $f:expr) => {
                branch_if!(apply!($ty, $f, (instr.imm as i64 >> 32) as u64))
            };
        }
        // The address of so many bytes. Across the end, the machine touches what it can before it traps.
        macro_rules! address {
            ($bytes:expr, $touch:ident) => {{
                let address = get!(b) & mask;
                let (start, over) = address.overflowing_add(instr.imm);
                let (end, beyond) = start.overflowing_add($bytes);
                if over | beyond | (end > size) {
                    if let Some(told) = told.filter(|_| !over & (start < size)) {
                        unsafe { told.$touch(start, size) };
                    }
                    halt!(MemoryOutOfBounds);
                }
                if let Some(told) = told {
                    unsafe { told.$touch(start, end) };
                }
                unsafe { base.add(start as usize) }
            }};
        }
        macro_rules! load {
            ($ty:ty as $wide:ty) => {{
                const BYTES: u64 = size_of::<$ty>() as u64;
                let from = address!(BYTES, read).cast::<$ty>();
                let value = <$ty>::from_le(unsafe { from.read_unaligned() });
                set!((value as $wide).to_slot());
                next!();
            }};
        }
        macro_rules! store {
            ($ty:ty) => {{
                const BYTES: u64 = size_of::<$ty>() as u64;
                let value = get!(c) as $ty;
                let to = address!(BYTES, write).cast::<$ty>();
                unsafe { to.write_unaligned(value.to_le()) };
                next!();
            }};
        }
        macro_rules! pay_checked {
            ($paid:expr) => {{
                *counter = $paid;
                if *counter < 0 {
                    environment.out_of_instructions(counter, &view!(None))?;
                }
                next!();
            }};
        }
        // Enters a function of the module whose arguments are in its frame.
        macro_rules! enter {
            ($function:expr, $slots:expr) => {{
                let entered = $function;
                let Some(code) = program.code(entered, || environment.plan()) else {
                    return Err(Halt::Unable);
                };
                spent = cost_of(code);
                if spent > room {
                    return Err(Halt::trap(Trap::StackOverflow, &view!(None)));
                }
                room -= spent;
                fp = $slots;
                function = entered;
                for local in code.parameters..code.locals {
                    unsafe { *fp.add(local) = 0 };
                }
                pc = code.instrs.as_ptr();
            }};
        }
        macro_rules! call {
            ($function:expr) => {{
                frames.push(Frame {
                    function,
                    pc,
                    slots: fp,
                    cost: spent,
                });
                let slots = unsafe { fp.add(usize::from(instr.a)) };
                enter!($function, slots);
            }};
        }
        macro_rules! call_host {
            ($function:expr, $stand_in:expr) => {{
                let imported = $function;
                let ty = program.type_of(imported);
                let words = ty.params().len().max(ty.results().len());
                let first = unsafe { fp.add(usize::from(instr.a)) };
                // SAFETY: arguments and results of a call have their slots in the frame of the caller.
                let words = unsafe { std::slice::from_raw_parts_mut(first, words) };
                environment.call(imported, words, counter, &view!($stand_in))?;
                next!();
            }};
        }
        macro_rules! leave {
            () => {{
                let Some(frame) = frames.pop() else {
                    return Ok(());
                };
                room += spent;
                (function, pc, fp, spent) = (frame.function, frame.pc, frame.slots, frame.cost);
                next!();
            }};
        }
        macro_rules! bulk {
            ($operator:ident($($argument:expr),*)) => {{
                let bytes = unsafe { Bytes::new(base, size, told) };
                if bytes.$operator($($argument),*).is_none() {
                    halt!(MemoryOutOfBounds);
                }
                next!();
            }};
        }

        enter!(function, fp);
        loop {
            instr = unsafe { &*pc };
            match instr.op {
                Op::Pay => {
                    *counter = counter.wrapping_sub(instr.imm as i64);
                    next!();
                }
                Op::PayChecked => pay_checked!(counter.wrapping_sub(instr.imm as i64)),
                Op::PayLength32 => pay_checked!(pay_length(*counter, get!(a) & 0xffff_ffff)),
                Op::PayLength64 => pay_checked!(pay_length(*counter, get!(a))),
                Op::Unreachable => halt!(UnreachableCodeReached),
                Op::Br => jump!(),
                Op::BrNonZero => branch_if!(get!(b) as u32 != 0),
                Op::BrZero => branch_if!(get!(b) as u32 == 0),
                Op::BrTable => {
                    let index = u64::from(get!(b) as u32).min(instr.imm);
                    pc = unsafe { pc.add(1 + index as usize) };
                }
                Op::Return0 => leave!(),
                Op::Return1 => {
                    let value = get!(b);
                    unsafe { *fp = value };
                    leave!();
                }
                Op::Return => {
                    let (from, count) = (usize::from(instr.b), usize::from(instr.c));
                    for result in 0..count {
                        // Upwards, since results may lie in slots that others go to.
                        unsafe { *fp.add(result) = *fp.add(from + result) };
                    }
                    leave!();
                }
                Op::Call => call!(instr.imm as u32),
                Op::CallHost => call_host!(instr.imm as u32, None),
                Op::CallIndirect => {
                    let table = program.table.as_deref().unwrap_or(&[]);
                    let Some(&callee) = table.get(get!(b) as u32 as usize) else {
                        halt!(TableOutOfBounds);
                    };
                    if callee == NULL {
                        halt!(IndirectCallToNull);
                    }
                    if program.number_of(callee) != instr.imm as u32 {
                        halt!(BadSignature);
                    }
                    match callee < program.imported() {
                        true => call_host!(callee, Some(callee)),
                        false => call!(callee),
                    }
                }
                Op::Copy => {
                    set!(get!(b));
                    next!();
                }
                Op::Const => {
                    set!(instr.imm);
                    next!();
                }
                Op::Select => {
                    let condition = unsafe { *fp.add(instr.imm as usize) } as u32;
                    set!(if condition != 0 { get!(b) } else { get!(c) });
                    next!();
                }
                Op::GlobalGet => {
                    set!(globals[instr.imm as usize]);
                    next!();
                }
                Op::GlobalSet => {
                    globals[instr.imm as usize] = get!(b);
                    next!();
                }
                Op::MemorySize => {
                    set!(size / WASM_PAGE_SIZE as u64);
                    next!();
                }
                Op::MemoryGrow => {
                    let added = get!(b) & mask;
                    let previous = size / WASM_PAGE_SIZE as u64;
                    let pages = previous.checked_add(added);
                    match (pages.filter(|pages| *pages <= program.max_pages), heap) {
                        (Some(pages), Some(heap)) => {
                            if added > 0
                                && let Err(error) = heap.grow_to(pages as usize * WASM_PAGE_SIZE)
                            {
                                return Err(environment.refused(error));
                            }
                            (size, told) = (heap.size() as u64, heap.told());
                            set!(previous);
                            environment.memory_grown(previous, added)?;
                        }
                        _ => set!(u64::MAX),
                    }
                    next!();
                }
                Op::MemoryFill => {
                    bulk!(fill(get!(a) & mask, get!(b) as u8, get!(c) & mask))
                }
                Op::MemoryCopy => {
                    bulk!(copy(get!(a) & mask, get!(b) & mask, get!(c) & mask))
                }
                Op::MemoryInit => {
                    let segment = match dropped[instr.imm as usize] {
                        true => &[][..],
                        false => program.segment(instr.imm as usize),
                    };
                    let (from, len) = (get!(b) & 0xffff_ffff, get!(c) & 0xffff_ffff);
                    bulk!(init(segment, get!(a) & mask, from, len))
                }
                Op::DataDrop => {
                    dropped[instr.imm as usize] = true;
                    next!();
                }
                Op::I32Load => load!(u32 as u32),
                Op::I64Load => load!(u64 as u64),
                Op::I32Load8S => load!(i8 as i32),
                Op::I32Load8U => load!(u8 as u32),
                Op::I32Load16S => load!(i16 as i32),
                Op::I32Load16U => load!(u16 as u32),
                Op::I64Load8S => load!(i8 as i64),
                Op::I64Load8U => load!(u8 as u64),
                Op::I64Load16S => load!(i16 as i64),
                Op::I64Load16U => load!(u16 as u64),
                Op::I64Load32S => load!(i32 as i64),
                Op::Store8 => store!(u8),
                Op::Store16 => store!(u16),
                Op::Store32 => store!(u32),
                Op::Store64 => store!(u64),
                Op::I32Eqz => unary!(u32, |x| x == 0),
                Op::I32Eq => binary!(u32, |x, y| x == y),
                Op::I32EqImm => binary_imm!(u32, |x, y| x == y),
                Op::BrI32Eq => branch!(u32, |x, y| x == y),
                Op::BrI32EqImm => branch_imm!(u32, |x, y| x == y),
                Op::I32Ne => binary!(u32, |x, y| x != y),
                Op::I32NeImm => binary_imm!(u32, |x, y| x != y),
                Op::BrI32Ne => branch!(u32, |x, y| x != y),
                Op::BrI32NeImm => branch_imm!(u32, |x, y| x != y),
                Op::I32LtS => binary!(i32, |x, y| x < y),
                Op::I32LtSImm => binary_imm!(i32, |x, y| x < y),
                Op::BrI32LtS => branch!(i32, |x, y| x < y),
                Op::BrI32LtSImm => branch_imm!(i32, |x, y| x < y),
                Op::I32LtU => binary!(u32, |x, y| x < y),
                Op::I32LtUImm => binary_imm!(u32, |x, y| x < y),
                Op::BrI32LtU => branch!(u32, |x, y| x < y),
                Op::BrI32LtUImm => branch_imm!(u32, |x, y| x < y),
                Op::I32GtS => binary!(i32, |x, y| x > y),
                Op::I32GtSImm => binary_imm!(i32, |x, y| x > y),
                Op::BrI32GtS => branch!(i32, |x, y| x > y),
                Op::BrI32GtSImm => branch_imm!(i32, |x, y| x > y),
                Op::I32GtU => binary!(u32, |x, y| x > y),
                Op::I32GtUImm => binary_imm!(u32, |x, y| x > y),
                Op::BrI32GtU => branch!(u32, |x, y| x > y),
                Op::BrI32GtUImm => branch_imm!(u32, |x, y| x > y),
                Op::I32LeS => binary!(i32, |x, y| x <= y),
                Op::I32LeSImm => binary_imm!(i32, |x, y| x <= y),
                Op::BrI32LeS => branch!(i32, |x, y| x <= y),
                Op::BrI32LeSImm => branch_imm!(i32, |x, y| x <= y),
                Op::I32LeU => binary!(u32, |x, y| x <= y),
                Op::I32LeUImm => binary_imm!(u32, |x, y| x <= y),
                Op::BrI32LeU => branch!(u32, |x, y| x <= y),
                Op::BrI32LeUImm => branch_imm!(u32, |x, y| x <= y),
                Op::I32GeS => binary!(i32, |x, y| x >= y),
                Op::I32GeSImm => binary_imm!(i32, |x, y| x >= y),
                Op::BrI32GeS => branch!(i32, |x, y| x >= y),
                Op::BrI32GeSImm => branch_imm!(i32, |x, y| x >= y),
                Op::I32GeU => binary!(u32, |x, y| x >= y),
                Op::I32GeUImm => binary_imm!(u32, |x, y| x >= y),
                Op::BrI32GeU => branch!(u32, |x, y| x >= y),
                Op::BrI32GeUImm => branch_imm!(u32, |x, y| x >= y),
                Op::I32Clz => unary!(u32, |x| x.leading_zeros()),
                Op::I32Ctz => unary!(u32, |x| x.trailing_zeros()),
                Op::I32Popcnt => unary!(u32, |x| x.count_ones()),
                Op::I32Extend8S => unary!(i32, |x| x as i8 as i32),
                Op::I32Extend16S => unary!(i32, |x| x as i16 as i32),
                Op::I32Add => binary!(u32, |x, y| x.wrapping_add(y)),
                Op::I32AddImm => binary_imm!(u32, |x, y| x.wrapping_add(y)),
                Op::I32Sub => binary!(u32, |x, y| x.wrapping_sub(y)),
                Op::I32SubImm => binary_imm!(u32, |x, y| x.wrapping_sub(y)),
                Op::I32Mul => binary!(u32, |x, y| x.wrapping_mul(y)),
                Op::I32MulImm => binary_imm!(u32, |x, y| x.wrapping_mul(y)),
                Op::I32And => binary!(u32, |x, y| x & y),
                Op::I32AndImm => binary_imm!(u32, |x, y| x & y),
                Op::I32Or => binary!(u32, |x, y| x | y),
                Op::I32OrImm => binary_imm!(u32, |x, y| x | y),
                Op::I32Xor => binary!(u32, |x, y| x ^ y),
                Op::I32XorImm => binary_imm!(u32, |x, y| x ^ y),
                Op::I32Shl => binary!(u32, |x, y| x.wrapping_shl(y)),
                Op::I32ShlImm => binary_imm!(u32, |x, y| x.wrapping_shl(y)),
                Op::I32ShrS => binary!(i32, |x, y| x.wrapping_shr(y as u32)),
                Op::I32ShrSImm => binary_imm!(i32, |x, y| x.wrapping_shr(y as u32)),
                Op::I32ShrU => binary!(u32, |x, y| x.wrapping_shr(y)),
                Op::I32ShrUImm => binary_imm!(u32, |x, y| x.wrapping_shr(y)),
                Op::I32Rotl => binary!(u32, |x, y| x.rotate_left(y % 32)),
                Op::I32Rotr => binary!(u32, |x, y| x.rotate_right(y % 32)),
                Op::I32DivS => divide!(i32, numbers::div_i32),
                Op::I32DivU => divide!(u32, numbers::div_u32),
                Op::I32RemS => divide!(i32, numbers::rem_i32),
                Op::I32RemU => divide!(u32, numbers::rem_u32),
                Op::I64Eqz => unary!(u64, |x| x == 0),
                Op::I64Eq => binary!(u64, |x, y| x == y),
                Op::I64EqImm => binary_imm!(u64, |x, y| x == y),
                Op::BrI64Eq => branch!(u64, |x, y| x == y),
                Op::BrI64EqImm => branch_imm!(u64, |x, y| x == y),
                Op::I64Ne => binary!(u64, |x, y| x != y),
                Op::I64NeImm => binary_imm!(u64, |x, y| x != y),
                Op::BrI64Ne => branch!(u64, |x, y| x != y),
                Op::BrI64NeImm => branch_imm!(u64, |x, y| x != y),
                Op::I64LtS => binary!(i64, |x, y| x < y),
                Op::I64LtSImm => binary_imm!(i64, |x, y| x < y),
                Op::BrI64LtS => branch!(i64, |x, y| x < y),
                Op::BrI64LtSImm => branch_imm!(i64, |x, y| x < y),
                Op::I64LtU => binary!(u64, |x, y| x < y),
                Op::I64LtUImm => binary_imm!(u64, |x, y| x < y),
                Op::BrI64LtU => branch!(u64, |x, y| x < y),
                Op::BrI64LtUImm => branch_imm!(u64, |x, y| x < y),
                Op::I64GtS => binary!(i64, |x, y| x > y),
                Op::I64GtSImm => binary_imm!(i64, |x, y| x > y),
                Op::BrI64GtS => branch!(i64, |x, y| x > y),
                Op::BrI64GtSImm => branch_imm!(i64, |x, y| x > y),
                Op::I64GtU => binary!(u64, |x, y| x > y),
                Op::I64GtUImm => binary_imm!(u64, |x, y| x > y),
                Op::BrI64GtU => branch!(u64, |x, y| x > y),
                Op::BrI64GtUImm => branch_imm!(u64, |x, y| x > y),
                Op::I64LeS => binary!(i64, |x, y| x <= y),
                Op::I64LeSImm => binary_imm!(i64, |x, y| x <= y),
                Op::BrI64LeS => branch!(i64, |x, y| x <= y),
                Op::BrI64LeSImm => branch_imm!(i64, |x, y| x <= y),
                Op::I64LeU => binary!(u64, |x, y| x <= y),
                Op::I64LeUImm => binary_imm!(u64, |x, y| x <= y),
                Op::BrI64LeU => branch!(u64, |x, y| x <= y),
                Op::BrI64LeUImm => branch_imm!(u64, |x, y| x <= y),
                Op::I64GeS => binary!(i64, |x, y| x >= y),
                Op::I64GeSImm => binary_imm!(i64, |x, y| x >= y),
                Op::BrI64GeS => branch!(i64, |x, y| x >= y),
                Op::BrI64GeSImm => branch_imm!(i64, |x, y| x >= y),
                Op::I64GeU => binary!(u64, |x, y| x >= y),
                Op::I64GeUImm => binary_imm!(u64, |x, y| x >= y),
                Op::BrI64GeU => branch!(u64, |x, y| x >= y),
                Op::BrI64GeUImm => branch_imm!(u64, |x, y| x >= y),
                Op::I64Clz => unary!(u64, |x| x.leading_zeros() as u64),
                Op::I64Ctz => unary!(u64, |x| x.trailing_zeros() as u64),
                Op::I64Popcnt => unary!(u64, |x| x.count_ones() as u64),
                Op::I64Extend8S => unary!(i64, |x| x as i8 as i64),
                Op::I64Extend16S => unary!(i64, |x| x as i16 as i64),
                Op::I64Add => binary!(u64, |x, y| x.wrapping_add(y)),
                Op::I64AddImm => binary_imm!(u64, |x, y| x.wrapping_add(y)),
                Op::I64Sub => binary!(u64, |x, y| x.wrapping_sub(y)),
                Op::I64SubImm => binary_imm!(u64, |x, y| x.wrapping_sub(y)),
                Op::I64Mul => binary!(u64, |x, y| x.wrapping_mul(y)),
                Op::I64MulImm => binary_imm!(u64, |x, y| x.wrapping_mul(y)),
                Op::I64And => binary!(u64, |x, y| x & y),
                Op::I64AndImm => binary_imm!(u64, |x, y| x & y),
                Op::I64Or => binary!(u64, |x, y| x | y),
                Op::I64OrImm => binary_imm!(u64, |x, y| x | y),
                Op::I64Xor => binary!(u64, |x, y| x ^ y),
                Op::I64XorImm => binary_imm!(u64, |x, y| x ^ y),
                Op::I64Shl => binary!(u64, |x, y| x.wrapping_shl(y as u32)),
                Op::I64ShlImm => binary_imm!(u64, |x, y| x.wrapping_shl(y as u32)),
                Op::I64ShrS => binary!(i64, |x, y| x.wrapping_shr(y as u32)),
                Op::I64ShrSImm => binary_imm!(i64, |x, y| x.wrapping_shr(y as u32)),
                Op::I64ShrU => binary!(u64, |x, y| x.wrapping_shr(y as u32)),
                Op::I64ShrUImm => binary_imm!(u64, |x, y| x.wrapping_shr(y as u32)),
                Op::I64Rotl => binary!(u64, |x, y| x.rotate_left((y % 64) as u32)),
                Op::I64Rotr => binary!(u64, |x, y| x.rotate_right((y % 64) as u32)),
                Op::I64DivS => divide!(i64, numbers::div_i64),
                Op::I64DivU => divide!(u64, numbers::div_u64),
                Op::I64RemS => divide!(i64, numbers::rem_i64),
                Op::I64RemU => divide!(u64, numbers::rem_u64),
                Op::F32Eq => binary!(f32, |x, y| x == y),
                Op::F32Ne => binary!(f32, |x, y| x != y),
                Op::F32Lt => binary!(f32, |x, y| x < y),
                Op::F32Gt => binary!(f32, |x, y| x > y),
                Op::F32Le => binary!(f32, |x, y| x <= y),
                Op::F32Ge => binary!(f32, |x, y| x >= y),
                Op::F32Abs => unary!(f32, |x| x.abs()),
                Op::F32Neg => unary!(f32, |x| -x),
                Op::F32Ceil => unary!(f32, |x| single::canonical(x.ceil())),
                Op::F32Floor => unary!(f32, |x| single::canonical(x.floor())),
                Op::F32Trunc => unary!(f32, |x| single::canonical(x.trunc())),
                Op::F32Nearest => unary!(f32, |x| single::canonical(x.round_ties_even())),
                Op::F32Sqrt => unary!(f32, |x| single::canonical(x.sqrt())),
                Op::F32Add => binary!(f32, |x, y| single::canonical(x + y)),
                Op::F32Sub => binary!(f32, |x, y| single::canonical(x - y)),
                Op::F32Mul => binary!(f32, |x, y| single::canonical(x * y)),
                Op::F32Div => binary!(f32, |x, y| single::canonical(x / y)),
                Op::F32Min => binary!(f32, single::min),
                Op::F32Max => binary!(f32, single::max),
                Op::F32Copysign => binary!(f32, |x, y| x.copysign(y)),
                Op::F64Eq => binary!(f64, |x, y| x == y),
                Op::F64Ne => binary!(f64, |x, y| x != y),
                Op::F64Lt => binary!(f64, |x, y| x < y),
                Op::F64Gt => binary!(f64, |x, y| x > y),
                Op::F64Le => binary!(f64, |x, y| x <= y),
                Op::F64Ge => binary!(f64, |x, y| x >= y),
                Op::F64Abs => unary!(f64, |x| x.abs()),
                Op::F64Neg => unary!(f64, |x| -x),
                Op::F64Ceil => unary!(f64, |x| double::canonical(x.ceil())),
                Op::F64Floor => unary!(f64, |x| double::canonical(x.floor())),
                Op::F64Trunc => unary!(f64, |x| double::canonical(x.trunc())),
                Op::F64Nearest => unary!(f64, |x| double::canonical(x.round_ties_even())),
                Op::F64Sqrt => unary!(f64, |x| double::canonical(x.sqrt())),
                Op::F64Add => binary!(f64, |x, y| double::canonical(x + y)),
                Op::F64Sub => binary!(f64, |x, y| double::canonical(x - y)),
                Op::F64Mul => binary!(f64, |x, y| double::canonical(x * y)),
                Op::F64Div => binary!(f64, |x, y| double::canonical(x / y)),
                Op::F64Min => binary!(f64, double::min),
                Op::F64Max => binary!(f64, double::max),
                Op::F64Copysign => binary!(f64, |x, y| x.copysign(y)),
                Op::I64ExtendI32S => unary!(i32, i64::from),
                Op::I64ExtendI32U => unary!(u32, u64::from),
                Op::I64Extend32S => unary!(i32, i64::from),
                Op::I32TruncF32S => convert!(f32, numbers::to_i32),
                Op::I32TruncF32U => convert!(f32, numbers::to_u32),
                Op::I32TruncSatF32S => unary!(f32, |x| x as i32),
                Op::I32TruncSatF32U => unary!(f32, |x| x as u32),
                Op::I32TruncF64S => convert!(f64, numbers::to_i32),
                Op::I32TruncF64U => convert!(f64, numbers::to_u32),
                Op::I32TruncSatF64S => unary!(f64, |x| x as i32),
                Op::I32TruncSatF64U => unary!(f64, |x| x as u32),
                Op::I64TruncF32S => convert!(f32, numbers::to_i64),
                Op::I64TruncF32U => convert!(f32, numbers::to_u64),
                Op::I64TruncSatF32S => unary!(f32, |x| x as i64),
                Op::I64TruncSatF32U => unary!(f32, |x| x as u64),
                Op::I64TruncF64S => convert!(f64, numbers::to_i64),
                Op::I64TruncF64U => convert!(f64, numbers::to_u64),
                Op::I64TruncSatF64S => unary!(f64, |x| x as i64),
                Op::I64TruncSatF64U => unary!(f64, |x| x as u64),
                Op::F32ConvertI32S => unary!(i32, |x| x as f32),
                Op::F32ConvertI32U => unary!(u32, |x| x as f32),
                Op::F32ConvertI64S => unary!(i64, |x| x as f32),
                Op::F32ConvertI64U => unary!(u64, |x| x as f32),
                Op::F64ConvertI32S => unary!(i32, |x| x as f64),
                Op::F64ConvertI32U => unary!(u32, |x| x as f64),
                Op::F64ConvertI64S => unary!(i64, |x| x as f64),
                Op::F64ConvertI64U => unary!(u64, |x| x as f64),
                Op::F32DemoteF64 => unary!(f64, |x| single::canonical(x as f32)),
                Op::F64PromoteF32 => unary!(f32, |x| double::canonical(f64::from(x))),
            }
        }
    }
}
