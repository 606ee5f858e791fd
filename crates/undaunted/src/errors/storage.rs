//! An error for storage operations of your own: a kind, the key, and what caused it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::verdict::{Retryable, TimedOut, Verdict};

/// A storage operation that failed: what kind of failure, on which key, and why.
///
/// The kind decides the [`Verdict`]. Its text holds the kind and the key; the alternate form
/// (`{:#}`), which log lines use, adds what caused it.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{Retryable, StorageError, StorageErrorKind, Verdict};
///
/// let error = StorageError::new(StorageErrorKind::RateLimited {
///     retry_after: Some(Duration::from_secs(2)),
/// })
/// .with_key("avatars/1.jpg")
/// .with_source("429 Too Many Requests");
///
/// assert_eq!(format!("{error}"), "rate limited for avatars/1.jpg");
/// assert_eq!(format!("{error:#}"), "rate limited for avatars/1.jpg: 429 Too Many Requests");
/// assert_eq!(
///     error.verdict(),
///     Verdict::Throttled { retry_after: Some(Duration::from_secs(2)) },
/// );
/// ```
#[derive(Debug)]
pub struct StorageError {
    kind: StorageErrorKind,
    key: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`StorageError`] is.
///
/// `Connection`, `RateLimited`, `ServiceUnavailable` and `Timeout` are retryable, the
/// others permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The object exists already.
    AlreadyExists,
    /// The store is configured wrongly.
    Configuration,
    /// The connection could not be made, or broke.
    Connection,
    /// The credentials are missing, wrong or expired.
    InvalidCredentials,
    /// There is no such object.
    NotFound,
    /// The credentials do not allow this.
    PermissionDenied,
    /// The service asked its callers to slow down.
    RateLimited {
        /// How long it asked us to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// The service could not respond just now.
    ServiceUnavailable {
        /// How long it asked us to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// The operation took too long.
    Timeout,
}

impl StorageError {
    /// A failure of this kind, with no key and no source yet.
    #[must_use]
    pub const fn new(kind: StorageErrorKind) -> Self {
        Self {
            kind,
            key: None,
            source: None,
        }
    }

    /// Names the object that the operation was about.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what caused it: an error, or a sentence.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// The object that the operation was about, if it was named.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)?;
        if let Some(key) = &self.key {
            write!(f, " for {key}")?;
        }
        if !f.alternate() {
            return Ok(());
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Display for StorageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyExists => "already exists",
            Self::Configuration => "invalid configuration",
            Self::Connection => "connection failed",
            Self::InvalidCredentials => "invalid credentials",
            Self::NotFound => "not found",
            Self::PermissionDenied => "permission denied",
            Self::RateLimited { .. } => "rate limited",
            Self::ServiceUnavailable { .. } => "service unavailable",
            Self::Timeout => "timed out",
        })
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

impl Retryable for StorageError {
    fn verdict(&self) -> Verdict {
        match self.kind {
            StorageErrorKind::Connection | StorageErrorKind::Timeout => Verdict::TRANSIENT,
            StorageErrorKind::RateLimited { retry_after } => Verdict::Throttled { retry_after },
            StorageErrorKind::ServiceUnavailable { retry_after } => {
                Verdict::Transient { retry_after }
            }
            StorageErrorKind::AlreadyExists
            | StorageErrorKind::Configuration
            | StorageErrorKind::InvalidCredentials
            | StorageErrorKind::NotFound
            | StorageErrorKind::PermissionDenied => Verdict::Permanent,
        }
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let kind = match timed_out {
            TimedOut::CannotCut { .. } => StorageErrorKind::Configuration,
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                StorageErrorKind::Timeout
            }
        };
        Self::new(kind).with_source(timed_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_split_as_the_documentation_says() {
        use StorageErrorKind as Kind;
        let hint = Some(Duration::from_secs(3));
        let retryable = [
            Kind::Connection,
            Kind::RateLimited { retry_after: hint },
            Kind::ServiceUnavailable { retry_after: hint },
            Kind::Timeout,
        ];
        let permanent = [
            Kind::AlreadyExists,
            Kind::Configuration,
            Kind::InvalidCredentials,
            Kind::NotFound,
            Kind::PermissionDenied,
        ];
        for kind in retryable {
            assert!(StorageError::new(kind).verdict().is_retryable(), "{kind}");
        }
        for kind in permanent {
            assert!(!StorageError::new(kind).verdict().is_retryable(), "{kind}");
        }
    }

    #[test]
    fn a_hint_reaches_the_verdict() {
        let hint = Some(Duration::from_secs(3));
        let limited = StorageError::new(StorageErrorKind::RateLimited { retry_after: hint });
        assert_eq!(limited.verdict(), Verdict::Throttled { retry_after: hint });
    }

    #[test]
    fn key_and_source_can_be_read_back() {
        let error = StorageError::new(StorageErrorKind::NotFound)
            .with_key("a/b")
            .with_source(std::io::Error::from(std::io::ErrorKind::NotFound));
        assert_eq!(error.key(), Some("a/b"));
        let source = error.source().unwrap();
        assert!(source.is::<std::io::Error>());
    }
}
