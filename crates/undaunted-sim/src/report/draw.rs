//! Charts as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::RGBColor;

use super::chart::{Chart, Series, Style};
use crate::text::digits;

/// The chart as an `svg` element.
///
/// # Errors
///
/// The text of the plotting library's error.
pub(super) fn svg(chart: &Chart) -> Result<String, String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    draw(chart, &area).map_err(|error| error.to_string())?;
    drop(area);
    Ok(svg)
}

/// The colour of a policy as it is written in the SVG, where the page's style finds it.
pub(super) fn color(number: usize) -> RGBColor {
    COLORS[number % COLORS.len()]
}

type Area<'s> = DrawingArea<SVGBackend<'s>, Shift>;
type Drawn<'s> = Result<(), DrawingAreaErrorKind<<SVGBackend<'s> as DrawingBackend>::ErrorType>>;

fn draw<'s>(chart: &Chart, area: &Area<'s>) -> Drawn<'s> {
    let (across, up) = chart.size();
    let mut context = ChartBuilder::on(area)
        .margin(MARGIN)
        .margin_right(3 * MARGIN)
        .x_label_area_size(LABELS_BELOW)
        .y_label_area_size(LABELS_BESIDE)
        .build_cartesian_2d(across.clone(), up.clone())?;
    for band in &chart.bands {
        let ends = [(band.from, up.start), (band.until.min(across.end), up.end)];
        context.draw_series([Rectangle::new(ends, BAND.filled())])?;
    }
    let places = (across.end - across.start) as usize;
    let whole = chart.has_ranges();
    // Twice as many as there are places, so that none of these is left out.
    let ticks = if whole {
        (2 * places).min(2 * TICKS_ACROSS)
    } else {
        TICKS_ACROSS
    };
    let label = |value: &f64| {
        if whole && value.fract() != 0.0 {
            String::new()
        } else {
            digits(*value)
        }
    };
    context
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_desc(chart.across)
        .y_desc(chart.up)
        .x_labels(ticks)
        .y_labels(TICKS_UP)
        .x_label_formatter(&label)
        .y_label_formatter(&|value| digits(*value))
        .label_style(("sans-serif", FONT))
        .axis_desc_style(("sans-serif", FONT))
        .draw()?;
    for series in &chart.series {
        let points = series.points.iter().copied();
        match series.style {
            Style::Background => {
                context.draw_series(LineSeries::new(points, BACKGROUND.stroke_width(THIN)))?;
            }
            Style::Line(number) => {
                let line = color(number).stroke_width(THICK);
                context.draw_series(LineSeries::new(points, line))?;
            }
            Style::Dashed(number) => {
                let line = color(number).stroke_width(THICK);
                context.draw_series(DashedLineSeries::new(points, DASH, GAP, line))?;
            }
            Style::Range(number) => {
                context.draw_series(bars(series, number))?;
                context.draw_series(marks(series, number))?;
            }
        }
    }
    area.present()
}

/// A bar from the first to the second of three points.
fn bars(series: &Series, number: usize) -> Vec<Rectangle<(f64, f64)>> {
    let style = color(number).filled();
    let half = BAR / 2.0;
    // Bars of two policies stand beside each other.
    let shift = number as f64 * BAR;
    let bar = |points: &[(f64, f64)]| {
        let (place, low) = *points.first()?;
        let (_, high) = *points.get(1)?;
        let ends = [(place + shift - half, low), (place + shift + half, high)];
        Some(Rectangle::new(ends, style))
    };
    series.points.chunks(3).filter_map(bar).collect()
}

/// A line across the bar at the third.
fn marks(series: &Series, number: usize) -> Vec<PathElement<(f64, f64)>> {
    let half = BAR / 2.0;
    let shift = number as f64 * BAR;
    let mark = |points: &[(f64, f64)]| {
        let (place, mean) = *points.get(2)?;
        let ends = vec![(place + shift - half, mean), (place + shift + half, mean)];
        Some(PathElement::new(ends, INK.stroke_width(THICK)))
    };
    series.points.chunks(3).filter_map(mark).collect()
}

/// Pixels of the drawing, which is as wide as the page.
const WIDTH: u32 = 760;
const HEIGHT: u32 = 280;
const MARGIN: u32 = 8;
const LABELS_BELOW: u32 = 44;
const LABELS_BESIDE: u32 = 74;
const FONT: u32 = 14;
const TICKS_ACROSS: usize = 8;
const TICKS_UP: usize = 5;
const THIN: u32 = 1;
const THICK: u32 = 2;
const DASH: u32 = 6;
const GAP: u32 = 4;
/// Of the distance between two retries.
const BAR: f64 = 0.3;

/// The page's style replaces each of them by what suits light and dark, so no two are the same.
const INK: RGBColor = RGBColor(0, 0, 0);
const GRID: RGBColor = RGBColor(221, 221, 221);
const BAND: RGBColor = RGBColor(245, 225, 220);
const BACKGROUND: RGBColor = RGBColor(119, 119, 119);
/// By Okabe and Ito: they differ for those who do not see all colours.
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
