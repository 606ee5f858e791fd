//! Plots and tables of text, for a terminal of any width.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "columns and rows are few, and floats saturate where they become numbers"
)]

mod axis;
mod curve;
mod spans;
mod table;

pub(crate) use axis::TimeAxis;
pub(crate) use curve::Curve;
pub(crate) use spans::Spans;
pub(crate) use table::Table;
