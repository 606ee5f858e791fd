//! aws-sdk-s3, with each of its sets of retries.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use aws_smithy_types::retry::RetrySpec;
use bytes::Bytes;
use futures::future::try_join_all;

use super::{Client, Endpoint, NEW_RETRIES, Session};
use crate::call::{Call, Failure, Kind, PART, Reply};
use crate::content::Content;
use crate::provider::Provider;
use crate::versions;

pub struct Aws(pub Retries);

/// What the client is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// The default.
    Standard,
    /// The default to be.
    New,
    /// With a rate limit of the client's own after a throttled response.
    Adaptive,
}

#[async_trait]
impl Client for Aws {
    fn name(&self) -> &'static str {
        match self.0 {
            Retries::Standard => "aws-sdk-s3",
            Retries::New => "aws-sdk-s3, new retries",
            Retries::Adaptive => "aws-sdk-s3, adaptive",
        }
    }

    fn version(&self) -> String {
        let version = versions::of("aws-sdk-s3");
        match self.0 {
            Retries::Standard => version,
            Retries::New => {
                format!("{version}, with what aws-config makes of {NEW_RETRIES}=true")
            }
            Retries::Adaptive => format!("{version}, with `RetryConfig::adaptive()`"),
        }
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let keys = Keys {
            access: endpoint.access_key,
            secret: endpoint.secret_key,
            provider: endpoint.provider.clone(),
        };
        let retries = match self.0 {
            Retries::Standard => RetryConfig::standard(),
            // Only aws-config reads the environment variable, and this is all that it does then.
            // The variable would hold for the whole program.
            Retries::New => RetryConfig::standard().with_retry_spec(RetrySpec::v2_1()),
            Retries::Adaptive => RetryConfig::adaptive(),
        };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint.url)
            .region(Region::new(endpoint.region))
            .credentials_provider(keys)
            .retry_config(retries)
            // All clients of a program share the allowance for retries of one region. Here it is
            // that of one result, as if each were a program of its own.
            .retry_partition(RetryPartition::new(endpoint.url.clone()))
            // The buckets of the server have no host names.
            .force_path_style(true)
            .build();
        Ok(Box::new(AwsSession {
            s3: S3::from_conf(config),
            bucket: endpoint.bucket,
        }))
    }
}

/// The keys of the server, or temporary ones for half an hour.
#[derive(Debug)]
struct Keys {
    access: &'static str,
    secret: &'static str,
    provider: Option<Arc<Provider>>,
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let token = self.provider.as_ref().map(|provider| provider.new_token());
        let expiry = token.as_ref().map(|_| SystemTime::now() + HALF_AN_HOUR);
        let (access, secret) = (self.access, self.secret);
        let keys = Credentials::new(access, secret, token, expiry, "survival");
        future::ProvideCredentials::ready(Ok(keys))
    }
}

struct AwsSession {
    s3: S3,
    bucket: &'static str,
}

#[async_trait]
impl Session for AwsSession {
    async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        match call {
            Call::Get { key } => Ok(Reply::Bodies(vec![self.get(key, None).await?])),
            Call::GetMany { keys } => {
                let gets = keys.iter().map(|key| self.get(key, None));
                Ok(Reply::Bodies(try_join_all(gets).await?))
            }
            Call::GetRange { key, range } => {
                let range = format!("bytes={}-{}", range.start, range.end - 1);
                Ok(Reply::Bodies(vec![self.get(key, Some(range)).await?]))
            }
            Call::GetPausing { key, pause } => self.get_pausing(key, *pause).await,
            Call::Head { key } => {
                let head = self.s3.head_object().bucket(self.bucket).key(*key);
                let size = head.send().await.map_err(failure)?.content_length();
                let size = size.and_then(|size| u64::try_from(size).ok());
                Ok(Reply::Size(size.unwrap_or_default()))
            }
            Call::List { prefix } => self.list(prefix).await,
            Call::Put { key, content } => {
                self.put(key, *content).await?;
                Ok(Reply::Done)
            }
            Call::PutMany { keys, content } => {
                let keys = keys.iter().enumerate();
                let puts = keys.map(|(number, key)| self.put(key, content.numbered(number)));
                try_join_all(puts).await?;
                Ok(Reply::Done)
            }
            Call::Create { key, content } => {
                let put = self.s3.put_object().bucket(self.bucket).key(*key);
                let put = put.if_none_match("*").body(content.bytes().into());
                put.send().await.map_err(failure)?;
                Ok(Reply::Done)
            }
            Call::Update {
                key,
                content,
                instead_of,
            } => {
                let put = self.s3.put_object().bucket(self.bucket).key(*key);
                let put = put
                    .if_match(instead_of.e_tag())
                    .body(content.bytes().into());
                put.send().await.map_err(failure)?;
                Ok(Reply::Done)
            }
            Call::Upload { key, content } => self.upload(key, content.bytes()).await,
            Call::Copy { from, to } => self.copy(from, to).await,
            Call::Rename { from, to } => {
                self.copy(from, to).await?;
                self.delete(from).await
            }
            Call::Delete { key } => self.delete(key).await,
            Call::DeleteMany { keys } => self.delete_many(keys).await,
        }
    }
}

