//! Markdown tables that are readable as plain text, too.

use core::fmt;

/// A table with notes above it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    notes: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    pub(crate) fn new(titles: &[&str]) -> Self {
        let titles = titles.iter().map(|title| String::from(*title)).collect();
        Self { notes: Vec::new(), rows: vec![titles] }
    }

    /// Adds a paragraph above the table.
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(out, "{note}\n")?;
        }
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                write!(out, "| {cell:width$} ")?;
            }
            writeln!(out, "|")?;
            if index == 0 {
                for width in &widths {
                    write!(out, "| {:-<width$} ", "")?;
                }
                writeln!(out, "|")?;
            }
        }
        Ok(())
    }
}

/// What a table says of a bar, if there is one.
pub(crate) fn verdict(met: Option<bool>) -> String {
    String::from(match met {
        None => "",
        Some(true) => "met",
        Some(false) => "**missed**",
    })
}

/// A number with as many digits as it deserves: about three that count, thousands set apart.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Table, number};

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.123_4), "0.12");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(1_234_567.8), "1,234,568");
        assert_eq!(number(-123.0), "-123");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["a", "b"]);
        table.row(vec!["long cell".into(), "1".into()]);
        let expected = "\
| a         | b   |
| --------- | --- |
| long cell | 1   |
";
        assert_eq!(table.to_string(), expected);
    }
}
