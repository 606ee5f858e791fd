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
}