impl AwsSession {
    async fn get(&self, key: &str, range: Option<String>) -> Result<Bytes, Failure> {
        let get = self.s3.get_object().bucket(self.bucket).key(key);
        let got = get.set_range(range).send().await.map_err(failure)?;
        let body = got.body.collect().await.map_err(broken)?;
        Ok(body.into_bytes())
    }

    async fn put(&self, key: &str, content: Content) -> Result<(), Failure> {
        let put = self.s3.put_object().bucket(self.bucket).key(key);
        let put = put.body(content.bytes().into());
        put.send().await.map_err(failure)?;
        Ok(())
    }

    async fn get_pausing(&self, key: &str, pause: std::time::Duration) -> Result<Reply, Failure> {
        let get = self.s3.get_object().bucket(self.bucket).key(key);
        let mut stream: ByteStream = get.send().await.map_err(failure)?.body;
        let first = stream.try_next().await.map_err(broken)?;
        let mut body = first.unwrap_or_default().to_vec();
        tokio::time::sleep(pause).await;
        while let Some(chunk) = stream.try_next().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
        }
        Ok(Reply::Bodies(vec![Bytes::from(body)]))
    }

    async fn list(&self, prefix: &str) -> Result<Reply, Failure> {
        let list = self.s3.list_objects_v2().bucket(self.bucket).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure)?;
            let found = page.contents().iter().filter_map(|object| object.key());
            keys.extend(found.map(str::to_owned));
        }
        Ok(Reply::listed(keys))
    }

    async fn copy(&self, from: &str, to: &str) -> Result<Reply, Failure> {
        let copy = self.s3.copy_object().bucket(self.bucket).key(to);
        let copy = copy.copy_source(format!("{}/{from}", self.bucket));
        copy.send().await.map_err(failure)?;
        Ok(Reply::Done)
    }

    async fn delete(&self, key: &str) -> Result<Reply, Failure> {
        let delete = self.s3.delete_object().bucket(self.bucket).key(key);
        delete.send().await.map_err(failure)?;
        Ok(Reply::Done)
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<Reply, Failure> {
        let object = |key: &&str| ObjectIdentifier::builder().key(*key).build();
        let objects: Result<Vec<_>, _> = keys.iter().map(object).collect();
        let delete = Delete::builder()
            .set_objects(Some(objects.map_err(Failure::other)?))
            .build()
            .map_err(Failure::other)?;
        let deleting = self.s3.delete_objects().bucket(self.bucket).delete(delete);
        let deleted = deleting.send().await.map_err(failure)?;
        match deleted.errors().first() {
            Some(error) => Err(Failure::other(format!("{error:?}"))),
            None => Ok(Reply::Done),
        }
    }

    async fn upload(&self, key: &str, data: Bytes) -> Result<Reply, Failure> {
        let create = self.s3.create_multipart_upload();
        let created = create.bucket(self.bucket).key(key).send().await;
        let created = created.map_err(failure)?;
        let id = created.upload_id().unwrap_or_default();
        let uploaded = self.upload_parts(key, id, &data).await;
        if uploaded.is_err() {
            let abort = self.s3.abort_multipart_upload().bucket(self.bucket);
            // A failure of the abort would hide the failure of the upload.
            let _ = abort.key(key).upload_id(id).send().await;
        }
        uploaded.map(|()| Reply::Done)
    }

    async fn upload_parts(&self, key: &str, id: &str, data: &Bytes) -> Result<(), Failure> {
        let part = |number: i32, data: Bytes| async move {
            let put = self.s3.upload_part().bucket(self.bucket).key(key);
            let put = put.upload_id(id).part_number(number).body(data.into());
            let put = put.send().await.map_err(failure)?;
            Ok::<_, Failure>(completed(number, &put))
        };
        let chunks = (0..data.len()).step_by(PART);
        let chunks = chunks.map(|start| data.slice(start..data.len().min(start + PART)));
        let parts = (1..).zip(chunks).map(|(number, data)| part(number, data));
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(try_join_all(parts).await?))
            .build();
        let complete = self.s3.complete_multipart_upload().bucket(self.bucket);
        let complete = complete.key(key).upload_id(id).multipart_upload(parts);
        complete.send().await.map_err(failure)?;
        Ok(())
    }
}

/// The completion must name the checksums of the parts.
fn completed(number: i32, put: &UploadPartOutput) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(put.e_tag().map(str::to_owned))
        .set_checksum_crc32(put.checksum_crc32().map(str::to_owned))
        .build()
}

fn failure<E>(error: SdkError<E>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + Debug + 'static,
{
    let kind = match error.code() {
        Some("PreconditionFailed") => Kind::Conflict,
        Some("NoSuchKey" | "NotFound" | "NoSuchUpload") => Kind::NotFound,
        Some("AccessDenied") => Kind::Denied,
        _ => Kind::Other,
    };
    Failure {
        kind,
        text: DisplayErrorContext(error).to_string(),
    }
}

fn broken(error: impl std::error::Error) -> Failure {
    Failure::other(DisplayErrorContext(error))
}

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
