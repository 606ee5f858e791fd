//! Errors as text for people: the whole cause, each part of it once, and no secrets.
//!
//! Errors of object_store repeat their source's text, those of HTTP clients leave it to
//! `source()`, and both have layers that say nothing. Here one text is made of all of them.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

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
    full_text_with(error, |_| None)
}

/// [`full_text`] where there may be errors of another version of object_store, of which `is_generic`
/// says that they are, and whether they are its general one.
#[must_use]
pub fn full_text_with(error: &(dyn StdError + 'static), is_generic: IsGeneric) -> String {
    let layer = Layer { error, is_generic };
    let own = error.to_string();
    let Some(source) = behind(error) else {
        return layer.shown(&own) + what_to_do(error);
    };
    let cause = full_text_with(source, is_generic);
    let source = source.to_string();
    match own.rfind(&source) {
        Some(start) if !source.is_empty() => {
            let (before, after) = (&own[..start], &own[start + source.len()..]);
            let before = match request_of(before) {
                _ if layer.is_generic() || EMPTY.contains(&before) => String::new(),
                Some(request) => request,
                None => layer.shown(before),
            };
            format!("{before}{cause}{}", layer.shown(after))
        }
        _ => match SILENT.iter().find(|(silent, _)| *silent == own) {
            Some((_, instead)) => format!("{instead}{cause}"),
            None if own.ends_with(&cause) || says_status(&own, error) => layer.shown(&own),
            None => format!("{}: {cause}", layer.shown(&own)),
        },
    }
}

/// Whether an error of object_store is its general one; none for other errors.
pub type IsGeneric = fn(&(dyn StdError + 'static)) -> Option<bool>;

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

    fn error_type(&self) -> Cow<'static, str> {
        self.0.error_type()
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

/// One of the errors that a text is made of.
struct Layer<'e> {
    error: &'e (dyn StdError + 'static),
    is_generic: IsGeneric,
}

impl Layer<'_> {
    /// What it says by itself. Where that is the name of an object it stays as it is.
    fn shown(&self, text: &str) -> String {
        let error = self.error;
        let is_name = error.is::<path::Error>()
            || error.is::<Ambiguous>()
            || error.is::<Corrupt>()
            || error.is::<OutOfOrder>()
            || error.is::<TooLargeToCopy>()
            || self.of_object_store() == Some(false);
        if is_name {
            text.to_owned()
        } else {
            redacted(text).into_owned()
        }
    }

    /// `Generic S3 error` says less than the request after it.
    fn is_generic(&self) -> bool {
        self.of_object_store() == Some(true)
    }

    fn of_object_store(&self) -> Option<bool> {
        let ours = self.error.downcast_ref();
        let ours = ours.map(|error| matches!(error, Error::Generic { .. }));
        ours.or_else(|| (self.is_generic)(self.error))
    }
}

/// The cause of an error. An [`io::Error`] says what the error in it says, and leaves that out of its
/// sources.
fn behind<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// What there is to do about a cause that does not say so itself.
fn what_to_do(error: &(dyn StdError + 'static)) -> &'static str {
    let number = error.downcast_ref().and_then(io::Error::raw_os_error);
    match number {
        Some(number) if TOO_MANY_OPEN_FILES == Some(number) => OPEN_FILES,
        _ => "",
    }
}

/// Whether the text of an error has the status of the response behind it already.
fn says_status(own: &str, error: &(dyn StdError + 'static)) -> bool {
    let failure = error.source().and_then(<dyn StdError>::downcast_ref);
    failure.is_some_and(|failure: &HttpFailure| own.contains(&failure.status().to_string()))
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

/// The process has as many open files as it may: `EMFILE`, and of sockets in Windows `WSAEMFILE`, where
/// files have no such limit.
const TOO_MANY_OPEN_FILES: Option<i32> = if cfg!(unix) {
    Some(24)
} else if cfg!(windows) {
    Some(10024)
} else {
    None
};

/// Every request in flight has a connection, and many have a file besides.
const OPEN_FILES: &str = if cfg!(unix) {
    ": this process has as many files and connections open as `ulimit -n` allows; raise that limit, or \
     let fewer requests run at the same time (`max_in_flight`, or `--concurrency` of the command)"
} else {
    ": let fewer requests run at the same time (`max_in_flight`, or `--concurrency` of the command)"
};

/// Layers that leave the cause to their source, and what is said instead.
const SILENT: [(&str, &str); 9] = [
    ("", ""),
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
    use object_store::client::{HttpError, HttpErrorKind};

    use super::*;

    /// An error that leaves its cause to `source()`.
    #[derive(Debug)]
    struct Silent(&'static str, Option<Box<dyn StdError + Send + Sync>>);

    impl Silent {
        fn over(text: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
            Self(text, Some(source.into()))
        }
    }

    impl fmt::Display for Silent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Silent {
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
        let tcp = Silent::over("tcp connect error", refused);
        let client = Silent::over("client error (Connect)", tcp);
        let http = HttpError::new(
            HttpErrorKind::Connect,
            Silent::over("error sending request", client),
        );
        assert_eq!(
            full_text(&request(http)),
            format!("HEAD http://host/b/x?…: cannot connect: {said}")
        );
    }

    #[test]
    fn every_cause_is_said_once() {
        let layers = Silent::over("a", Silent::over("b: c", Silent("c", None)));
        assert_eq!(full_text(&layers), "a: b: c");
        let repeated = Repeating {
            before: "read: ",
            source: Box::new(Silent::over("b", Silent("c", None))),
        };
        assert_eq!(full_text(&repeated), "read: b: c");
        let known = Silent::over("all of it: c", Silent("c", None));
        assert_eq!(full_text(&known), "all of it: c");
        // One that has no words of its own.
        let empty = Silent::over("a", Silent::over("", Silent("c", None)));
        assert_eq!(full_text(&empty), "a: c");
        let wrapped = Silent::over("a", io::Error::other(Silent::over("b", Silent("c", None))));
        assert_eq!(full_text(&wrapped), "a: b: c");
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_of_open_files_is_named_wherever_they_run_out() {
        let none_left = || io::Error::from_raw_os_error(24);
        let said = none_left().to_string();
        let of_socket = Silent::over("tcp open error", none_left());
        let of_file = Repeating {
            before: "Unable to open file /a: ",
            source: none_left().into(),
        };
        for text in [
            full_text(&of_socket),
            full_text(&generic(of_file)),
            full_text(&io::Error::other(none_left())),
        ] {
            assert_eq!(text.matches(&said).count(), 1, "{text}");
            let advice = text.split(&said).nth(1).unwrap();
            assert!(advice.starts_with(": "), "{text}");
            for words in ["`ulimit -n`", "max_in_flight", "--concurrency"] {
                assert!(advice.contains(words), "{text}");
            }
        }
        let other = full_text(&io::Error::from_raw_os_error(5));
        assert!(!other.contains("ulimit"), "{other}");
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
