//! The traits `MultipartStore` and `PaginatedListStore`.
//!
//! `create_multipart_opts` of 0.14, which 0.13 does not have, is left to its default: it refuses
//! attributes and tags.

use async_trait::async_trait;

use super::{As013, As014};
use crate::convert::{to_013, to_014};
use crate::store::RetryStore;

/// `$to`'s traits for `$shown`, whose `other()` has `$from`'s.
macro_rules! parts {
    (
        $shown:ident of [$($parts:tt)+], [$($pages:tt)+]: $from:ident => $to:ident
        by $arguments:ident, $results:ident
    ) => {
        #[async_trait]
        impl<S: $($parts)+> $to::multipart::MultipartStore for $shown<S> {
            async fn create_multipart(
                &self,
                path: &$to::path::Path,
            ) -> $to::Result<$to::MultipartId> {
                let path = $arguments::path(path);
                let result =
                    $from::multipart::MultipartStore::create_multipart(self.other(), &path).await;
                result.map_err($results::error)
            }

            async fn put_part(
                &self,
                path: &$to::path::Path,
                id: &$to::MultipartId,
                part_idx: usize,
                data: $to::PutPayload,
            ) -> $to::Result<$to::multipart::PartId> {
                let path = $arguments::path(path);
                let data = $arguments::payload(data);
                let result = $from::multipart::MultipartStore::put_part(
                    self.other(), &path, id, part_idx, data,
                ).await;
                result.map($results::part).map_err($results::error)
            }

            async fn complete_multipart(
                &self,
                path: &$to::path::Path,
                id: &$to::MultipartId,
                parts: Vec<$to::multipart::PartId>,
            ) -> $to::Result<$to::PutResult> {
                let path = $arguments::path(path);
                let parts = parts.into_iter().map($arguments::part).collect();
                let result = $from::multipart::MultipartStore::complete_multipart(
                    self.other(), &path, id, parts,
                ).await;
                result.map($results::put_result).map_err($results::error)
            }

            async fn abort_multipart(
                &self,
                path: &$to::path::Path,
                id: &$to::MultipartId,
            ) -> $to::Result<()> {
                let path = $arguments::path(path);
                let result = $from::multipart::MultipartStore::abort_multipart(
                    self.other(), &path, id,
                ).await;
                result.map_err($results::error)
            }
        }

        #[async_trait]
        impl<S: $($pages)+> $to::list::PaginatedListStore for $shown<S> {
            async fn list_paginated(
                &self,
                prefix: Option<&str>,
                opts: $to::list::PaginatedListOptions,
            ) -> $to::Result<$to::list::PaginatedListResult> {
                let opts = $arguments::page_options(opts);
                let result = $from::list::PaginatedListStore::list_paginated(
                    self.other(), prefix, opts,
                ).await;
                result.map($results::page).map_err($results::error)
            }
        }
    };
}

parts!(As013 of [object_store014::multipart::MultipartStore + ?Sized],
    [object_store014::list::PaginatedListStore + ?Sized]:
    object_store014 => object_store013 by to_014, to_013);
parts!(As014 of [object_store013::multipart::MultipartStore + ?Sized],
    [object_store013::list::PaginatedListStore + ?Sized]:
    object_store013 => object_store014 by to_013, to_014);
parts!(RetryStore of [object_store013::ObjectStore], [object_store013::ObjectStore]:
    object_store014 => object_store013 by to_014, to_013);
