//! The types of one version of object_store as those of the other. What the versions have in
//! common is one text for both directions, in the files of this folder; `extensions` of results,
//! which 0.13 does not have, are here.
//!
//! Nothing is copied that is large or that a caller may look for: payloads go over chunk by chunk,
//! bodies as streams, files as files, and the cause of an error in its own box.

mod errors;
mod values;

/// What one error has for another to blame.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// From 0.14 to 0.13.
pub(crate) mod to_013 {
    use super::Cause;

    super::errors::errors!(object_store014 => object_store013);
    super::values::values!(object_store014 => object_store013);

    /// A cause is the same in both versions.
    fn cause(cause: Cause) -> Cause {
        cause
    }

    pub(crate) fn get_result(
        result: source::GetResult,
        asked: &target::path::Path,
        is_head: bool,
    ) -> target::GetResult {
        target::GetResult {
            payload: get_payload(result.payload, is_head),
            meta: meta_of(result.meta, asked),
            range: result.range,
            attributes: attributes(&result.attributes),
        }
    }

    pub(crate) fn put_result(result: source::PutResult) -> target::PutResult {
        target::PutResult {
            e_tag: result.e_tag,
            version: result.version,
        }
    }

    pub(crate) fn list_result(result: source::ListResult) -> target::ListResult {
        target::ListResult {
            common_prefixes: result.common_prefixes.iter().map(path).collect(),
            objects: result.objects.into_iter().map(meta).collect(),
        }
    }
}

/// From 0.13 to 0.14.
pub(crate) mod to_014 {
    use http::Extensions;

    use crate::client::cause;

    super::errors::errors!(object_store013 => object_store014);
    super::values::values!(object_store013 => object_store014);

    pub(crate) fn get_result(
        result: source::GetResult,
        asked: &target::path::Path,
        is_head: bool,
    ) -> target::GetResult {
        target::GetResult {
            payload: get_payload(result.payload, is_head),
            meta: meta_of(result.meta, asked),
            range: result.range,
            attributes: attributes(&result.attributes),
            extensions: Extensions::new(),
        }
    }

    pub(crate) fn put_result(result: source::PutResult) -> target::PutResult {
        target::PutResult {
            e_tag: result.e_tag,
            version: result.version,
            extensions: Extensions::new(),
        }
    }

    pub(crate) fn list_result(result: source::ListResult) -> target::ListResult {
        target::ListResult {
            common_prefixes: result.common_prefixes.iter().map(path).collect(),
            objects: result.objects.into_iter().map(meta).collect(),
            extensions: Extensions::new(),
        }
    }
}
