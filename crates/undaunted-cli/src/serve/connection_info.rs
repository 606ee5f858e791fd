//! What clients need to connect: the endpoint, the credentials, and settings to copy.

use std::fmt;

use serde::Serialize;
use undaunted_chaos::server::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};

use super::args::ServeArgs;
use crate::text;

#[derive(Debug, Serialize)]
pub(crate) struct ConnectionInfo {
    endpoint: String,
    access_key_id: &'static str,
    secret_access_key: &'static str,
    region: &'static str,
    /// None with an upstream, which has its own buckets.
    directory: Option<String>,
    upstream: Option<String>,
    buckets: Vec<String>,
    chaos: Option<String>,
    control: Option<String>,
    #[serde(skip)]
    is_temporary: bool,
}

impl ConnectionInfo {
    pub(crate) fn new(args: &ServeArgs, server: &S3Server) -> Self {
        let is_directory = args.upstream.is_none();
        Self {
            endpoint: server.endpoint(),
            access_key_id: ACCESS_KEY,
            secret_access_key: SECRET_KEY,
            region: REGION,
            directory: is_directory.then(|| server.root().display().to_string()),
            upstream: args.upstream.clone(),
            buckets: if is_directory {
                args.bucket.clone()
            } else {
                Vec::new()
            },
            chaos: args.chaos.as_ref().map(ToString::to_string),
            control: server.control_endpoint(),
            is_temporary: is_directory && args.dir.is_none(),
        }
    }
}

impl fmt::Display for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            access_key_id,
            secret_access_key,
            region,
            ..
        } = self;
        let bucket = self.buckets.first().map_or("bucket", String::as_str);
        let objects = self.directory.as_ref().or(self.upstream.as_ref());
        let objects = text::escaped(objects.map_or("", String::as_str));
        let until = if self.is_temporary {
            " (temporary: removed at the end)"
        } else {
            ""
        };
        let buckets = match self.upstream {
            Some(_) => "those of the upstream".to_owned(),
            None => self.buckets.join(", "),
        };
        let chaos = self.chaos.as_deref().unwrap_or("none (add --chaos flaky)");
        let control = self
            .control
            .as_ref()
            .map(|url| format!("  control     {url}/_undaunted/chaos, /requests and /metrics\n"));
        let control = control.unwrap_or_default();
        write!(
            f,
            "\
S3 at {endpoint}
  objects     {objects}{until}
  buckets     {buckets}
  faults      {chaos}
{control}\
  access key  {access_key_id}
  secret key  {secret_access_key}
  region      {region}

# aws-cli, boto3, object_store and undaunted read these variables:
export AWS_ENDPOINT_URL={endpoint} AWS_REGION={region} AWS_ALLOW_HTTP=true
export AWS_ACCESS_KEY_ID={access_key_id} AWS_SECRET_ACCESS_KEY={secret_access_key}

# aws-cli
aws s3 ls s3://{bucket}

# undaunted
undaunted cp --verify FILE s3://{bucket}/

# boto3
boto3.client(\"s3\", endpoint_url=\"{endpoint}\", region_name=\"{region}\",
    aws_access_key_id=\"{access_key_id}\", aws_secret_access_key=\"{secret_access_key}\")

# object_store (Rust)
AmazonS3Builder::new().with_bucket_name(\"{bucket}\").with_endpoint(\"{endpoint}\")
    .with_allow_http(true).with_region(\"{region}\")
    .with_access_key_id(\"{access_key_id}\").with_secret_access_key(\"{secret_access_key}\")

# rclone
rclone ls \":s3,provider=Other,region={region},endpoint=\'{endpoint}\',\
access_key_id={access_key_id},secret_access_key={secret_access_key}:{bucket}\"

Ctrl-C stops it.
"
        )
    }
}
