//! The trait `ObjectStore`.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::upload::{Upload013, Upload014};
use super::{As013, As014};
use crate::convert::{to_013, to_014};
use crate::store::RetryStore;
use crate::v014;

/// `$to`'s trait for `$shown`, whose `other()` has `$from`'s. `$put` and `$get` are those of `$from`'s
/// trait, or the same without a box around their futures.
macro_rules! store {
    (
        $shown:ident of [$($of:tt)+]: $from:ident => $to:ident
        by $arguments:ident, $results:ident, $upload:ident, $put:path, $get:path
    ) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: $($of)+> $to::ObjectStore for $shown<S> {
            async fn put_opts(
                &self,
                location: &$to::path::Path,
                payload: $to::PutPayload,
                opts: $to::PutOptions,
            ) -> $to::Result<$to::PutResult> {
                let location = $arguments::path(location);
                let payload = $arguments::payload(payload);
                let opts = $arguments::put_options(opts);
                let result = $put(self.other(), &location, payload, opts).await;
                result.map($results::put_result).map_err($results::error)
            }

            async fn put_multipart_opts(
                &self,
                location: &$to::path::Path,
                opts: $to::PutMultipartOptions,
            ) -> $to::Result<Box<dyn $to::MultipartUpload>> {
                let location = $arguments::path(location);
                let opts = $arguments::multipart_options(opts);
                match $from::ObjectStore::put_multipart_opts(self.other(), &location, opts).await {
                    Ok(upload) => Ok(Box::new($upload(upload))),
                    Err(error) => Err($results::error(error)),
                }
            }

            async fn get_opts(
                &self,
                location: &$to::path::Path,
                options: $to::GetOptions,
            ) -> $to::Result<$to::GetResult> {
                let asked = $arguments::path(location);
                let is_head = options.head;
                let options = $arguments::get_options(options);
                match $get(self.other(), &asked, options).await {
                    Ok(result) => Ok($results::get_result(result, location, is_head)),
                    Err(error) => Err($results::error(error)),
                }
            }

            async fn get_ranges(
                &self,
                location: &$to::path::Path,
                ranges: &[Range<u64>],
            ) -> $to::Result<Vec<Bytes>> {
                let location = $arguments::path(location);
                let result = $from::ObjectStore::get_ranges(self.other(), &location, ranges).await;
                result.map_err($results::error)
            }

            fn delete_stream(
                &self,
                locations: BoxStream<'static, $to::Result<$to::path::Path>>,
            ) -> BoxStream<'static, $to::Result<$to::path::Path>> {
                let locations = locations.map(|location| match location {
                    Ok(location) => Ok($arguments::path(&location)),
                    Err(error) => Err($arguments::error(error)),
                });
                let deleted = $from::ObjectStore::delete_stream(self.other(), locations.boxed());
                let deleted = deleted.map(|location| match location {
                    Ok(location) => Ok($results::path(&location)),
                    Err(error) => Err($results::error(error)),
                });
                deleted.boxed()
            }

            fn list(
                &self,
                prefix: Option<&$to::path::Path>,
            ) -> BoxStream<'static, $to::Result<$to::ObjectMeta>> {
                let prefix = prefix.map($arguments::path);
                let found = $from::ObjectStore::list(self.other(), prefix.as_ref());
                let found = found.map_ok($results::meta);
                found.map_err($results::error).boxed()
            }

            fn list_with_offset(
                &self,
                prefix: Option<&$to::path::Path>,
                offset: &$to::path::Path,
            ) -> BoxStream<'static, $to::Result<$to::ObjectMeta>> {
                let prefix = prefix.map($arguments::path);
                let offset = $arguments::path(offset);
                let found =
                    $from::ObjectStore::list_with_offset(self.other(), prefix.as_ref(), &offset);
                let found = found.map_ok($results::meta);
                found.map_err($results::error).boxed()
            }

            async fn list_with_delimiter(
                &self,
                prefix: Option<&$to::path::Path>,
            ) -> $to::Result<$to::ListResult> {
                let prefix = prefix.map($arguments::path);
                let result =
                    $from::ObjectStore::list_with_delimiter(self.other(), prefix.as_ref()).await;
                result.map($results::list_result).map_err($results::error)
            }

            async fn copy_opts(
                &self,
                from: &$to::path::Path,
                to: &$to::path::Path,
                options: $to::CopyOptions,
            ) -> $to::Result<()> {
                let (from, to) = ($arguments::path(from), $arguments::path(to));
                let options = $arguments::copy_options(options);
                let result = $from::ObjectStore::copy_opts(self.other(), &from, &to, options).await;
                result.map_err($results::error)
            }

            async fn rename_opts(
                &self,
                from: &$to::path::Path,
                to: &$to::path::Path,
                options: $to::RenameOptions,
            ) -> $to::Result<()> {
                let (from, to) = ($arguments::path(from), $arguments::path(to));
                let options = $arguments::rename_options(options);
                let result =
                    $from::ObjectStore::rename_opts(self.other(), &from, &to, options).await;
                result.map_err($results::error)
            }
        }
    };
}

store!(As013 of [object_store014::ObjectStore + ?Sized]: object_store014 => object_store013
    by to_014, to_013, Upload013,
    object_store014::ObjectStore::put_opts, object_store014::ObjectStore::get_opts);
store!(As014 of [object_store013::ObjectStore + ?Sized]: object_store013 => object_store014
    by to_013, to_014, Upload014,
    object_store013::ObjectStore::put_opts, object_store013::ObjectStore::get_opts);
store!(RetryStore of [object_store013::ObjectStore]: object_store014 => object_store013
    by to_014, to_013, Upload013,
    v014::bridge::put, v014::bridge::get);
