//! A table of texts.

use std::fmt::{self, Write};

use super::page::Escaped;

/// A table. Its first column says what a row is about.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(caption: &str, head: &[&str]) -> Self {
        Self {
            caption: caption.to_owned(),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn write(&self, f: &mut dyn Write) -> fmt::Result {
        write!(
            f,
            "<div class=\"wide\" tabindex=\"0\"><table><caption>{}</caption><thead><tr>",
            Escaped(&self.caption)
        )?;
        for name in &self.head {
            write!(f, "<th scope=\"col\">{}</th>", Escaped(name))?;
        }
        f.write_str("</tr></thead><tbody>")?;
        for row in &self.rows {
            f.write_str("<tr>")?;
            for (column, cell) in row.iter().enumerate() {
                if column == 0 {
                    write!(f, "<th scope=\"row\">{}</th>", Escaped(cell))?;
                } else {
                    write!(f, "<td>{}</td>", Escaped(cell))?;
                }
            }
            f.write_str("</tr>")?;
        }
        f.write_str("</tbody></table></div>\n")
    }

    /// With columns of equal width: the first on the left, numbers on the right. Empty without rows.
    pub(super) fn text(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            let cells = lines().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).enumerate();
            let padded = padded.map(|(column, (cell, width))| match column {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let lines: Vec<String> = lines().map(line).collect();
        format!("{}:\n{}", self.caption, lines.join("\n"))
    }
}
