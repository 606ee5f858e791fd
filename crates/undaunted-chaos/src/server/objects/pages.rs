//! The pages of a list.

use s3s::{S3Result, dto};

use super::list::{Entry, Query};
use super::{Objects, failed};

impl Objects {
    pub(super) async fn page(
        &self,
        mut input: dto::ListObjectsV2Input,
    ) -> S3Result<dto::ListObjectsV2Output> {
        // An empty delimiter is none.
        input.delimiter.take_if(|text| text.is_empty());
        let most = self.listed(input.max_keys, "maxKeys")?;
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: input
                .continuation_token
                .clone()
                .max(input.start_after.clone())
                .unwrap_or_default(),
            most: usize::try_from(most).unwrap_or_default(),
        };
        let listed = self.on_files(&input.bucket, "", move |folder, bucket, _| {
            let directory = folder.bucket(bucket)?;
            let listed = folder.list(&directory, &query);
            let (entries, is_truncated) =
                listed.map_err(|error| failed("cannot list the bucket", &error))?;
            let last = entries.last().map(|entry| entry.text().to_owned());
            let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
            for entry in entries {
                match entry {
                    // One that was deleted meanwhile is left out.
                    Entry::Key(key) => objects.extend(folder.describe(bucket, &key)),
                    Entry::Prefix(prefix) => prefixes.push(dto::CommonPrefix {
                        prefix: Some(prefix),
                    }),
                }
            }
            Ok((objects, prefixes, last.filter(|_| is_truncated)))
        });
        let (objects, prefixes, next) = listed.await?;
        let count = objects.len() + prefixes.len();
        Ok(dto::ListObjectsV2Output {
            common_prefixes: Some(prefixes).filter(|prefixes| !prefixes.is_empty()),
            contents: Some(objects).filter(|objects| !objects.is_empty()),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            is_truncated: Some(next.is_some()),
            key_count: i32::try_from(count).ok(),
            max_keys: Some(most),
            name: Some(input.bucket),
            next_continuation_token: next,
            prefix: input.prefix,
            start_after: input.start_after,
            ..dto::ListObjectsV2Output::default()
        })
    }
}
