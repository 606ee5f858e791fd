//! The journal of an upload: which object becomes which, and which of its parts have arrived.
//!
//! A line is a checksum and JSON. Lines are only added, so whatever a crash leaves can be read up
//! to the last whole line. What comes after a line that is broken is not believed.

use std::collections::BTreeMap;

use object_store::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

/// The first line: what the upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadHead {
    /// The destination in messages.
    pub(crate) destination: String,
    /// What tells its store from others; a local destination has none.
    pub(crate) store: Option<String>,
    /// Its key in the store.
    pub(crate) key: String,
    pub(crate) source: SourceVersion,
    pub(crate) part_size: u64,
    /// The digest of content type, metadata and other attributes.
    pub(crate) attributes: String,
    /// The id by which the store knows the upload.
    pub(crate) upload: String,
}

/// What is being copied, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceVersion {
    /// The source and its store, without secrets.
    pub(crate) name: String,
    pub(crate) size: u64,
    e_tag: Option<String>,
    version: Option<String>,
}

/// A part that the destination has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArrivedPart {
    pub(crate) index: usize,
    pub(crate) length: u64,
    /// The digest of its bytes, in hexadecimal digits.
    digest: String,
    /// The id that completes the upload.
    pub(crate) id: String,
}

/// The content of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) head: UploadHead,
    pub(crate) parts: BTreeMap<usize, ArrivedPart>,
    /// The length of the lines that could be read.
    pub(crate) length: u64,
}

/// What a file is that has the name of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A new file, or a journal of which nothing is known.
    Nothing,
    Journal(Box<Journal>),
    /// Something else, which is not the command's to change.
    Foreign,
}

impl SourceVersion {
    pub(crate) fn new(name: String, meta: &ObjectMeta) -> Self {
        Self {
            name,
            size: meta.size,
            e_tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        }
    }

    /// Whether both have the same content. Of an ETag and a version, a list may give only one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let differs =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        let has_both = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some();
        self.name == other.name
            && self.size == other.size
            && !differs(&self.e_tag, &other.e_tag)
            && !differs(&self.version, &other.version)
            && (has_both(&self.e_tag, &other.e_tag) || has_both(&self.version, &other.version))
    }
}

impl ArrivedPart {
    pub(crate) fn new(index: usize, length: u64, digest: u128, id: String) -> Self {
        Self {
            index,
            length,
            digest: format!("{digest:032x}"),
            id,
        }
    }

    pub(crate) fn digest(&self) -> Option<u128> {
        u128::from_str_radix(&self.digest, 16).ok()
    }
}

impl UploadHead {
    /// Whether both are of one source in parts of one size with the same attributes, so that the
    /// parts of one can become part of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.store == other.store
            // A journal beside a local file is of that file, whatever its name is from here.
            && (self.store.is_none() || self.key == other.key)
            && self.source.is_same(&other.source)
            && self.part_size == other.part_size
            && self.attributes == other.attributes
    }

    /// The length of a part, if the object has it.
    fn length_of(&self, part: usize) -> Option<u64> {
        let start = self.part_size.checked_mul(part as u64)?;
        let rest = self.source.size.checked_sub(start)?;
        (rest > 0).then_some(rest.min(self.part_size))
    }

    /// The beginning of a journal.
    pub(crate) fn to_text(&self) -> serde_json::Result<String> {
        Ok(format!("{TITLE}{}", line(self)?))
    }
}

impl Journal {
    pub(crate) fn parse(content: &[u8]) -> Found {
        let Some(lines) = content.strip_prefix(TITLE.as_bytes()) else {
            // The title itself may have been cut.
            return if TITLE.as_bytes().starts_with(content) {
                Found::Nothing
            } else {
                Found::Foreign
            };
        };
        let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
        let mut length = TITLE.len();
        let mut next = || {
            let line = lines.next()?;
            length += line.len();
            Some((line, length as u64))
        };
        let head = next().and_then(|(line, length)| Some((read::<UploadHead>(line)?, length)));
        let Some((head, mut length)) = head else {
            return Found::Nothing;
        };
        let mut parts = BTreeMap::new();
        while let Some((line, end)) = next() {
            let Some(part) = read::<ArrivedPart>(line) else {
                break;
            };
            length = end;
            // A part that the object does not have is none.
            if head.length_of(part.index) == Some(part.length) && part.digest().is_some() {
                parts.insert(part.index, part);
            }
        }
        Found::Journal(Box::new(Self {
            head,
            parts,
            length,
        }))
    }
}

/// A line of a journal.
pub(crate) fn line(content: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(content)?;
    Ok(format!("{:032x} {json}\n", checksum(json.as_bytes())))
}

/// The content of a line, if all of it is there.
fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(33)?;
    let sum = str::from_utf8(sum.strip_suffix(b" ")?).ok()?;
    (u128::from_str_radix(sum, 16).ok()? == checksum(json))
        .then(|| serde_json::from_slice(json).ok())?
}

