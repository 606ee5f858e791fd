//! The body of a request on its way into a file.

use std::error::Error;
use std::io::Write;

use bytes::Bytes;
use futures::TryStreamExt;
use hyper::StatusCode;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, TrailingHeaders, s3_error};
use tempfile::NamedTempFile;

use super::record::{Checksums, base64, hex};
use super::{blocking, failed};

/// What a client says of a body, to be compared with what arrives.
pub(super) struct Expected {
    content_md5: Option<String>,
    checksums: Checksums,
    algorithm: Option<dto::ChecksumAlgorithm>,
    trailers: Option<TrailingHeaders>,
    /// Of a body whose framing is taken off. That of another is looked after by HTTP.
    length: Option<u64>,
}

/// What an operation that has a body expects of it.
macro_rules! expected {
    ($request:expr) => {{
        let request = &mut $request;
        let checksums = $crate::server::objects::record::checksums!(request.input);
        let content_md5 = request.input.content_md5.take();
        let algorithm = request.input.checksum_algorithm.take();
        $crate::server::objects::incoming::Expected::new(request, content_md5, checksums, algorithm)
    }};
}
pub(super) use expected;

impl Expected {
    pub(super) fn new<T>(
        request: &S3Request<T>,
        content_md5: Option<String>,
        checksums: Checksums,
        algorithm: Option<dto::ChecksumAlgorithm>,
    ) -> Self {
        Self {
            content_md5,
            checksums,
            algorithm,
            trailers: request.trailing_headers.clone(),
            length: request.headers.get(DECODED_LENGTH).and_then(|length| {
                let length = length.to_str().ok()?;
                length.trim().parse().ok()
            }),
        }
    }

    /// For a body that did not come from a client.
    pub(super) fn nothing() -> Self {
        Self {
            content_md5: None,
            checksums: Checksums::default(),
            algorithm: None,
            trailers: None,
            length: None,
        }
    }

    /// Computes what the client has computed, or asks for.
    fn hasher(&self) -> S3Result<ChecksumHasher> {
        type Algorithm = dto::ChecksumAlgorithm;
        let algorithm = self.algorithm.as_ref().map(Algorithm::as_str);
        if algorithm.is_some_and(|name| !ALGORITHMS.contains(&name)) {
            return Err(s3_error!(NotImplemented, "Unsupported checksum algorithm"));
        }
        let sent = &self.checksums;
        // S3 computes a checksum of its own where the client has none.
        let others = [&sent.crc32, &sent.crc32c, &sent.sha1, &sent.sha256];
        let is_plain = algorithm.is_none() && others.into_iter().all(Option::is_none);
        let algorithm = if is_plain {
            Some(Algorithm::CRC64NVME)
        } else {
            algorithm
        };
        let is_wanted = |name, sent: &Option<String>| sent.is_some() || algorithm == Some(name);
        Ok(ChecksumHasher {
            crc32: is_wanted(Algorithm::CRC32, &sent.crc32).then(Crc32::default),
            crc32c: is_wanted(Algorithm::CRC32C, &sent.crc32c).then(Crc32c::default),
            crc64nvme: is_wanted(Algorithm::CRC64NVME, &sent.crc64nvme).then(Crc64Nvme::default),
            sha1: is_wanted(Algorithm::SHA1, &sent.sha1).then(Sha1::default),
            sha256: is_wanted(Algorithm::SHA256, &sent.sha256).then(Sha256::default),
        })
    }

    /// An MD5 is 16 bytes in base64.
    fn check_md5(&self) -> S3Result<()> {
        let is_one = |text: &String| {
            let bytes = base64_simd::STANDARD.decode_to_vec(text.as_bytes());
            bytes.is_ok_and(|bytes| bytes.len() == 16)
        };
        if self.content_md5.as_ref().is_none_or(is_one) {
            return Ok(());
        }
        Err(s3_error!(
            InvalidDigest,
            "The Content-MD5 you specified was invalid."
        ))
    }

