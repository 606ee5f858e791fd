//! What a client asked for and how the server responded. It knows nothing of who counts or keeps it.

use std::time::Duration;

use crate::operation::Operation;

/// One request to a server, with or without a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When it came, from the first request on.
    pub at: Duration,
    /// How long it lasted: until the last byte of the response, or the end of the connection.
    /// Zero while the request is in progress.
    pub lasted: Duration,
    /// The HTTP method.
    pub method: String,
    /// Bucket and key, as they stand in the URL; the bucket is here if it is the host, too.
    pub path: String,
    /// The operation that it is.
    pub operation: Operation,
    /// The key.
    pub key: String,
    /// The number of the part, if it writes one; from 1, as S3 counts.
    pub part: Option<usize>,
    /// The `Range` header.
    pub range: Option<String>,
    /// `If-Match` or `If-None-Match`, with its name.
    pub condition: Option<String>,
    /// The bytes that its body announced, without the framing of a signed stream.
    pub bytes_in: u64,
    /// The bytes of the response's body that went out.
    pub bytes_out: u64,
    /// The fault that hit it, if one did; a delay and another one are both named.
    pub fault: Option<String>,
    /// The status of the response; none if the connection ended without one.
    pub status: Option<u16>,
}
