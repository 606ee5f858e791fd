//! Reads that are verified: what arrived against the MD5 that the ETag is.

use md5::{Digest, Md5};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult};

use crate::error::{Corrupt, generic};

/// In the extensions of a response: its ETag is no MD5 of its content, though it may look like
/// one. S3 says so by how the object is encrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ETagIsNoMd5;

/// The content of one object on its way.
pub(crate) struct Verifier {
    expected: [u8; 16],
    hasher: Md5,
}

impl Verifier {
    /// A verifier of what was got with `options`, if it can be verified: the whole of an
    /// object whose ETag is the MD5 of its content.
    pub(crate) fn of(result: &GetResult, options: &GetOptions) -> Option<Self> {
        let is_whole = options.range.is_none() && result.range == (0..result.meta.size);
        if !is_whole || options.head || result.extensions.get::<ETagIsNoMd5>().is_some() {
            return None;
        }
        Some(Self {
            expected: content_md5(result.meta.e_tag.as_deref()?)?,
            hasher: Md5::new(),
        })
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Whether all bytes together are what the store said.
    pub(crate) fn finish(&mut self, location: &Path) -> Result<(), Error> {
        let found: [u8; 16] = self.hasher.finalize_reset().into();
        if found == self.expected {
            return Ok(());
        }
        Err(generic(Corrupt::new(location, self.expected, found)))
    }
}

/// The MD5 that an ETag is: 32 hexadecimal digits in quotes. That of a multipart upload has a
/// hyphen and the number of parts.
fn content_md5(e_tag: &str) -> Option<[u8; 16]> {
    let digits = e_tag.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let digits: &[u8; 32] = digits.try_into().ok()?;
    let mut md5 = [0; 16];
    for (byte, pair) in md5.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(md5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_md5_is_one() {
        let md5 = content_md5("\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!(md5.map(|md5| (md5[0], md5[15])), Some((0xd4, 0x7e)));
        for other in [
            "",
            "\"\"",
            "\"1\"",
            "d41d8cd98f00b204e9800998ecf8427e",
            "\"d41d8cd98f00b204e9800998ecf8427e-2\"",
            "W/\"d41d8cd98f00b204e9800998ecf8427e\"",
            "\"x41d8cd98f00b204e9800998ecf8427e\"",
            "\"+4+d+c+9+f+0+2+4+9+0+9+8+c+8+2+e\"",
        ] {
            assert_eq!(content_md5(other), None, "{other}");
        }
    }
}
