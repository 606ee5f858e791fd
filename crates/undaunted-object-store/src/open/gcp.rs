//! Google Cloud Storage.

use object_store::gcp::GoogleCloudStorageBuilder;

super::cloud::backend! {
    GoogleCloudStorageBuilder,
    "GCS",
    with_credentials(credentials),
    with_signing_credentials(signing_credentials)
}
