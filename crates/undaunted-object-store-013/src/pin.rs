//! Reads of one and the same object.

use object_store013::path::Path;
use object_store013::{GetOptions, ObjectMeta, Result};

use crate::convert::{to_013, to_014};
use crate::v014;

/// What only the same object has, as [`undaunted_object_store::ObjectPin`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPin(v014::ObjectPin);

impl ObjectPin {
    /// The object that this was said of.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Self {
        Self(v014::ObjectPin::of(&to_014::meta(meta.clone())))
    }

    /// Whatever object is there at the first request.
    #[must_use]
    pub const fn none() -> Self {
        Self(v014::ObjectPin::none())
    }

    /// Whether the service can be asked for this object and no other.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.0.is_certain()
    }

    /// Asks for this object and no other, as far as the service can be asked.
    #[must_use]
    pub fn options(&self) -> GetOptions {
        to_013::get_options(self.0.options())
    }

    /// Compares the object with what was said of it later.
    ///
    /// # Errors
    ///
    /// As [`undaunted_object_store::ObjectPin::check`].
    pub fn check(&self, location: &Path, now: &ObjectMeta) -> Result<()> {
        let (location, now) = (to_014::path(location), to_014::meta(now.clone()));
        self.0.check(&location, &now).map_err(to_013::error)
    }

    pub(crate) const fn as_014(&self) -> &v014::ObjectPin {
        &self.0
    }
}
