//! Counting a module: the ticks of its decoding and of its start, in closed form (kernel-debugger.md, section 5.4).
//!
//! The numbers are those of the original's small steps. They are checked against published totals in the tests of the
//! machine.

use wasmparser::Operator;

use super::Placement;

/// What was counted so far.
#[derive(Default)]
pub(super) struct Census {
    types: u64,
    imports: u64,
    functions: u64,
    tables: u64,
    memories: u64,
    globals: u64,
    exports: u64,
    customs: u64,
    start: bool,
    /// Instructions of constant expressions that no segment or global has claimed yet.
    pending: Vec<u64>,
    /// Ticks for the elements of all sections.
    elements: u64,
    /// Ticks for putting functions together.
    elaborate: u64,
    /// An instruction after which the original puts nothing together any more.
    elaborated: bool,
    /// Σ(6k + 10) over the initialisers of globals.
    global_init: u64,
    /// Σ(2 + Σ(6k + 10)) over segments of tables.
    element_init: u64,
    /// Lengths of the code of each segment: for tables, for memory.
    element_code: Vec<u64>,
    data_code: Vec<u64>,
}

impl Census {
    pub(super) fn signature(&mut self, params: usize, results: usize) {
        self.types += 1;
        self.elements += 5 + (params + results) as u64;
    }

    pub(super) fn import(&mut self, module: &str, item: &str) {
        self.imports += 1;
        self.elements += 9 + (module.chars().count() + item.chars().count()) as u64;
    }

    pub(super) fn functions(&mut self, n: usize) {
        self.functions = n as u64;
        self.elements += n as u64;
    }

    pub(super) fn tables(&mut self, n: usize) {
        self.tables = n as u64;
        self.elements += n as u64;
    }

    pub(super) fn memories(&mut self, n: usize) {
        self.memories = n as u64;
        self.elements += n as u64;
    }

    /// A constant expression of `k` instructions was read; what it belongs to follows.
    pub(super) fn expression(&mut self, k: u64) {
        self.pending.push(k);
    }

    /// A global, whose initialiser was read.
    pub(super) fn global(&mut self) {
        let k = self.pending.pop().unwrap_or_default();
        self.globals += 1;
        self.elements += 2 + (3 + k);
        self.global_init += 6 * k + 10;
    }

    pub(super) fn export(&mut self, name: &str) {
        self.exports += 1;
        self.elements += 6 + name.chars().count() as u64;
    }

    pub(super) fn start(&mut self) {
        self.start = true;
    }

    pub(super) fn custom(&mut self) {
        self.customs += 1;
    }

    /// A segment of a table, whose offset and items were read.
    pub(super) fn element(&mut self, placement: &Placement, items: usize, expressions: bool) {
        let n = items as u64;
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        let code = match placement {
            Placement::Active(..) => {
                self.elements += 5 + (3 + pending.next().unwrap_or_default());
                5
            }
            Placement::Passive => {
                self.elements += 4;
                0
            }
            Placement::Declared => {
                self.elements += 4;
                1
            }
        };
        let items: Vec<u64> = if expressions {
            pending.collect()
        } else {
            vec![1; items]
        };
        self.elements += if expressions {
            items.iter().map(|k| (3 + k) + 1).sum()
        } else {
            n
        };
        self.element_init += 2 + items.iter().map(|k| 6 * k + 10).sum::<u64>();
        self.element_code.push(code);
    }

    /// A segment of memory, whose offset was read.
    pub(super) fn data(&mut self, active: bool, bytes: usize) {
        let k = self.pending.pop().unwrap_or_default();
        self.elements += if active { 7 + (3 + k) } else { 6 } + bytes as u64;
        self.data_code.push(if active { 5 } else { 0 });
    }

    /// A function's body begins.
    pub(super) fn body(&mut self, groups: u32, locals: u64) {
        self.elements += 6 + 2 * u64::from(groups) + locals + 3;
        self.elaborate += if self.elaborated { 1 } else { 3 };
    }

    /// An instruction of a body.
    pub(super) fn operator(&mut self, op: &Operator<'_>) {
        let (parse, blocks) = match op {
            Operator::End => return,
            Operator::Else => {
                self.elements += 2;
                return;
            }
            Operator::Block { .. } | Operator::Loop { .. } => (3, 1),
            Operator::If { .. } => (3, 2),
            _ => (1, 0),
        };
        self.elements += parse;
        if !self.elaborated {
            self.elaborate += 1 + blocks;
            self.elaborated = matches!(op, Operator::MemoryInit { .. } | Operator::DataDrop { .. });
        }
    }

    /// From the first tick after Snapshot to the decoded module.
    pub(super) fn decode_ticks(&self) -> u64 {
        1 + 30 + 4 + self.elements + 1 + self.customs + self.elaborate + 1 + 1
    }

    /// From the linked module to the first segment that is copied.
    pub(super) fn init_ticks(&self) -> u64 {
        let created = |n: u64, imported: u64| 3 * n + 1 + (imported + n) + 1;
        let (e, d) = (
            self.element_code.iter().sum::<u64>(),
            self.data_code.iter().sum::<u64>(),
        );
        let segments = |code: &[u64]| code.len() as u64 + 1 + joined(code) + 1;
        2 + (self.imports + 1)
            + (self.types + 1)
            + created(self.functions, self.imports)
            + (self.global_init + 1 + self.globals + 1)
            + created(self.tables, 0)
            + created(self.memories, 0)
            + (self.exports + 1)
            + (self.element_init + 1)
            + (self.data_code.len() as u64 + 1)
            + segments(&self.element_code)
            + segments(&self.data_code)
            + joined(&[e, d, u64::from(self.start)])
            + 1
    }
}

/// The ticks of joining lists one after the other; grows with the square of their number.
fn joined(lengths: &[u64]) -> u64 {
    match lengths {
        [] => 0,
        [_] => 1,
        [first, second, rest @ ..] => {
            let mut sum = first + second;
            let mut ticks = 1 + sum;
            for length in rest {
                sum += length;
                ticks += 1 + sum;
            }
            ticks + 1
        }
    }
}
