//! No logging.

use crate::event::Event;

pub(in crate::driver) fn write(_: &Event<'_>) {}
