//! No logging.

use crate::event::Event;

pub(in crate::driver) fn write(_: &Event<'_>) {}

/// Whether anyone reads logs.
pub(in crate::driver) const fn is_on() -> bool {
    false
}
