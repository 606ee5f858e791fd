//! A plot before it is drawn: its message, axes and series, and the same as a table.

use std::ops::Range;

use super::table::Table;
use crate::text::digits;

/// A plot with one message.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What it shows, in a sentence.
    pub(super) message: String,
    /// What the horizontal axis is, with the unit.
    pub(super) across: &'static str,
    /// What the vertical axis is, with the unit.
    pub(super) up: &'static str,
    pub(super) series: Vec<Series>,
    /// Times at which something goes wrong.
    pub(super) bands: Vec<Band>,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) style: Style,
    pub(super) points: Vec<(f64, f64)>,
}

/// How a series is drawn. Policies keep their number, and so their colour, in every plot of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// What everything else is compared with.
    Background,
    /// A policy, by its number.
    Line(usize),
    /// What was measured of a policy.
    Dashed(usize),
    /// From the lower to the upper of two points each, with a mark at the third.
    Range(usize),
}

/// A part of the horizontal axis.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) until: f64,
}

impl Chart {
    /// Both axes, from end to end.
    pub(super) fn size(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let across = points().map(|point| point.0).fold(0.0, f64::max);
        let up = points().map(|point| point.1).fold(0.0, f64::max);
        let end = |value: f64| if value > 0.0 { value } else { 1.0 };
        let across = if self.has_ranges() {
            // Bars stand around their places.
            HALF_A_PLACE..across + 2.0 * HALF_A_PLACE
        } else {
            0.0..end(across)
        };
        (across, 0.0..end(up * HEADROOM))
    }

    /// Whether places on the horizontal axis are whole numbers, with bars at them.
    pub(super) fn has_ranges(&self) -> bool {
        let mut series = self.series.iter();
        series.any(|series| matches!(series.style, Style::Range(_)))
    }

    /// The numbers, in as many rows as a person reads.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&self.message, &[self.across]);
        let names = self.series.iter().map(|series| series.name.clone());
        table.head.extend(names);
        let ranges = self.has_ranges();
        let places = self.places(if ranges { usize::MAX } else { MOST_ROWS });
        for window in places.windows(2) {
            let (from, until) = (window[0], window[1]);
            let mut row = vec![digits(until)];
            row.extend(self.series.iter().map(|series| {
                if ranges {
                    series.range_at(until)
                } else {
                    series.mean(from, until)
                }
            }));
            table.rows.push(row);
        }
        table
    }

    /// Where the rows of the table end.
    fn places(&self, most: usize) -> Vec<f64> {
        let mut all: Vec<f64> = self
            .series
            .iter()
            .flat_map(|series| series.points.iter().map(|point| point.0))
            .collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        let each = all.len().div_ceil(most).max(1);
        let ends = all.chunks(each).filter_map(|chunk| chunk.last().copied());
        std::iter::once(f64::NEG_INFINITY).chain(ends).collect()
    }
}

impl Series {
    /// The mean of the points of a row.
    fn mean(&self, from: f64, until: f64) -> String {
        let points = self.points.iter();
        let within = points.filter(|point| from < point.0 && point.0 <= until);
        let (sum, number) = within.fold((0.0, 0_u32), |(sum, number), point| {
            (sum + point.1, number + 1)
        });
        if number == 0 {
            return String::new();
        }
        digits(sum / f64::from(number))
    }

    /// The lower and the upper end.
    fn range_at(&self, place: f64) -> String {
        let points = self.points.iter();
        #[allow(clippy::float_cmp, reason = "the place is that of the point itself")]
        let values: Vec<f64> = points
            .filter(|point| point.0 == place)
            .map(|point| point.1)
            .collect();
        match *values.as_slice() {
            [] => String::new(),
            [one] => digits(one),
            [low, high, ..] => format!("{} to {}", digits(low), digits(high)),
        }
    }
}

const HALF_A_PLACE: f64 = 0.5;
const MOST_ROWS: usize = 24;
/// The highest point does not touch the frame.
const HEADROOM: f64 = 1.08;
