//! `--stats`: the table of what a run executed, for people.

use super::table::{Align, Table, grouped};
use crate::statistics::Statistics;

/// The table, the most expensive row first, with sums at the end.
pub fn table(statistics: &Statistics) -> String {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("canister", Left),
        ("kind", Left),
        ("method", Left),
        ("calls", Right),
        ("instructions", Right),
        ("min", Right),
        ("mean", Right),
        ("max", Right),
        ("cycles", Right),
        ("heap pages", Right),
        ("stable pages", Right),
    ]);
    let mut rows: Vec<_> = statistics.rows().collect();
    // Rows come by key, and the sort keeps that order among equals.
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.instructions));
    let mut sums = [0u128; 5];
    for (key, row) in rows {
        let mean = row.instructions / row.calls.max(1);
        let counts = [
            row.calls.into(),
            row.instructions.into(),
            row.cycles,
            row.heap_pages.into(),
            row.stable_pages.into(),
        ];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        let [calls, instructions, cycles, heap_pages, stable_pages] = counts.map(grouped);
        table.row([
            key.canister.to_text(),
            key.label.kind.to_owned(),
            key.label.method.clone(),
            calls,
            instructions,
            grouped(row.min.into()),
            grouped(mean.into()),
            grouped(row.max.into()),
            cycles,
            heap_pages,
            stable_pages,
        ]);
    }
    let [calls, instructions, cycles, heap_pages, stable_pages] = sums.map(grouped);
    let none = String::new;
    table.row([
        "total".to_owned(),
        none(),
        none(),
        calls,
        instructions,
        none(),
        none(),
        none(),
        cycles,
        heap_pages,
        stable_pages,
    ]);
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{Label, Use};
    use candid::Principal;

    #[test]
    fn rows_are_aligned_and_sorted_by_their_instructions() {
        let mut statistics = Statistics::default();
        let canister = Principal::anonymous();
        for (method, instructions) in [("a", 5), ("b", 1_000), ("b", 234)] {
            let used = Use {
                instructions,
                cycles: 10,
                ..Use::default()
            };
            let label = Label {
                kind: "update",
                method: method.to_owned(),
            };
            statistics.count(canister, label, used);
        }
        assert_eq!(
            table(&statistics),
            "\
canister   kind    method  calls  instructions  min  mean    max  cycles  heap pages  stable pages
2vxsx-fae  update  b           2         1_234  234   617  1_000      20           0             0
2vxsx-fae  update  a           1             5    5     5      5      10           0             0
total                          3         1_239                        30           0             0
"
        );
    }
}
