//! Who may ask, and for what: what the server does not do is refused, never ignored.

use async_trait::async_trait;
use hyper::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use hyper::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Error, S3Result, s3_error};

use crate::server::range;

/// Looks at every request once its signature is right, before anything is done.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Access;

#[async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Signature is required"));
        }
        Asked {
            operation: context.s3_op().name(),
            query: query(context.uri()),
            headers: context.headers(),
        }
        .check()?;
        let is_read = ["GetObject", "HeadObject"].contains(&context.s3_op().name());
        let other = range::to_be_taken(context.headers()).filter(|_| is_read);
        other.map_or(Ok(()), Err)
    }
}

/// What a request says besides its body.
struct Asked<'r> {
    operation: &'r str,
    /// Names and values, decoded.
    query: Vec<(String, String)>,
    headers: &'r HeaderMap,
}

impl Asked<'_> {
    fn check(&self) -> S3Result<()> {
        self.check_versions()?;
        self.check_owners()?;
        self.check_encryption()?;
        self.check_access_lists()?;
        if self.given("x-amz-object-lock-").is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "Bucket is missing Object Lock Configuration"
            ));
        }
        if let Some(name) = NOT_DONE.iter().find(|name| self.given(name).is_some()) {
            return Err(not_done(name));
        }
        if WRITES.contains(&self.operation) {
            self.check_write()?;
        }
        Ok(())
    }

    /// Objects have one version, whose id is `null`.
    fn check_versions(&self) -> S3Result<()> {
        let mut ids = self.query.iter().filter(|(name, _)| name == "versionId");
        match ids.find(|(_, id)| id != "null") {
            Some(_) => Err(no_such_version()),
            None => Ok(()),
        }
    }

    fn check_owners(&self) -> S3Result<()> {
        for name in OWNERS {
            if self.given(name).is_some_and(|owner| owner != OWNER) {
                return Err(s3_error!(AccessDenied, "Access Denied"));
            }
        }
        Ok(())
    }

    fn check_encryption(&self) -> S3Result<()> {
        if let Some(name) = CUSTOMER_KEYS
            .into_iter()
            .find(|name| self.given(name).is_some())
        {
            if WRITES.contains(&self.operation) {
                return Err(not_done(name));
            }
            return Err(s3_error!(
                InvalidRequest,
                "The encryption parameters are not applicable to this object."
            ));
        }
        match self.value(ENCRYPTION) {
            Some(method) if !ENCRYPTIONS.contains(&method) => Err(s3_error!(
                InvalidArgument,
                "The encryption method specified is not supported"
            )),
            _ => Ok(()),
        }
    }

    /// As in a bucket of S3 whose settings nobody changed: its owner owns every object.
    fn check_access_lists(&self) -> S3Result<()> {
        let list = self.value("x-amz-acl").unwrap_or("private");
        if self.given("x-amz-grant-").is_none() && ACCESS_LISTS.contains(&list) {
            return Ok(());
        }
        Err(s3_error!(
            AccessControlListNotSupported,
            "The bucket does not allow ACLs"
        ))
    }

    fn check_write(&self) -> S3Result<()> {
        let class = self.value("x-amz-storage-class").unwrap_or("STANDARD");
        if !STORAGE_CLASSES.contains(&class) {
            return Err(s3_error!(InvalidStorageClass));
        }
        let metadata = self.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-amz-meta-")?;
            Some(name.len() + value.len())
        });
        if metadata.sum::<usize>() > MOST_METADATA {
            return Err(s3_error!(
                MetadataTooLarge,
                "Your metadata headers exceed the maximum allowed metadata size"
            ));
        }
        let lengths = ["content-length", "x-amz-decoded-content-length"];
        if ["PutObject", "UploadPart"].contains(&self.operation)
            && lengths
                .into_iter()
                .all(|name| !self.headers.contains_key(name))
        {
            return Err(s3_error!(MissingContentLength));
        }
        for (name, value) in &self.query {
            let lower = name.to_ascii_lowercase();
            // Anybody's: a parameter that S3 does not know is ignored. One without a value is the name
            // of an operation.
            let is_free = !lower.starts_with("x-amz-") && !value.is_empty();
            if !is_free && !IN_QUERIES.contains(&lower.as_str()) {
                return Err(not_done(name));
            }
        }
        let conditions = match self.operation {
            "PutObject" | "CopyObject" | "CompleteMultipartUpload" => [true, true],
            "DeleteObject" => [true, false],
            _ => [false, false],
        };
        for (name, is_done) in [&IF_MATCH, &IF_NONE_MATCH].into_iter().zip(conditions) {
            if !is_done && self.headers.contains_key(name) {
                return Err(not_done(name.as_str()));
            }
        }
        let none = self.headers.get(IF_NONE_MATCH);
        if none.is_some_and(|none| none.as_bytes() != b"*") {
            return Err(s3_error!(
                NotImplemented,
                "If-None-Match of a write is * or nothing."
            ));
        }
        let times = [&IF_MODIFIED_SINCE, &IF_UNMODIFIED_SINCE];
        let time = times
            .into_iter()
            .find(|name| self.headers.contains_key(*name));
        time.map_or(Ok(()), |name| Err(not_done(name.as_str())))
    }

    /// The value of a header, or of the first whose name begins so if the name ends in a hyphen.
    /// Presigned URLs have them in the query.
    fn given(&self, name: &str) -> Option<&str> {
        let is_it = |known: &str| {
            if name.ends_with('-') {
                known.starts_with(name)
            } else {
                known == name
            }
        };
        let header = self.headers.iter().find(|(known, _)| is_it(known.as_str()));
        let of_header = header.map(|(_, value)| value.to_str().unwrap_or_default());
        let in_query = self.query.iter();
        of_header.or_else(|| {
            let mut in_query = in_query.filter(|(known, _)| is_it(&known.to_ascii_lowercase()));
            in_query.next().map(|(_, value)| value.as_str())
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.given(name).map(str::trim)
    }
}

fn query(uri: &Uri) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = uri.query().unwrap_or_default().split('&');
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

pub(super) fn no_such_version() -> S3Error {
    s3_error!(InvalidArgument, "Invalid version id specified")
}

fn not_done(name: &str) -> S3Error {
    s3_error!(
        NotImplemented,
        "{} implies functionality that is not implemented.",
        name.trim_end_matches('-')
    )
}

/// The account that owns all buckets: a number that no account of AWS has.
pub(super) const OWNER: &str = "000000000000";
const OWNERS: [&str; 2] = [
    "x-amz-expected-bucket-owner",
    "x-amz-source-expected-bucket-owner",
];
/// In bytes, as on S3.
const MOST_METADATA: usize = 2 << 10;
const STORAGE_CLASSES: [&str; 8] = [
    "DEEP_ARCHIVE",
    "GLACIER",
    "GLACIER_IR",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "REDUCED_REDUNDANCY",
    "STANDARD",
    "STANDARD_IA",
];
const ENCRYPTION: &str = "x-amz-server-side-encryption";
/// They make no difference to a client that has the right to use the key.
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
const CUSTOMER_KEYS: [&str; 2] = [
    "x-amz-server-side-encryption-customer-",
    "x-amz-copy-source-server-side-encryption-customer-",
];
/// Those that say what is so in any case.
const ACCESS_LISTS: [&str; 2] = ["bucket-owner-full-control", "private"];
/// Headers that change what an operation does, and that only some kinds of buckets know.
const NOT_DONE: [&str; 6] = [
    "x-amz-bucket-object-lock-enabled",
    "x-amz-if-match-initiated-time",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
    "x-amz-rename-source",
    "x-amz-write-offset-bytes",
];
const WRITES: [&str; 10] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "PostObject",
    "PutObject",
    "UploadPart",
    "UploadPartCopy",
];
/// What the query of a write may have, in small letters: what is done, and signatures with what the
/// clients that sign put beside them. Any other may be another operation than the one that `s3s`
/// takes it for.
const IN_QUERIES: [&str; 26] = [
    "awsaccesskeyid",
    "delete",
    "expires",
    "partnumber",
    "signature",
    "uploadid",
    "uploads",
    "versionid",
    "x-amz-acl",
    "x-amz-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    "x-amz-expires",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-server-side-encryption",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-user-agent",
];

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    /// The code of the refusal, or nothing.
    fn refusal(operation: &str, uri: &str, header: Option<(&str, &str)>) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("content-length", 0.into());
        if let Some((name, value)) = header {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let asked = Asked {
            operation,
            query: query(&uri.parse().unwrap()),
            headers: &headers,
        };
        let refused = asked.check().err();
        refused.map_or_else(String::new, |error| error.code().as_str().to_owned())
    }

    #[test]
    fn queries_that_are_not_done_are_refused_as_by_s3() {
        for (operation, uri, want) in [
            ("GetObject", "/b/k?versionId=abc", "InvalidArgument"),
            ("DeleteObject", "/b/k?versionId=", "InvalidArgument"),
            ("DeleteObject", "/b/k?versionId=null", ""),
            ("PutObject", "/b/k?renameObject", "NotImplemented"),
            ("PutObject", "/b/k?x-id=PutObject", ""),
            ("PutObject", "/b/k?rk=e2c69a31", ""),
            ("PutObject", "/b/k?x-amz-meta-a=b", "NotImplemented"),
            ("PutObject", "/b/k?X-Amz-Copy-Source=c", "NotImplemented"),
            ("PutObject", "/b/k?X-Amz-Signature=1&X-Amz-Date=2", ""),
            ("GetObject", "/b/k?any=1", ""),
            (
                "GetObject",
                "/b?x-amz-expected-bucket-owner=1",
                "AccessDenied",
            ),
        ] {
            assert_eq!(refusal(operation, uri, None), want, "{operation} {uri}");
        }
    }

    #[test]
    fn headers_that_are_not_done_are_refused_as_by_s3() {
        for case in [
            "PutObject if-none-match \"e\" NotImplemented",
            "PutObject if-none-match * ",
            "PutObject if-match \"e\" ",
            "PutObject if-unmodified-since now NotImplemented",
            "GetObject if-none-match \"e\" ",
            "DeleteObject if-none-match * NotImplemented",
            "DeleteObject if-match * ",
            "UploadPart if-match \"e\" NotImplemented",
            "CreateMultipartUpload if-none-match * NotImplemented",
            "PutObject x-amz-write-offset-bytes 1 NotImplemented",
            "DeleteObject x-amz-if-match-size 1 NotImplemented",
            "GetObject x-amz-expected-bucket-owner 123456789012 AccessDenied",
            "GetObject x-amz-expected-bucket-owner 000000000000 ",
            "PutObject x-amz-acl public-read AccessControlListNotSupported",
            "PutObject x-amz-acl private ",
            "PutObject x-amz-grant-read all AccessControlListNotSupported",
            "PutObject x-amz-object-lock-mode on InvalidRequest",
            "PutObject x-amz-storage-class STANDARD_IA ",
            "PutObject x-amz-storage-class GOLD InvalidStorageClass",
            "PutObject x-amz-server-side-encryption aws:kms ",
            "PutObject x-amz-server-side-encryption rot13 InvalidArgument",
            "PutObject x-amz-server-side-encryption-customer-key a NotImplemented",
            "GetObject x-amz-server-side-encryption-customer-key a InvalidRequest",
        ] {
            let words: Vec<&str> = case.split(' ').collect();
            let [operation, name, value, want] = words[..] else {
                panic!("{case}");
            };
            let refused = refusal(operation, "/b/k", Some((name, value)));
            assert_eq!(refused, want, "{case}");
        }
    }

    #[test]
    fn metadata_and_bodies_have_sizes() {
        let put = |value: &str| refusal("PutObject", "/b/k", Some(("x-amz-meta-a", value)));
        assert_eq!(put(&"x".repeat(2047)), "");
        assert_eq!(put(&"x".repeat(2048)), "MetadataTooLarge");
        let asked = Asked {
            operation: "PutObject",
            query: Vec::new(),
            headers: &HeaderMap::new(),
        };
        let refused = asked.check().unwrap_err();
        assert_eq!(refused.code().as_str(), "MissingContentLength");
    }
}
