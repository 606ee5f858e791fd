//! URLs with which anyone can use an object for a limited time.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{Error, ObjectStore, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted_object_store::RetryStore;

/// What a URL is for, and for how long.
#[derive(Debug)]
pub(crate) struct UrlRequest {
    method: Method,
    lasts: Duration,
}

impl UrlRequest {
    pub(crate) fn new(method: &str, expires_in: f64) -> PyResult<Self> {
        let method = match method {
            "DELETE" => Method::DELETE,
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "PUT" => Method::PUT,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "method is {method:?}, but must be GET, PUT, HEAD or DELETE"
                )));
            }
        };
        let lasts = Duration::try_from_secs_f64(expires_in);
        let lasts = lasts
            .ok()
            .filter(|lasts| lasts.as_secs() > 0 && *lasts <= LONGEST);
        let lasts = lasts.ok_or_else(|| {
            PyValueError::new_err(format!(
                "expires_in is {expires_in} s, but must be from 1 second to 7 days"
            ))
        })?;
        Ok(Self { method, lasts })
    }

    /// The URL for an object. `shown` names the store if it cannot sign.
    pub(crate) async fn signed(
        self,
        store: &RetryStore<Arc<dyn ObjectStore>>,
        path: &Path,
        shown: &str,
    ) -> Result<String> {
        match store.signed_url(self.method, path, self.lasts).await {
            Ok(url) => Ok(url.to_string()),
            Err(Error::NotSupported { .. }) => Err(Error::NotSupported {
                source: format!("{shown} cannot sign URLs").into(),
            }),
            Err(error) => Err(error),
        }
    }
}

/// The maximum of S3.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
