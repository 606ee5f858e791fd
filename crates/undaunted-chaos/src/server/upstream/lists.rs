//! Lists of the upstream that a fault changes: read, changed and written again.

use hyper::http::Extensions;
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;
use s3s::{S3, S3Request, S3Response, S3Result, dto};
use serde::Deserialize;

use super::{Upstream, bad_gateway};
use crate::fault::Fault;
use crate::server::host;
use crate::server::objects::TookEffect;
use crate::server::page;

/// The lists of the upstream. All else is passed on unread.
pub(super) struct Lists(pub(super) Upstream);

#[async_trait::async_trait]
impl S3 for Lists {
    async fn list_objects(
        &self,
        request: S3Request<dto::ListObjectsInput>,
    ) -> S3Result<S3Response<dto::ListObjectsOutput>> {
        let mut request = request;
        let uri = host::in_path(&request.headers, &request.uri);
        let (mut page, fault) = self.ask(&uri, &mut request.extensions).await?;
        page.continuation_token = request.input.marker.filter(|text| !text.is_empty());
        let has_effect = change(&mut page, fault);
        let response = S3Response::new(page).map_output(page::in_version_1);
        Ok(with_effect(response, has_effect))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let mut request = request;
        let uri = host::in_path(&request.headers, &request.uri);
        let (mut page, fault) = self.ask(&uri, &mut request.extensions).await?;
        page.continuation_token = request.input.continuation_token;
        let has_effect = change(&mut page, fault);
        Ok(with_effect(S3Response::new(page), has_effect))
    }
}

impl Lists {
    async fn ask(
        &self,
        uri: &Uri,
        extensions: &mut Extensions,
    ) -> S3Result<(dto::ListObjectsV2Output, Option<Fault>)> {
        let document = self.0.ask(Method::GET, uri, bytes::Bytes::new()).await?;
        let text = String::from_utf8_lossy(&document);
        let page: Page = quick_xml::de::from_str(&text).map_err(|error| {
            bad_gateway(format!(
                "the list of the upstream {} cannot be read: {error}",
                self.0
            ))
        })?;
        Ok((page.into(), extensions.remove::<Fault>()))
    }
}

fn change(page: &mut dto::ListObjectsV2Output, fault: Option<Fault>) -> bool {
    let has_effect = fault.is_some_and(|fault| page::change(page, &fault));
    page::encode(page);
    has_effect
}

fn with_effect<T>(mut response: S3Response<T>, has_effect: bool) -> S3Response<T> {
    if has_effect {
        response.extensions.insert(TookEffect);
    }
    response
}

/// A page as it stands in XML, of both versions.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    name: Option<String>,
    prefix: Option<String>,
    delimiter: Option<String>,
    max_keys: Option<i32>,
    key_count: Option<i32>,
    is_truncated: Option<bool>,
    next_continuation_token: Option<String>,
    next_marker: Option<String>,
    start_after: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Listed>,
    #[serde(default)]
    common_prefixes: Vec<Common>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
    last_modified: Option<String>,
    #[serde(rename = "ETag")]
    e_tag: Option<String>,
    size: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Common {
    prefix: String,
}

impl From<Page> for dto::ListObjectsV2Output {
    fn from(page: Page) -> Self {
        let is_encoded = page.encoding_type.as_deref() == Some("url");
        let plain = |text: String| {
            if is_encoded {
                percent_decode_str(&text).decode_utf8_lossy().into_owned()
            } else {
                text
            }
        };
        let contents = page.contents.into_iter().map(|listed| dto::Object {
            key: Some(plain(listed.key)),
            size: listed.size,
            e_tag: listed
                .e_tag
                .map(|e_tag| dto::ETag::Strong(e_tag.trim_matches('"').to_owned())),
            last_modified: listed
                .last_modified
                .and_then(|date| dto::Timestamp::parse(dto::TimestampFormat::DateTime, &date).ok()),
            ..dto::Object::default()
        });
        let prefixes = page
            .common_prefixes
            .into_iter()
            .map(|common| dto::CommonPrefix {
                prefix: Some(plain(common.prefix)),
            });
        Self {
            contents: Some(contents.collect()),
            common_prefixes: Some(prefixes.collect()),
            delimiter: page.delimiter.map(plain),
            encoding_type: page.encoding_type.map(dto::EncodingType::from),
            is_truncated: page.is_truncated,
            key_count: page.key_count,
            max_keys: page.max_keys,
            name: page.name,
            next_continuation_token: page.next_continuation_token.or(page.next_marker.map(plain)),
            prefix: page.prefix.map(plain),
            start_after: page.start_after.map(plain),
            ..Self::default()
        }
    }
}