/// Not cryptographic: it finds what a crash or a disk does to a line.
fn checksum(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

/// The first line of every journal, so that nothing else is taken for one.
const TITLE: &str = "undaunted journal 1: parts of an upload that have arrived\n";

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::*;

    fn meta(e_tag: Option<&str>, version: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            location: Path::from("a"),
            last_modified: std::time::UNIX_EPOCH.into(),
            size: 25,
            e_tag: e_tag.map(ToOwned::to_owned),
            version: version.map(ToOwned::to_owned),
        }
    }

    fn head() -> UploadHead {
        UploadHead {
            destination: "s3://bucket/ü\n".to_owned(),
            store: Some("0".to_owned()),
            key: "ü\n".to_owned(),
            source: SourceVersion::new("a \"b\"".to_owned(), &meta(Some("\"1\""), None)),
            part_size: 10,
            attributes: "0".to_owned(),
            upload: "id".to_owned(),
        }
    }

    fn part(index: usize, length: u64) -> ArrivedPart {
        ArrivedPart::new(
            index,
            length,
            u128::MAX - index as u128,
            format!("\"e{index}\""),
        )
    }

    /// A journal of three parts, and where its lines end.
    fn journal() -> (Vec<u8>, Vec<usize>) {
        let mut text = head().to_text().unwrap();
        let mut ends = vec![text.len()];
        for arrived in [part(2, 5), part(0, 10), part(1, 10)] {
            text.push_str(&line(&arrived).unwrap());
            ends.push(text.len());
        }
        (text.into_bytes(), ends)
    }

    #[test]
    fn what_was_written_is_read() {
        let (text, _) = journal();
        let Found::Journal(found) = Journal::parse(&text) else {
            panic!("no journal");
        };
        assert_eq!(found.head, head());
        assert_eq!(found.length, text.len() as u64);
        let parts: Vec<_> = found.parts.into_values().collect();
        assert_eq!(parts, [part(0, 10), part(1, 10), part(2, 5)]);
        assert_eq!(parts[1].digest(), Some(u128::MAX - 1));
    }

    #[test]
    fn a_journal_that_is_cut_anywhere_has_its_whole_lines() {
        let (text, ends) = journal();
        for cut in 0..=text.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            match Journal::parse(&text[..cut]) {
                Found::Nothing => assert_eq!(whole, 0, "{cut}"),
                Found::Journal(found) => {
                    assert_eq!(found.parts.len(), whole - 1, "{cut}");
                    assert_eq!(found.length, ends[whole - 1] as u64, "{cut}");
                }
                Found::Foreign => panic!("{cut}: a part of a journal is taken for another file"),
            }
        }
    }

    #[test]
    fn a_changed_byte_takes_its_line_and_all_that_follow() {
        let (text, ends) = journal();
        for at in TITLE.len()..text.len() {
            for flip in [1, 0x80] {
                let mut changed = text.clone();
                changed[at] ^= flip;
                let whole = ends.iter().filter(|end| **end <= at).count();
                match Journal::parse(&changed) {
                    Found::Journal(found) => assert_eq!(found.parts.len(), whole - 1, "{at}"),
                    found => assert_eq!((found, whole), (Found::Nothing, 0), "{at}"),
                }
            }
        }
    }

    #[test]
    fn other_files_are_not_taken_for_journals() {
        for content in [&b"x"[..], b"undaunted journal 2: more\n", &[0xff; 100]] {
            assert_eq!(Journal::parse(content), Found::Foreign);
        }
        let garbage = [TITLE.as_bytes(), &[0; 1000]].concat();
        assert_eq!(Journal::parse(&garbage), Found::Nothing);
        assert_eq!(Journal::parse(b""), Found::Nothing);
    }

    #[test]
    fn parts_that_the_object_does_not_have_are_left_out() {
        let mut text = head().to_text().unwrap();
        for arrived in [part(0, 9), part(2, 10), part(3, 5), part(usize::MAX, 1)] {
            text.push_str(&line(&arrived).unwrap());
        }
        let Found::Journal(found) = Journal::parse(text.as_bytes()) else {
            panic!("no journal");
        };
        assert!(found.parts.is_empty(), "{found:?}");
    }

    #[test]
    fn parts_are_of_use_to_the_same_copy_only() {
        type Change = fn(&mut UploadHead);
        let same: [Change; 2] = [
            |head| head.upload = "another".to_owned(),
            |head| head.destination = "the same by another name".to_owned(),
        ];
        let other: [Change; 5] = [
            |head| head.store = None,
            |head| head.key.push('x'),
            |head| head.part_size += 1,
            |head| head.attributes.push('x'),
            |head| head.source.name.push('x'),
        ];
        let is_same = |change: Change| {
            let mut changed = head();
            change(&mut changed);
            head().is_same(&changed)
        };
        assert!(same.into_iter().all(is_same));
        assert!(!other.into_iter().any(is_same));
    }

    #[test]
    fn a_version_of_the_source_is_known_by_what_both_have() {
        let version = |e_tag, version| SourceVersion::new("a".to_owned(), &meta(e_tag, version));
        let tagged = version(Some("\"1\""), None);
        assert!(tagged.is_same(&tagged));
        assert!(tagged.is_same(&version(Some("\"1\""), Some("v"))));
        assert!(!tagged.is_same(&version(Some("\"2\""), None)));
        assert!(!tagged.is_same(&version(None, Some("v"))));
        assert!(version(None, Some("v")).is_same(&version(None, Some("v"))));
        assert!(!version(None, None).is_same(&version(None, None)));
        let mut longer = tagged.clone();
        longer.size += 1;
        assert!(!tagged.is_same(&longer));
    }
}
