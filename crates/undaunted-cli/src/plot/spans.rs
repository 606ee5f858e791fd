//! Bars from one time to another, one below the other.

use std::fmt;

use console::Color;

use super::TimeAxis;
use crate::terminal::Glyphs;

/// Bars over a time axis, each with a label.
#[derive(Debug)]
pub(crate) struct Spans {
    axis: TimeAxis,
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    label: String,
    /// Seconds.
    from: f64,
    mean: f64,
    until: f64,
}

impl Spans {
    pub(crate) const fn new(axis: TimeAxis) -> Self {
        Self {
            axis,
            bars: Vec::new(),
        }
    }

    /// A bar between two times, with a mark at a third if that is a number.
    pub(crate) fn bar(&mut self, label: String, [from, mean, until]: [f64; 3]) {
        self.bars.push(Bar {
            label,
            from,
            mean,
            until,
        });
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = self.axis.terminal();
        let (line, dot) = match terminal.glyphs {
            Glyphs::Ascii => ("-", "#"),
            Glyphs::Unicode => ("━", "█"),
        };
        for bar in &self.bars {
            let columns = self.axis.between(bar.from, bar.until);
            let mark = |column: &usize| {
                let at = self.axis.between(bar.mean, bar.mean).start;
                !bar.mean.is_nan() && at.clamp(columns.start, columns.end - 1) == *column
            };
            let filled = columns
                .clone()
                .map(|column| if mark(&column) { dot } else { line });
            let filled = terminal.painted(&filled.collect::<String>(), Color::Cyan);
            let before = " ".repeat(columns.start);
            let after = " ".repeat(self.axis.columns() - columns.end);
            let cells = [before, filled, after];
            writeln!(f, "{}", self.axis.line(&bar.label, &cells.concat(), ""))?;
        }
        f.write_str(&self.axis.scale())
    }
}
