//! Errors as text for people: the whole cause, each part of it once, and no secrets.
//!
//! Errors of object_store repeat their source's text, those of HTTP clients leave it to
//! `source()`, and both have layers that say nothing. Here one text is made of all of them.

use std::error::Error as StdError;
use std::fmt;

use object_store::{Error, path};
use undaunted::{HttpFailure, Retryable, TimedOut, Verdict};

use crate::error::{Ambiguous, Corrupt, OutOfOrder, TooLargeToCopy};
use crate::redact::redacted;

/// The text of an error with all of its causes, safe to show.
///
/// Each cause is said once, whether an error repeats its source, as object_store's do, or leaves
/// it to [`source()`](StdError::source). Layers that say nothing are left out. URLs are
/// [`redacted`]; names of objects are not, whatever characters they have.
///
/// ```
/// use undaunted_object_store::{full_text, open};
/// use undaunted::RetryConfig;
///
/// let error = open("http://[", RetryConfig::storage()).unwrap_err();
/// assert_eq!(error.to_string(), "this is not a valid URL");
/// assert_eq!(full_text(&error), "this is not a valid URL: invalid IPv6 address");
/// ```
#[must_use]
pub fn full_text(error: &(dyn StdError + 'static)) -> String {
    let own = error.to_string();
    let Some(source) = error.source() else {
        return shown(error, &own);
    };
    let cause = full_text(source);
    let source = source.to_string();
    match own.rfind(&source) {
        Some(start) if !source.is_empty() => {
            let (before, after) = (&own[..start], &own[start + source.len()..]);
            let before = match request_of(before) {
                _ if is_generic(error) || EMPTY.contains(&before) => String::new(),
                Some(request) => request,
                None => shown(error, before),
            };
            format!("{before}{cause}{}", shown(error, after))
        }
        _ => match SILENT.iter().find(|(layer, _)| *layer == own) {
            Some((_, instead)) => format!("{instead}{cause}"),
            None if own.ends_with(&cause) || says_status(&own, error) => shown(error, &own),
            None => format!("{}: {cause}", shown(error, &own)),
        },
    }
}

/// A failed attempt as events, logs and reports say it: by its [`full_text`].
pub(crate) struct Failed(pub(crate) Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&full_text(&self.0))
    }
}

impl Retryable for Failed {
    fn verdict(&self) -> Verdict {
        self.0.verdict()
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self(Error::timed_out(timed_out))
    }
}

/// This error as the cause of a permanent one. A retry further out must not find a transient
/// failure behind it, so of that the text is kept.
pub(crate) fn permanent(error: Error) -> Box<dyn StdError + Send + Sync> {
    if error.verdict().is_retryable() {
        full_text(&error).into()
    } else {
        error.into()
    }
}

/// What an error says by itself. Where that is the name of an object it stays as it is.
fn shown(error: &(dyn StdError + 'static), text: &str) -> String {
    let is_name = error.is::<path::Error>()
        || error.is::<Ambiguous>()
        || error.is::<Corrupt>()
        || error.is::<OutOfOrder>()
        || error.is::<TooLargeToCopy>()
        || error.is::<Error>() && !is_generic(error);
    if is_name {
        text.to_owned()
    } else {
        redacted(text).into_owned()
    }
}

/// Whether the text of an error has the status of the response behind it already.
fn says_status(own: &str, error: &(dyn StdError + 'static)) -> bool {
    let failure = error.source().and_then(<dyn StdError>::downcast_ref);
    failure.is_some_and(|failure: &HttpFailure| own.contains(&failure.status().to_string()))
}

/// `Generic S3 error` says less than the request after it.
fn is_generic(error: &(dyn StdError + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(Error::Generic { .. }))
}

/// The request of `Error performing GET http://host/key in 1.2ms - `, as `GET http://host/key: `.
fn request_of(before: &str) -> Option<String> {
    let request = before.strip_prefix("Error performing ")?;
    if request.ends_with("request: ") {
        // The request itself follows.
        return Some(String::new());
    }
    let mut words = request.strip_suffix(" - ")?.split(' ');
    let (method, url) = (words.next()?, words.next()?);
    Some(if url == "REDACTED" {
        format!("{method}: ")
    } else {
        format!("{method} {}: ", redacted(url))
    })
}

/// What object_store and its resolver of names put before a failure.
const EMPTY: [&str; 2] = ["HTTP error: ", "error resolving DNS: "];

/// Layers of HTTP clients that leave the cause to their source, and what is said instead.
const SILENT: [(&str, &str); 8] = [
    ("error sending request", ""),
    ("error decoding response body", "the body broke: "),
    ("client error (Connect)", "cannot connect: "),
    ("client error (SendRequest)", ""),
    ("dns error", "the name of the host is not resolved: "),
    ("error resolving DNS", ""),
    ("request or response body error", ""),
    ("tcp connect error", ""),
];

#[cfg(test)]
mod tests {
    use std::io;

    use object_store::client::{HttpError, HttpErrorKind};

    use super::*;

    /// An error that leaves its cause to `source()`.
    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<dyn StdError + Send + Sync>>);

    impl Layer {
        fn over(text: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
            Self(text, Some(source.into()))
        }
    }

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self.1.as_deref()?)
        }
    }

    /// An error that repeats its source's text.
    #[derive(Debug, thiserror::Error)]
    #[error("{before}{source}")]
    struct Repeating {
        before: &'static str,
        source: Box<dyn StdError + Send + Sync>,
    }

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Generic {
            store: "S3",
            source: source.into(),
        }
    }

    fn request(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        generic(Repeating {
            before: "Error performing HEAD http://u:pw@host/b/x?sig=s in 749.967µs - ",
            source: source.into(),
        })
    }

    #[test]
    fn a_refused_connection_says_so_in_one_clause() {
        let refused = io::Error::from_raw_os_error(111);
        let said = refused.to_string();
        let tcp = Layer::over("tcp connect error", refused);
        let client = Layer::over("client error (Connect)", tcp);
        let http = HttpError::new(
            HttpErrorKind::Connect,
            Layer::over("error sending request", client),
        );
        assert_eq!(
            full_text(&request(http)),
            format!("HEAD http://host/b/x?…: cannot connect: {said}")
        );
    }

    #[test]
    fn every_cause_is_said_once() {
        let layers = Layer::over("a", Layer::over("b: c", Layer("c", None)));
        assert_eq!(full_text(&layers), "a: b: c");
        let repeated = Repeating {
            before: "read: ",
            source: Box::new(Layer::over("b", Layer("c", None))),
        };
        assert_eq!(full_text(&repeated), "read: b: c");
        let known = Layer::over("all of it: c", Layer("c", None));
        assert_eq!(full_text(&known), "all of it: c");
    }

    #[test]
    fn names_of_objects_are_kept_and_urls_are_not() {
        let error = Error::NotFound {
            path: "t/see http://h/what? now#1.txt".into(),
            source: "GET http://u:pw@h/t/see?sig=s said 404".into(),
        };
        assert_eq!(
            full_text(&error),
            "Object at location t/see http://h/what? now#1.txt not found: \
             GET http://h/t/see?… said 404"
        );
    }

    #[test]
    fn a_request_that_wraps_another_is_left_out() {
        let page = Repeating {
            before: "Error performing list request: ",
            source: Box::new(request("HTTP status 500")),
        };
        assert_eq!(
            full_text(&generic(page)),
            "HEAD http://host/b/x?…: HTTP status 500"
        );
    }
}
