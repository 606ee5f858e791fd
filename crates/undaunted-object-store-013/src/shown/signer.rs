//! The trait `Signer`, which object_store 0.13 has with its HTTP client only.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use url::Url;

use super::{As013, As014};
use crate::convert::{to_013, to_014};
use crate::store::RetryStore;

/// `$to`'s trait for `$shown`, whose `other()` has `$from`'s.
macro_rules! signer {
    (
        $shown:ident of [$($of:tt)+]: $from:ident => $to:ident
        by $arguments:ident, $results:ident
    ) => {
        #[async_trait]
        impl<S: $($of)+> $to::signer::Signer for $shown<S> {
            async fn signed_url(
                &self,
                method: Method,
                path: &$to::path::Path,
                expires_in: Duration,
            ) -> $to::Result<Url> {
                let path = $arguments::path(path);
                let result = $from::signer::Signer::signed_url(
                    self.other(), method, &path, expires_in,
                ).await;
                result.map_err($results::error)
            }
        }
    };
}

signer!(As013 of [object_store014::signer::Signer + ?Sized]:
    object_store014 => object_store013 by to_014, to_013);
signer!(As014 of [object_store013::signer::Signer + ?Sized]:
    object_store013 => object_store014 by to_013, to_014);
signer!(RetryStore of [object_store013::ObjectStore]:
    object_store014 => object_store013 by to_014, to_013);
