//! In place of a store whose feature is off.

use super::{Backend, OpenError, Target};

#[allow(dead_code)] // with every feature on
pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    Err(OpenError::FeatureOff {
        url: target.to_string(),
        feature: feature(target),
    })
}

#[allow(dead_code)] // with the feature `fs` on
pub(super) fn plain_path(path: &str, _: Vec<(String, String)>) -> Result<Target, OpenError> {
    Err(OpenError::FeatureOff {
        url: path.to_owned(),
        feature: "fs",
    })
}

fn feature(target: &Target) -> &'static str {
    use object_store::ObjectStoreScheme as Scheme;
    match target.scheme {
        Scheme::AmazonS3 => "aws",
        Scheme::GoogleCloudStorage => "gcp",
        Scheme::MicrosoftAzure => "azure",
        Scheme::Http => "http",
        _ => "fs",
    }
}
