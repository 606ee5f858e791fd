//! ETags that are made of the content: its MD5, or the MD5 of the MD5s of its parts.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};

/// What an object's ETag says of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentTag {
    /// In hexadecimal digits.
    md5: String,
    /// The number of parts, of an upload in parts.
    parts: Option<u64>,
    part_size: Option<u64>,
}

impl ContentTag {
    /// Reads an ETag such as `"<32 digits>"` or `"<32 digits>-12"`.
    pub(crate) fn parse(e_tag: &str) -> Option<Self> {
        let text = e_tag.strip_prefix('"')?.strip_suffix('"')?;
        let (md5, parts) = match text.split_once('-') {
            Some((md5, parts)) => (md5, Some(parts.parse().ok()?)),
            None => (text, None),
        };
        let is_md5 = md5.len() == 32 && md5.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_md5.then(|| Self {
            md5: md5.to_ascii_lowercase(),
            parts,
            part_size: None,
        })
    }

    /// The tag of an upload whose parts have these ids, if each is an MD5.
    pub(crate) fn of_parts<'a>(ids: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut all = Md5::new();
        let mut parts = 0;
        for id in ids {
            let part = Self::parse(&e_tag_of(id)).filter(Self::is_of_whole)?;
            all.update(u128::from_str_radix(&part.md5, 16).ok()?.to_be_bytes());
            parts += 1;
        }
        Some(Self {
            md5: hexadecimal(all.finalize().into()),
            parts: Some(parts),
            part_size: None,
        })
    }

    /// Whether it is the MD5 of the content itself.
    pub(crate) const fn is_of_whole(&self) -> bool {
        self.parts.is_none()
    }

    /// The tag, if an object of this size with parts of this size can have it.
    pub(crate) fn with_part_size(self, size: u64, part_size: u64) -> Option<Self> {
        match self.parts {
            None => Some(self),
            Some(parts) if size.div_ceil(part_size.max(1)) == parts => Some(Self {
                part_size: Some(part_size),
                ..self
            }),
            Some(_) => None,
        }
    }

    /// Reads the file, and says whether its content has this tag.
    pub(crate) fn is_of(&self, file: &Path) -> io::Result<bool> {
        let mut file = File::open(file)?;
        let found = match self.part_size {
            None => md5(&mut file, u64::MAX)?,
            Some(part_size) => {
                let mut all = Md5::new();
                for _ in 0..self.parts.unwrap_or_default() {
                    all.update(md5(&mut file, part_size)?);
                }
                all.finalize().into()
            }
        };
        Ok(hexadecimal(found) == self.md5)
    }
}

/// The MD5 of so many bytes, or of all that are left.
fn md5(file: &mut File, length: u64) -> io::Result<[u8; 16]> {
    let mut hasher = Md5::new();
    let mut buffer = vec![0; BUFFER];
    let mut rest = file.take(length);
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The ETag of a part: its id, or what is in the document that object_store makes an id of where parts
/// have checksums.
fn e_tag_of(id: &str) -> Cow<'_, str> {
    let document = id.split_once("<e_tag>").map(|(_, rest)| rest);
    match document.and_then(|rest| rest.split_once("</e_tag>")) {
        Some((e_tag, _)) => Cow::Owned(e_tag.replace("&quot;", "\"")),
        None => Cow::Borrowed(id),
    }
}

fn hexadecimal(md5: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(md5))
}

/// Large enough that the calls cost nothing, small enough for many files.
const BUFFER: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_etags() {
        let md5 = "900150983CD24FB0D6963F7D28E17F72";
        let tag = ContentTag::parse(&format!("\"{md5}\"")).unwrap();
        assert!(tag.is_of_whole());
        assert_eq!(tag.md5, md5.to_lowercase());
        let parts = ContentTag::parse(&format!("\"{md5}-3\"")).unwrap();
        assert!(!parts.is_of_whole());
        for other in [
            "\"\"".to_owned(),
            md5.to_owned(),
            format!("W/\"{md5}\""),
            format!("\"{md5}0\""),
            format!("\"{md5}-x\""),
            "\"0x8DC0123456789AB\"".to_owned(),
            "\"zz0150983cd24fb0d6963f7d28e17f72\"".to_owned(),
        ] {
            assert_eq!(ContentTag::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_file_is_compared_as_a_whole_or_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        let is_of = |tag: &str, part_size| {
            let tag = ContentTag::parse(tag)?;
            Some(tag.with_part_size(3, part_size)?.is_of(&path).unwrap())
        };
        assert_eq!(is_of("\"900150983cd24fb0d6963f7d28e17f72\"", 2), Some(true));
        assert_eq!(
            is_of("\"900150983cd24fb0d6963f7d28e17f73\"", 2),
            Some(false)
        );
        // printf 'ab' and 'c', each by md5sum, both digests by md5sum again.
        let of_parts = "\"d833159094d1d7ad96ffcc78414e3682-2\"";
        assert_eq!(is_of(of_parts, 2), Some(true));
        assert_eq!(is_of(of_parts, 1), None);
        let e_tags = [
            "\"187ef4436122d1cc2f40dc2b92f0eba0\"",
            "\"4a8a08f09d37b73795649038408b5f33\"",
        ];
        let tag = ContentTag::of_parts(e_tags.into_iter());
        assert_eq!(tag, ContentTag::parse(of_parts));
        assert_eq!(ContentTag::of_parts(["\"1\""].into_iter()), None);
        // As object_store has them where parts have a checksum.
        let document = |e_tag: &str| {
            let crc = "<checksum_crc64nvme>AAAAAAAAAAA=</checksum_crc64nvme>";
            format!("<PartMetadata><e_tag>{e_tag}</e_tag>{crc}</PartMetadata>")
        };
        let escaped = document(&e_tags[1].replace('"', "&quot;"));
        let ids = [document(e_tags[0]), escaped];
        let tag = ContentTag::of_parts(ids.iter().map(String::as_str));
        assert_eq!(tag, ContentTag::parse(of_parts));
    }
}
