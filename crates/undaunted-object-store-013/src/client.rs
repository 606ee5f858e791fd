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