    /// Fails if something else arrived than what was sent.
    fn check(mut self, size: u64, md5: &[u8], arrived: &Checksums) -> S3Result<()> {
        if self.length.is_some_and(|length| length != size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the \
                 x-amz-decoded-content-length HTTP header"
            ));
        }
        if let Some(sent) = &self.content_md5 {
            if base64(md5) != *sent {
                return Err(bad_digest("Content-MD5"));
            }
        }
        if let Some(trailers) = self.trailers.and_then(|trailers| trailers.take()) {
            let sent = &mut self.checksums;
            for (name, value) in [
                ("crc32", &mut sent.crc32),
                ("crc32c", &mut sent.crc32c),
                ("crc64nvme", &mut sent.crc64nvme),
                ("sha1", &mut sent.sha1),
                ("sha256", &mut sent.sha256),
            ] {
                let trailer = trailers.get(format!("x-amz-checksum-{name}"));
                let trailer = trailer.and_then(|value| value.to_str().ok());
                if let Some(text) = trailer {
                    *value = Some(text.to_owned());
                }
            }
        }
        if let Some(name) = self.checksums.wrong(arrived) {
            return Err(bad_digest(&name));
        }
        Ok(())
    }
}

/// A body that has arrived as it was sent.
pub(super) struct Received {
    pub(super) staged: NamedTempFile,
    /// The MD5 of its content.
    pub(super) e_tag: String,
    pub(super) checksums: Checksums,
}

/// Writes a body into a file. Nothing of it is left if it breaks, or if this is dropped.
pub(super) async fn receive(
    staged: NamedTempFile,
    mut body: dto::StreamingBlob,
    expected: Expected,
) -> S3Result<Received> {
    expected.check_md5()?;
    let hasher = expected.hasher()?;
    let mut writing = Writing {
        staged,
        size: 0,
        md5: Md5::new(),
        hasher,
    };
    let mut pieces = Vec::new();
    let mut size = 0;
    while let Some(piece) = body.try_next().await.map_err(broken)? {
        size += piece.len();
        pieces.push(piece);
        if size >= BUFFER {
            let full = std::mem::take(&mut pieces);
            writing = blocking(move || writing.write(&full)).await?;
            size = 0;
        }
    }
    blocking(move || writing.write(&pieces)?.finish(expected)).await
}

struct Writing {
    staged: NamedTempFile,
    size: u64,
    md5: Md5,
    hasher: ChecksumHasher,
}

impl Writing {
    fn write(mut self, pieces: &[Bytes]) -> S3Result<Self> {
        for piece in pieces {
            self.size += piece.len() as u64;
            self.md5.update(piece);
            self.hasher.update(piece);
            let written = self.staged.write_all(piece);
            written.map_err(|error| failed("cannot write what comes in", &error))?;
        }
        Ok(self)
    }

    fn finish(self, expected: Expected) -> S3Result<Received> {
        let md5 = self.md5.finalize();
        let checksums = Checksums::of(self.hasher);
        expected.check(self.size, md5.as_ref(), &checksums)?;
        Ok(Received {
            staged: self.staged,
            e_tag: hex(md5.as_ref()),
            checksums,
        })
    }
}

/// A body that s3s finds fault with has its error inside.
fn broken(error: Box<dyn Error + Send + Sync>) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) if is_another_body(&*error) => {
            let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
            let message =
                "The provided 'x-amz-content-sha256' header does not match what was computed.";
            let mut error = S3Error::with_message(code, message);
            error.set_status_code(StatusCode::BAD_REQUEST);
            error
        }
        Err(error) => S3Error::with_source(S3ErrorCode::IncompleteBody, error),
    }
}

/// Whether a body is not the one whose SHA-256 was signed. The type of that error is private to s3s.
fn is_another_body(error: &(dyn Error + 'static)) -> bool {
    let mut link = Some(error);
    while let Some(error) = link {
        if error.to_string() == "UploadStreamError: Sha256Mismatch" {
            return true;
        }
        link = error.source();
    }
    false
}

pub(super) fn bad_digest(name: &str) -> S3Error {
    s3_error!(
        BadDigest,
        "The {name} you specified did not match what we received."
    )
}

const ALGORITHMS: [&str; 5] = [
    dto::ChecksumAlgorithm::CRC32,
    dto::ChecksumAlgorithm::CRC32C,
    dto::ChecksumAlgorithm::CRC64NVME,
    dto::ChecksumAlgorithm::SHA1,
    dto::ChecksumAlgorithm::SHA256,
];
/// How long a body is without the framing that its pieces have on the way.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
/// What is written in one call.
const BUFFER: usize = 1 << 20;
