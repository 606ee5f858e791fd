//! The trait `MultipartUpload`.

use async_trait::async_trait;
use futures::FutureExt;

use crate::convert::{to_013, to_014};

/// An upload of 0.14 as one of 0.13.
#[derive(Debug)]
pub(crate) struct Upload013(pub(crate) Box<dyn object_store014::MultipartUpload>);

/// An upload of 0.13 as one of 0.14.
#[derive(Debug)]
pub(crate) struct Upload014(pub(crate) Box<dyn object_store013::MultipartUpload>);

/// `$to`'s trait for `$shown`, which has `$from`'s.
macro_rules! upload {
    ($shown:ident: $from:ident => $to:ident by $arguments:ident, $results:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl $to::MultipartUpload for $shown {
            fn put_part(&mut self, data: $to::PutPayload) -> $to::UploadPart {
                let part = self.0.put_part($arguments::payload(data));
                part.map(|sent| sent.map_err($results::error)).boxed()
            }

            async fn complete(&mut self) -> $to::Result<$to::PutResult> {
                let result = self.0.complete().await;
                result.map($results::put_result).map_err($results::error)
            }

            async fn abort(&mut self) -> $to::Result<()> {
                self.0.abort().await.map_err($results::error)
            }
        }
    };
}

upload!(Upload013: object_store014 => object_store013 by to_014, to_013);
upload!(Upload014: object_store013 => object_store014 by to_013, to_014);
