//! The bytes of objects: no two places are alike, so that a splice or a shift is found.

use bytes::Bytes;
use md5::{Digest, Md5};

/// Bytes that are defined by a seed and a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub seed: u64,
    pub size: usize,
}

impl Content {
    pub const fn new(seed: u64, size: usize) -> Self {
        Self { seed, size }
    }

    /// The content of one of many objects of this size.
    pub const fn numbered(self, number: usize) -> Self {
        Self::new(self.seed + number as u64, self.size)
    }

    pub fn bytes(self) -> Bytes {
        let mut state = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = Vec::with_capacity(self.size + 8);
        while bytes.len() < self.size {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
        }
        bytes.truncate(self.size);
        bytes.into()
    }

    /// The ETag of S3 for an object with these bytes that was put in one request.
    pub fn e_tag(self) -> String {
        let digest = Md5::digest(self.bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("\"{hex}\"")
    }
}
