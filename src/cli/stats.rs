//! `--stats`: the table of what a run executed, for people.

use super::table::{Align, Table, grouped};
use drun_ic::observe::Statistics;
use drun_ic::protocol::Date;

/// The place of the column for cycles.
const CYCLES: usize = 8;

/// The table, the most expensive row first, with sums at the end. What is charged beside executing has a row of its own there,
/// so that the sum is what the canisters paid.
pub(super) fn table(statistics: &Statistics, date: Date) -> String {
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
    let none = String::new;
    let fees = statistics.fees();
    if fees != 0 {
        let mut row = std::array::from_fn(|_| none());
        row[0] = "fees for messages and storage".to_owned();
        row[CYCLES] = signed(fees);
        table.row(row);
    }
    let total = sums[2] as i128 + fees;
    let [calls, instructions, _, heap_pages, stable_pages] = sums.map(grouped);
    table.row([
        "total".to_owned(),
        none(),
        none(),
        calls,
        instructions,
        none(),
        none(),
        none(),
        signed(total),
        heap_pages,
        stable_pages,
    ]);
    format!("{table}as of {date}\n")
}

fn signed(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Principal;
    use drun_ic::observe::Label;
    use drun_ic::observe::statistics::Use;

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
        statistics.charge(30);
        assert_eq!(
            table(&statistics, Date::October2025),
            "\
canister   kind    method  calls  instructions  min  mean    max  cycles  heap pages  stable pages
2vxsx-fae  update  b           2         1_234  234   617  1_000      20           0             0
2vxsx-fae  update  a           1             5    5     5      5      10           0             0
total                          3         1_239                        30           0             0
as of 2025-10
"
        );
    }

    #[test]
    fn what_was_charged_beside_executing_has_a_row() {
        let mut statistics = Statistics::default();
        let label = Label {
            kind: "update",
            method: "a".to_owned(),
        };
        let used = Use {
            instructions: 5,
            cycles: 1_000,
            ..Use::default()
        };
        statistics.count(Principal::anonymous(), label, used);
        statistics.charge(1_250);
        let table = table(&statistics, Date::October2025);
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = table.lines().skip(2).map(words).collect();
        assert_eq!(
            lines,
            [
                "fees for messages and storage 250",
                "total 1 5 1_250 0 0",
                "as of 2025-10"
            ]
        );
    }
}
