//! In place of a store whose feature is off.
#![allow(dead_code)] // with some of the features on

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetResult, ObjectStoreScheme as Scheme};
use url::Url;

use super::backend::Backend;
use super::target::{OpenError, Target};

pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    Err(OpenError::FeatureOff {
        url: target.to_string(),
        feature: match target.scheme {
            Scheme::AmazonS3 => "aws",
            Scheme::GoogleCloudStorage => "gcp",
            Scheme::MicrosoftAzure => "azure",
            Scheme::Http => "http",
            _ => "fs",
        },
    })
}

pub(super) fn locate(path: &str) -> Result<(Url, Path), OpenError> {
    Err(OpenError::FeatureOff {
        url: path.to_owned(),
        feature: "fs",
    })
}

/// Without files every payload is a stream.
#[allow(clippy::unused_async)] // as its twin has to be
pub(crate) async fn read_file(
    result: GetResult,
    _: &mut Vec<u8>,
) -> object_store::Result<Option<BoxStream<'static, object_store::Result<Bytes>>>> {
    Ok(Some(result.into_stream()))
}
