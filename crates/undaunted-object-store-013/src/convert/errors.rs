//! Errors: variant by variant, each with the same source, so that a cause is found by its type
//! on both sides.

/// `error`, from `$from`'s to `$to`'s. It needs a function `cause`.
macro_rules! errors {
    ($from:ident => $to:ident) => {
        pub(crate) fn error(error: $from::Error) -> $to::Error {
            use $from::Error as Source;
            use $to::Error as Target;
            match error {
                Source::Generic { store, source } => Target::Generic {
                    store,
                    source: cause(source),
                },
                Source::NotFound { path, source } => Target::NotFound { path, source },
                Source::InvalidPath { source } => invalid_path(source),
                Source::JoinError { source } => Target::JoinError { source },
                Source::NotSupported { source } => Target::NotSupported { source },
                Source::AlreadyExists { path, source } => Target::AlreadyExists { path, source },
                Source::Precondition { path, source } => Target::Precondition { path, source },
                Source::NotModified { path, source } => Target::NotModified { path, source },
                Source::NotImplemented {
                    operation,
                    implementer,
                } => Target::NotImplemented {
                    operation,
                    implementer,
                },
                Source::PermissionDenied { path, source } => {
                    Target::PermissionDenied { path, source }
                }
                Source::Unauthenticated { path, source } => {
                    Target::Unauthenticated { path, source }
                }
                Source::UnknownConfigurationKey { store, key } => {
                    Target::UnknownConfigurationKey { store, key }
                }
                // A variant of a later release.
                other => Target::Generic {
                    store: "RetryStore",
                    source: Box::new(other),
                },
            }
        }

        fn invalid_path(error: $from::path::Error) -> $to::Error {
            use $from::path::Error as Source;
            use $to::path::Error as Target;
            let error = match error {
                Source::EmptySegment { path } => Target::EmptySegment { path },
                Source::Canonicalize { path, source } => Target::Canonicalize { path, source },
                Source::InvalidPath { path } => Target::InvalidPath { path },
                Source::NonUnicode { path, source } => Target::NonUnicode { path, source },
                Source::PrefixMismatch { path, prefix } => Target::PrefixMismatch { path, prefix },
                // The source of `BadSegment` cannot be made but by parsing again.
                other => {
                    let bad = match &other {
                        Source::BadSegment { path, .. } => $to::path::Path::parse(path).err(),
                        _ => None,
                    };
                    match bad {
                        Some(bad) => bad,
                        None => {
                            return $to::Error::Generic {
                                store: "RetryStore",
                                source: Box::new(other),
                            };
                        }
                    }
                }
            };
            $to::Error::InvalidPath { source: error }
        }
    };
}

pub(super) use errors;
