//! S3 and what speaks like it.

use object_store::aws::AmazonS3Builder;

super::cloud::backend! {
    AmazonS3Builder,
    "S3",
    with_credentials(credentials)
}
