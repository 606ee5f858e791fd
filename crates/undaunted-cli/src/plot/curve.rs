//! A curve as a filled area, and marks of another one over it.

use console::Color;

use super::TimeAxis;
use crate::terminal::{Glyphs, Terminal};

/// A quantity over time: a value for each column of the axis.
#[derive(Debug)]
pub(crate) struct Curve<'c> {
    pub(crate) label: &'c str,
    pub(crate) values: &'c [f64],
    /// Values that are marked over the area.
    pub(crate) marks: Option<&'c [f64]>,
    /// The value at the upper edge.
    pub(crate) top: f64,
    /// What stands beside the upper edge: the value with its unit.
    pub(crate) figure: &'c str,
    pub(crate) rows: usize,
    pub(crate) colour: Color,
}

impl Curve<'_> {
    /// What marks are drawn with.
    pub(crate) const fn mark(terminal: Terminal) -> &'static str {
        match terminal.glyphs {
            Glyphs::Ascii => "o",
            Glyphs::Unicode => "●",
        }
    }

    /// The lines of the plot, from the upper one on.
    pub(crate) fn lines(&self, axis: &TimeAxis) -> Vec<String> {
        let rows = (0..self.rows).rev().map(|row| {
            let cells: String = (0..axis.columns())
                .map(|column| self.cell(axis, row, column))
                .collect();
            let is_upper = row + 1 == self.rows;
            let (label, figure) = if is_upper {
                (self.label, self.figure)
            } else {
                ("", "")
            };
            axis.line(label, &cells, figure)
        });
        rows.collect()
    }

    /// The cell of a row, counted from below.
    fn cell(&self, axis: &TimeAxis, row: usize, column: usize) -> String {
        let terminal = axis.terminal();
        let marks = self.marks.and_then(|marks| marks.get(column));
        if let Some(height) = marks.map(|value| self.height(*value)) {
            // What is zero is marked on the ground.
            let at = (height.ceil() as usize)
                .saturating_sub(1)
                .min(self.rows - 1);
            if at == row && height.is_finite() {
                return terminal.painted(Self::mark(terminal), Color::Yellow);
            }
        }
        let value = self.values.get(column).copied().unwrap_or(f64::NAN);
        let filled = (self.height(value) - row as f64).clamp(0.0, 1.0);
        let scale: &[&str] = match terminal.glyphs {
            Glyphs::Ascii => &[" ", ".", ":", "#"],
            Glyphs::Unicode => &[" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        };
        let steps = (scale.len() - 1) as f64;
        let mut step = (filled * steps).round() as usize;
        // Little is more than nothing, unless it is next to nothing.
        if step == 0 && row == 0 && value > self.top * LEAST {
            step = 1;
        }
        terminal.painted(scale[step], self.colour)
    }

    /// In rows.
    fn height(&self, value: f64) -> f64 {
        let share = if self.top > 0.0 {
            value / self.top
        } else {
            0.0
        };
        share.clamp(0.0, 1.0) * self.rows as f64
    }
}

/// The share of the scale from which on a value is seen.
const LEAST: f64 = 0.002;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(glyphs: Glyphs, values: &[f64], marks: Option<&[f64]>) -> Vec<String> {
        let axis = TimeAxis::new(Terminal::plain(40, glyphs), 12, 8, 10.0);
        let curve = Curve {
            label: "requests",
            values,
            marks,
            top: 8.0,
            figure: "8/s",
            rows: 2,
            colour: Color::Cyan,
        };
        curve.lines(&axis)
    }

    #[test]
    fn heights_are_in_proportion() {
        let values: Vec<f64> = (0..16).map(|value| f64::from(value) / 2.0).collect();
        assert_eq!(
            lines(Glyphs::Unicode, &values, None),
            [
                "requests     │         ▁▂▃▄▅▆▇│ 8/s",
                "             │ ▁▂▃▄▅▆▇████████│",
            ]
        );
        assert_eq!(
            lines(Glyphs::Ascii, &values, None),
            [
                "requests     |          ..:::#| 8/s",
                "             | ...:::#########|",
            ]
        );
    }

    #[test]
    fn marks_stand_where_their_values_are_and_nothing_is_beyond_the_edges() {
        let marks = [0.0, 4.0, 4.1, 99.0, -1.0, f64::NAN];
        let values = [8.0; 6];
        let drawn = lines(Glyphs::Ascii, &values, Some(&marks));
        assert_eq!(&drawn[0][14..20], "##oo##");
        assert_eq!(&drawn[1][14..20], "oo##o#");
        let little = lines(Glyphs::Ascii, &[0.02, 0.01], None);
        assert_eq!(&little[1][14..16], ". ");
    }
}
