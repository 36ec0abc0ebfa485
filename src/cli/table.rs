//! Aligned columns and numbers that can be read. Knows nothing of what they mean.

use std::fmt;

use crate::report::visible;

/// Blanks between columns.
const GAP: &str = "  ";

/// Which side of its column a text stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table with a head.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    align: [Align; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table of these columns, without rows.
    pub(super) fn new(head: &[(&str, Align); N]) -> Self {
        Table {
            align: head.map(|(_, align)| align),
            rows: vec![head.map(|(name, _)| name.to_owned())],
        }
    }

    /// Adds a row. Names in it are those of canisters and modules: they stay in their row.
    pub(super) fn row(&mut self, cells: [String; N]) {
        let shown = cells.map(|cell| visible::on_one_line(&cell).into_owned());
        self.rows.push(shown);
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
        };
        let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(widths).zip(self.align) {
                // Names may be longer than what a format can be asked to fill.
                let blanks = " ".repeat(width - cell.chars().count());
                match align {
                    Align::Left => line.extend([cell.as_str(), &blanks, GAP]),
                    Align::Right => line.extend([blanks.as_str(), cell, GAP]),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

pub(super) use drun_ic::errors::text::grouped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1_000"),
            (1_234_567, "1_234_567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_text_may_be_of_any_length() {
        let mut table = Table::new(&[("a", Align::Right), ("b", Align::Left)]);
        let name = "x".repeat(1 << 16);
        table.row(["1".into(), name.clone()]);
        assert_eq!(table.to_string(), format!("a  b\n1  {name}\n"));
    }

    #[test]
    fn texts_stand_left_and_numbers_right_and_lines_end_without_blanks() {
        let mut table = Table::new(&[
            ("a", Align::Left),
            ("number", Align::Right),
            ("b", Align::Left),
        ]);
        table.row(["text".into(), "7".into(), String::new()]);
        assert_eq!(table.to_string(), "a     number  b\ntext       7\n");
    }
}
