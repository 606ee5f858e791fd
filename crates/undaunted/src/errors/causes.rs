//! What is behind an error: the errors along `source()`, and what the first known one means.

use std::error::Error;
use std::io;
use std::iter;

use super::known::known_verdict;
use crate::verdict::Verdict;

/// Walks `source()` and asks the first error whose type has a verdict.
pub(super) fn verdict_along_sources(error: &(dyn Error + 'static)) -> Verdict {
    known_along_sources(error).unwrap_or(Verdict::Permanent)
}

/// The verdict of the first error along `source()`, itself included, whose type has one.
pub(super) fn known_along_sources(error: &(dyn Error + 'static)) -> Option<Verdict> {
    iter::successors(Some(error), |&error| error.source()).find_map(known_verdict)
}

/// What it means that a connection could not be made, with this error: transient, unless an error
/// of the operating system or of TLS behind it is one that comes again.
///
/// rustls reports a certificate that does not verify, a refused handshake and a port without TLS
/// as `InvalidData`, and a handshake that broke as the end of the stream.
#[cfg_attr(
    not(any(
        feature = "aws_smithy1",
        feature = "hyper_util01",
        feature = "opendal059",
        feature = "tonic014"
    )),
    allow(dead_code, reason = "only clients of HTTP make connections")
)]
pub(super) fn verdict_of_connection(error: &(dyn Error + 'static)) -> Verdict {
    let comes_again = along_causes(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| COMES_AGAIN.contains(&error.kind()));
    if comes_again {
        Verdict::Permanent
    } else {
        Verdict::TRANSIENT
    }
}

/// What it means that a request failed below HTTP, whether or not the connection could be made. An
/// error of hyper's shows that it was: what comes then is a broken connection, such as a chunk
/// without a size, which is `InvalidInput` or `InvalidData` too.
#[cfg(any(feature = "aws_smithy1", feature = "opendal059", feature = "tonic014"))]
pub(super) fn verdict_of_transport(error: &(dyn Error + 'static)) -> Verdict {
    let of_hyper = along_causes(error).find_map(super::hyper1::verdict);
    of_hyper.unwrap_or_else(|| verdict_of_connection(error))
}

/// The error and all that is behind it. An [`io::Error`] leaves the error that it wraps out of its
/// sources, so that one is looked into.
pub(crate) fn along_causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// Kinds of failures of connections that the next attempt would meet again: an address or a
/// certificate that is wrong, and connections that are forbidden here.
const COMES_AGAIN: [io::ErrorKind; 4] = [
    io::ErrorKind::InvalidData,
    io::ErrorKind::InvalidInput,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::Unsupported,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_behind_wrapped_errors() {
        let certificate = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate");
        let wrapped = io::Error::other(io::Error::other(certificate));
        assert_eq!(verdict_of_connection(&wrapped), Verdict::Permanent);
        let broken = io::Error::other(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(verdict_of_connection(&broken), Verdict::TRANSIENT);
    }
}
