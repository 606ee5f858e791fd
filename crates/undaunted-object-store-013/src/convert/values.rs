//! Arguments and results.

/// Conversions of `$from`'s types to `$to`'s, where they have the same fields.
macro_rules! values {
    ($from:ident => $to:ident) => {
        use futures::{StreamExt as _, TryStreamExt as _};
        use $from as source;
        use $to as target;

        /// Both versions take the same texts for paths, so this never has to encode one.
        pub(crate) fn path(path: &source::path::Path) -> target::path::Path {
            let path = path.as_ref();
            target::path::Path::parse(path).unwrap_or_else(|_| path.into())
        }

        pub(crate) fn meta(meta: source::ObjectMeta) -> target::ObjectMeta {
            let location = path(&meta.location);
            of_location(meta, location)
        }

        /// [`meta`] of an object that was asked for by its path, which need not be read again.
        fn meta_of(meta: source::ObjectMeta, asked: &target::path::Path) -> target::ObjectMeta {
            let location = if meta.location.as_ref() == asked.as_ref() {
                asked.clone()
            } else {
                path(&meta.location)
            };
            of_location(meta, location)
        }

        fn of_location(
            meta: source::ObjectMeta,
            location: target::path::Path,
        ) -> target::ObjectMeta {
            target::ObjectMeta {
                location,
                last_modified: meta.last_modified,
                size: meta.size,
                e_tag: meta.e_tag,
                version: meta.version,
            }
        }

        pub(crate) fn payload(payload: source::PutPayload) -> target::PutPayload {
            match payload.as_ref() {
                [chunk] => chunk.clone().into(),
                _ => payload.into_iter().collect(),
            }
        }

        pub(crate) fn get_options(options: source::GetOptions) -> target::GetOptions {
            target::GetOptions {
                if_match: options.if_match,
                if_none_match: options.if_none_match,
                if_modified_since: options.if_modified_since,
                if_unmodified_since: options.if_unmodified_since,
                range: options.range.map(|range| match range {
                    source::GetRange::Bounded(range) => target::GetRange::Bounded(range),
                    source::GetRange::Offset(offset) => target::GetRange::Offset(offset),
                    source::GetRange::Suffix(bytes) => target::GetRange::Suffix(bytes),
                }),
                version: options.version,
                head: options.head,
                extensions: options.extensions,
            }
        }

        pub(crate) fn put_options(options: source::PutOptions) -> target::PutOptions {
            target::PutOptions {
                mode: match options.mode {
                    source::PutMode::Overwrite => target::PutMode::Overwrite,
                    source::PutMode::Create => target::PutMode::Create,
                    source::PutMode::Update(version) => {
                        target::PutMode::Update(target::UpdateVersion {
                            e_tag: version.e_tag,
                            version: version.version,
                        })
                    }
                },
                tags: tags(&options.tags),
                attributes: attributes(&options.attributes),
                extensions: options.extensions,
            }
        }

        pub(crate) fn multipart_options(
            options: source::PutMultipartOptions,
        ) -> target::PutMultipartOptions {
            target::PutMultipartOptions {
                tags: tags(&options.tags),
                attributes: attributes(&options.attributes),
                extensions: options.extensions,
            }
        }

        pub(crate) fn copy_options(options: source::CopyOptions) -> target::CopyOptions {
            target::CopyOptions {
                mode: match options.mode {
                    source::CopyMode::Overwrite => target::CopyMode::Overwrite,
                    source::CopyMode::Create => target::CopyMode::Create,
                },
                extensions: options.extensions,
            }
        }

        pub(crate) fn rename_options(options: source::RenameOptions) -> target::RenameOptions {
            target::RenameOptions {
                target_mode: match options.target_mode {
                    source::RenameTargetMode::Overwrite => target::RenameTargetMode::Overwrite,
                    source::RenameTargetMode::Create => target::RenameTargetMode::Create,
                },
                extensions: options.extensions,
            }
        }

        pub(crate) fn page_options(
            options: source::list::PaginatedListOptions,
        ) -> target::list::PaginatedListOptions {
            target::list::PaginatedListOptions {
                offset: options.offset,
                delimiter: options.delimiter,
                max_keys: options.max_keys,
                page_token: options.page_token,
                extensions: options.extensions,
            }
        }

        pub(crate) fn page(
            page: source::list::PaginatedListResult,
        ) -> target::list::PaginatedListResult {
            target::list::PaginatedListResult {
                result: list_result(page.result),
                page_token: page.page_token,
            }
        }

        pub(crate) fn part(part: source::multipart::PartId) -> target::multipart::PartId {
            target::multipart::PartId {
                content_id: part.content_id,
            }
        }

        /// The body of a HEAD is not read.
        fn get_payload(
            payload: source::GetResultPayload,
            is_head: bool,
        ) -> target::GetResultPayload {
            match payload {
                source::GetResultPayload::Stream(_) if is_head => {
                    target::GetResultPayload::Stream(futures::stream::empty().boxed())
                }
                source::GetResultPayload::File(file, path) => {
                    target::GetResultPayload::File(file, path)
                }
                source::GetResultPayload::Stream(body) => {
                    target::GetResultPayload::Stream(body.map_err(error).boxed())
                }
            }
        }

        fn attributes(attributes: &source::Attributes) -> target::Attributes {
            if attributes.is_empty() {
                return target::Attributes::new();
            }
            let attributes = attributes.iter().filter_map(|(name, value)| {
                let name = match name {
                    source::Attribute::ContentDisposition => target::Attribute::ContentDisposition,
                    source::Attribute::ContentEncoding => target::Attribute::ContentEncoding,
                    source::Attribute::ContentLanguage => target::Attribute::ContentLanguage,
                    source::Attribute::ContentType => target::Attribute::ContentType,
                    source::Attribute::CacheControl => target::Attribute::CacheControl,
                    source::Attribute::StorageClass => target::Attribute::StorageClass,
                    source::Attribute::Metadata(name) => target::Attribute::Metadata(name.clone()),
                    // The other version has no such attribute.
                    _ => return None,
                };
                Some((name, value.as_ref().to_owned()))
            });
            attributes.collect()
        }

        fn tags(tags: &source::TagSet) -> target::TagSet {
            let mut set = target::TagSet::default();
            if tags.encoded().is_empty() {
                return set;
            }
            for (key, value) in url::form_urlencoded::parse(tags.encoded().as_bytes()) {
                set.push(&key, &value);
            }
            set
        }
    };
}

pub(super) use values;
