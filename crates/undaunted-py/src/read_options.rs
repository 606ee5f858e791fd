//! What a read asks for besides the key: a part of the object, and conditions on it.

use object_store::{GetOptions, GetRange};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The options of a read from a dictionary with the names of obspec's `GetOptions`.
pub(crate) fn read_options(given: &Bound<'_, PyDict>) -> PyResult<GetOptions> {
    Ok(GetOptions {
        if_match: option(given, "if_match")?,
        if_none_match: option(given, "if_none_match")?,
        if_modified_since: option(given, "if_modified_since")?,
        if_unmodified_since: option(given, "if_unmodified_since")?,
        range: option::<Part>(given, "range")?.map(GetRange::from),
        version: option(given, "version")?,
        head: option(given, "head")?.unwrap_or_default(),
        ..GetOptions::default()
    })
}

fn option<'py, T: FromPyObjectOwned<'py>>(
    given: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<Option<T>> {
    let value = given.get_item(name)?;
    let value = value.map(|value| value.extract::<Option<T>>().map_err(Into::into));
    Ok(value.transpose()?.flatten())
}

/// A part of an object.
#[derive(FromPyObject)]
enum Part {
    Between(u64, u64),
    From {
        #[pyo3(item)]
        offset: u64,
    },
    Last {
        #[pyo3(item)]
        suffix: u64,
    },
}

impl From<Part> for GetRange {
    fn from(part: Part) -> Self {
        match part {
            Part::Between(start, end) => (start..end).into(),
            Part::From { offset } => Self::Offset(offset),
            Part::Last { suffix } => Self::Suffix(suffix),
        }
    }
}
