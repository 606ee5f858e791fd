//! A body that nobody wants, read so that its connection can be used again.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Buf;
use http_body::Body;

/// Reads a body to its end, or until it fails or turns out to be longer than this.
pub(crate) async fn read_to_end(body: impl Body, longest: usize) {
    let mut body = pin!(body);
    let mut left = longest;
    while let Some(Ok(frame)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let length = frame.data_ref().map_or(0, Buf::remaining);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
