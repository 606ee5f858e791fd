//! What needs the HTTP client of object_store 0.13: the kind of its failures, and `Signer`.

use std::error::Error;
use std::sync::Arc;

use object_store013::client::{HttpError, HttpErrorKind};
use object_store013::signer::Signer;
use object_store014::client::{HttpError as HttpError014, HttpErrorKind as HttpErrorKind014};

use crate::capabilities::Capabilities;
use crate::convert::Cause;
use crate::shown::{As013, As014};
use crate::v014;

pub(crate) type SignerOf = Option<Arc<dyn Signer>>;

impl Capabilities {
    /// URLs can be signed.
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        let shown = Arc::new(As014(Arc::clone(&signer)));
        self.of_014 = self.of_014.with_signer(shown);
        self.signer = Some(signer);
        self
    }

    /// What signs URLs, if they can be signed.
    #[must_use]
    pub fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.signer.as_ref()
    }
}

pub(crate) fn signer_of(capabilities: &v014::Capabilities) -> SignerOf {
    let signer = Arc::clone(capabilities.signer()?);
    Some(Arc::new(As013(signer)))
}

/// The cause, behind the type by which [`RetryStore`](v014::RetryStore) knows the kind of failure
/// if it has 0.13's.
pub(crate) fn cause(cause: Cause) -> Cause {
    match kind(&*cause) {
        Some(kind) => Box::new(HttpError014::new_boxed(kind, cause)),
        None => cause,
    }
}

fn kind(cause: &(dyn Error + 'static)) -> Option<HttpErrorKind014> {
    let mut link = Some(cause);
    while let Some(error) = link {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(match error.kind() {
                HttpErrorKind::Connect => HttpErrorKind014::Connect,
                HttpErrorKind::Request => HttpErrorKind014::Request,
                HttpErrorKind::Timeout => HttpErrorKind014::Timeout,
                HttpErrorKind::Interrupted => HttpErrorKind014::Interrupted,
                HttpErrorKind::Decode => HttpErrorKind014::Decode,
                _ => HttpErrorKind014::Unknown,
            });
        }
        link = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use undaunted::{HttpFailure, Retryable};

    use super::*;
    use crate::cause as find;
    use crate::convert::{to_013, to_014};

    fn generic(source: impl Into<Cause>) -> object_store013::Error {
        object_store013::Error::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn the_kind_of_a_failure_is_known_on_the_other_side_and_the_cause_on_both() {
        for (kind, retryable) in [
            (HttpErrorKind::Connect, true),
            (HttpErrorKind::Decode, true),
            (HttpErrorKind::Interrupted, true),
            (HttpErrorKind::Request, true),
            (HttpErrorKind::Timeout, true),
            (HttpErrorKind::Unknown, false),
        ] {
            // Behind a layer of the client's.
            let http = HttpError::new(kind, io::Error::other("cause"));
            let error = to_014::error(generic(generic(http)));
            assert_eq!(error.verdict().is_retryable(), retryable, "{kind:?}");
            let again = to_013::error(error);
            assert_eq!(find::<HttpError>(&again).map(HttpError::kind), Some(kind));
            assert!(find::<HttpError014>(&again).is_some());
        }
    }

    #[test]
    fn other_causes_stay_as_they_are() {
        let object_store014::Error::Generic { source, .. } =
            to_014::error(generic(HttpFailure::new(503)))
        else {
            unreachable!("one variant becomes the same")
        };
        assert!(source.is::<HttpFailure>());
    }
}
