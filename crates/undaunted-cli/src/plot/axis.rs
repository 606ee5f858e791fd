//! The time axis that the curves of a plot share.

use undaunted_sim::text::span;

use crate::terminal::{Glyphs, Terminal};

/// Times from 0 on, over the columns between a label on the left and a figure on the right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeAxis {
    terminal: Terminal,
    /// Columns of the labels.
    label: usize,
    /// Columns of the plot.
    columns: usize,
    /// Seconds.
    end: f64,
}

impl TimeAxis {
    /// An axis that ends at this time, in seconds.
    pub(crate) fn new(terminal: Terminal, label: usize, figure: usize, end: f64) -> Self {
        let columns = terminal.width.saturating_sub(label + figure + MARGINS);
        Self {
            terminal,
            label,
            columns: columns.max(FEWEST),
            // No axis of no length.
            end: end.max(f64::MIN_POSITIVE),
        }
    }

    pub(crate) const fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) const fn terminal(&self) -> Terminal {
        self.terminal
    }

    /// The time at which a column begins, in seconds.
    pub(crate) fn begins(&self, column: usize) -> f64 {
        self.end * column as f64 / self.columns as f64
    }

    /// The columns of the time from one moment to another: at least one that exists.
    pub(crate) fn between(&self, from: f64, until: f64) -> std::ops::Range<usize> {
        let column = |time: f64| time / self.end * self.columns as f64;
        let first = (column(from) as usize).min(self.columns - 1);
        // Half a column and less is none.
        let last = (column(until) + 0.5) as usize;
        first..last.clamp(first + 1, self.columns)
    }

    /// A line of the plot, with its label and figure.
    pub(crate) fn line(&self, label: &str, cells: &str, figure: &str) -> String {
        let edge = match self.terminal.glyphs {
            Glyphs::Ascii => '|',
            Glyphs::Unicode => '│',
        };
        let label = shortened(label, self.label);
        let line = format!(
            "{label:width$} {edge}{cells}{edge} {figure}",
            width = self.label
        );
        line.trim_end().to_owned()
    }

    /// The times below the plot.
    pub(crate) fn scale(&self) -> String {
        let mut line = vec![' '; self.label + self.columns + MARGINS + span(self.end).len()];
        let marks = (self.columns / PER_MARK).clamp(1, MOST_MARKS);
        let mut free = 0;
        for mark in 0..=marks {
            let column = self.columns * mark / marks;
            let text = if mark == 0 {
                "0 s".to_owned()
            } else {
                span(self.end * mark as f64 / marks as f64)
            };
            // The text's middle is below the mark, but for the first and the last.
            let back = match mark {
                0 => 0,
                _ if mark == marks => text.len().saturating_sub(1),
                _ => text.len() / 2,
            };
            let at = (self.label + 2 + column).saturating_sub(back + usize::from(mark == marks));
            if at < free {
                continue;
            }
            free = at + text.len() + 1;
            for (place, letter) in line.iter_mut().skip(at).zip(text.chars()) {
                *place = letter;
            }
        }
        let line: String = line.into_iter().collect();
        line.trim_end().to_owned()
    }
}

/// The text, or its beginning.
fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A space and an edge on both sides.
const MARGINS: usize = 4;
/// A plot of fewer columns shows nothing.
const FEWEST: usize = 10;
const PER_MARK: usize = 14;
const MOST_MARKS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_at_their_columns() {
        let terminal = Terminal::plain(60, Glyphs::Ascii);
        let axis = TimeAxis::new(terminal, 6, 4, 180.0);
        assert_eq!(axis.columns(), 46);
        assert_eq!(axis.between(0.0, 180.0), 0..46);
        assert_eq!(axis.between(60.0, 60.0), 15..16);
        assert_eq!(axis.between(500.0, 600.0), 45..46);
        let line = axis.line("outage", &"#".repeat(46), "1/s");
        assert_eq!(line.len(), 6 + 2 + 46 + 2 + 3);
        assert_eq!(
            axis.scale(),
            "        0 s          60 s           2 min        3 min"
        );
    }
}
