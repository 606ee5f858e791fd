//! A page of a list, looked through before object_store reads it.
//!
//! object_store fails a whole page for one key that no [`Path`] can hold, takes the empty
//! objects by which consoles mark folders for objects of the folder's name, and takes a page
//! that says that there is more for the last one if it has no token. So keys of the first two
//! kinds are cut out of the page, and the third is an error.

use std::ops::Range;

use bytes::Bytes;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::xml::{read_text, text_of};
use crate::skipped::{LeftOut, SkippedKey};

/// The page without the entries that object_store cannot read, and the keys of these.
///
/// # Errors
///
/// If the page says that there is more but has no continuation token.
pub(super) fn readable(document: Bytes) -> Result<(Bytes, LeftOut), HttpError> {
    let page = Page::read(&document);
    if page.is_truncated && !page.has_token {
        return Err(HttpError::new(HttpErrorKind::Unknown, NoToken));
    }
    Ok((without(document, &page.cut), page.left_out))
}

/// A list that says that there is more and gives no token to continue with.
#[derive(Debug, thiserror::Error)]
#[error(
    "the list is incomplete: the response says that it is truncated and has no continuation \
     token; the service may not support ListObjectsV2"
)]
struct NoToken;

#[derive(Default)]
struct Page {
    is_truncated: bool,
    has_token: bool,
    /// The places of the entries that are to go.
    cut: Vec<Range<usize>>,
    left_out: LeftOut,
}

impl Page {
    /// Reads a document that is known to be whole.
    fn read(document: &[u8]) -> Self {
        let mut reader = Reader::from_reader(document);
        let mut page = Self::default();
        let mut depth = 0_u32;
        let mut entry: Option<Entry> = None;
        loop {
            let start = position(&reader);
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    let is_read = match &mut entry {
                        Some(entry) => entry.take(&mut reader, &element, depth),
                        None => page.take(&mut reader, &element),
                    };
                    if is_read {
                        continue;
                    }
                    if entry.is_none() {
                        entry = Entry::begin(&element, start, depth);
                    }
                    depth += 1;
                }
                Ok(Event::End(_)) => {
                    depth = depth.saturating_sub(1);
                    if let Some(ended) = entry.take_if(|entry| entry.depth == depth) {
                        page.end(ended, position(&reader));
                    }
                }
                Ok(Event::Eof) | Err(_) => return page,
                Ok(_) => {}
            }
        }
    }

    /// Reads an element that says whether there is more, if it is one.
    fn take(&mut self, reader: &mut Reader<&[u8]>, element: &BytesStart<'_>) -> bool {
        match element.local_name().as_ref() {
            b"IsTruncated" => {
                let text = text_of(reader, element);
                self.is_truncated = !matches!(text.trim(), "" | "0" | "false" | "False" | "FALSE");
            }
            b"NextContinuationToken" => {
                self.has_token = !text_of(reader, element).is_empty();
            }
            _ => return false,
        }
        true
    }

    fn end(&mut self, entry: Entry, end: usize) {
        if entry.is_folder_marker() {
            self.cut.push(entry.start..end);
            self.left_out.folder_markers += 1;
        } else if let Some(reason) = entry.unreadable() {
            self.cut.push(entry.start..end);
            self.left_out.keys.push(SkippedKey::new(entry.key, reason));
        }
    }
}

/// An object or a prefix in a page.
struct Entry {
    start: usize,
    depth: u32,
    is_prefix: bool,
    key: String,
    size: Option<u64>,
    /// The key is not here as it is: Azure writes a name that XML cannot hold percent-encoded, and
    /// others write references and bytes that mean nothing.
    is_encoded: bool,
}

impl Entry {
    /// The entry that this element begins, if it is one.
    fn begin(element: &BytesStart<'_>, start: usize, depth: u32) -> Option<Self> {
        let is_prefix = match element.local_name().as_ref() {
            b"Contents" | b"Blob" => false,
            b"CommonPrefixes" | b"BlobPrefix" => true,
            _ => return None,
        };
        Some(Self {
            start,
            depth,
            is_prefix,
            key: String::new(),
            size: None,
            is_encoded: false,
        })
    }

    /// Reads an element within this entry, if it is one that matters.
    fn take(&mut self, reader: &mut Reader<&[u8]>, element: &BytesStart<'_>, depth: u32) -> bool {
        match (element.local_name().as_ref(), depth - self.depth) {
            (b"Key" | b"Prefix" | b"Name", 1) => {
                self.is_encoded = matches!(
                    element.try_get_attribute("Encoded"),
                    Ok(Some(encoded)) if encoded.value.as_ref() == b"true"
                );
                self.key = read_text(reader, element).unwrap_or_else(|written| {
                    self.is_encoded = true;
                    written
                });
            }
            (b"Size", 1) | (b"Content-Length", 2) => {
                self.size = text_of(reader, element).trim().parse().ok();
            }
            _ => return false,
        }
        true
    }

    fn is_folder_marker(&self) -> bool {
        !self.is_prefix && self.size == Some(0) && {
            let folder = self.key.strip_suffix('/');
            folder.is_some_and(|folder| unreadable(folder).is_none())
        }
    }

    /// Why no path can hold this key.
    fn unreadable(&self) -> Option<&'static str> {
        if self.is_encoded {
            return Some("it has characters that XML does not hold");
        }
        match self.key.strip_suffix('/') {
            Some(folder) if self.is_prefix => unreadable(folder),
            _ => unreadable(&self.key),
        }
    }
}

/// Why no path can hold this key and give it back as it is.
fn unreadable(key: &str) -> Option<&'static str> {
    match Path::parse(key) {
        Ok(path) if path.as_ref() == key && !key.is_empty() => None,
        _ if key.is_empty() => Some("it is empty"),
        _ if key.chars().any(|letter| letter.is_ascii_control()) => {
            Some("it has a control character")
        }
        _ if key
            .split('/')
            .any(|segment| segment == "." || segment == "..") =>
        {
            Some("it has a segment that is \".\" or \"..\"")
        }
        _ => Some("it begins or ends with a slash, or has two in a row"),
    }
}

/// The document without these ranges, which are in order.
fn without(document: Bytes, cut: &[Range<usize>]) -> Bytes {
    if cut.is_empty() {
        return document;
    }
    let mut kept = Vec::with_capacity(document.len());
    let mut from = 0;
    for range in cut {
        kept.extend_from_slice(&document[from..range.start]);
        from = range.end;
    }
    kept.extend_from_slice(&document[from..]);
    kept.into()
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(entries: &[(&str, u64)], more: &str) -> Bytes {
        let entries = entries.iter().fold(String::new(), |entries, (key, size)| {
            let size = size.to_string();
            entries
                + "<Contents><Key>"
                + key
                + "</Key><Size>"
                + &size
                + "</Size><Owner><ID>//</ID></Owner></Contents>"
        });
        format!("<?xml version=\"1.0\"?><ListBucketResult>{more}{entries}</ListBucketResult>")
            .into()
    }

    fn looked_through(document: Bytes) -> (String, Vec<String>) {
        let (page, skipped) = readable(document).unwrap();
        let skipped = skipped
            .keys
            .iter()
            .map(|key| key.key().to_owned())
            .collect();
        (String::from_utf8(page.to_vec()).unwrap(), skipped)
    }

    #[test]
    fn a_page_without_odd_keys_stays_as_it_is() {
        let page = s3(
            &[("t/a", 3), ("t/b &amp; c", 0)],
            "<IsTruncated>false</IsTruncated>",
        );
        let (kept, skipped) = readable(page.clone()).unwrap();
        assert_eq!((kept, skipped.keys.len()), (page, 0));
    }

    #[test]
    fn odd_keys_are_cut_out_and_named() {
        let odd = ["t/raw//b", "/t", "t/../b", ".", "", "t/&#1;", "t/c/", "//"];
        for key in odd {
            let entries = [("t/a", 3), (key, 3), ("t/z", 3)];
            let (page, skipped) = looked_through(s3(&entries, ""));
            let others = looked_through(s3(&[entries[0], entries[2]], "")).0;
            assert_eq!(page, others, "{key:?}");
            assert_eq!(skipped, [key.replace("&#1;", "\u{1}")], "{key:?}");
        }
    }

    #[test]
    fn keys_are_read_however_they_are_written() {
        let odd = ["<![CDATA[t/..]]>", "t/<![CDATA[/]]>x"];
        for (key, name) in odd.into_iter().zip(["t/..", "t//x"]) {
            assert_eq!(looked_through(s3(&[("t/a", 3), (key, 3)], "")).1, [name]);
        }
        let plain = s3(&[("<![CDATA[t/a&b]]>", 3), ("t/x<![CDATA[&]]>y", 3)], "");
        assert_eq!(looked_through(plain).1, Vec::<String>::new());
        // What cannot be read is shown as it is written.
        assert_eq!(
            looked_through(s3(&[("t/&unknown;", 3)], "")).1,
            ["t/&unknown;"]
        );
    }

    #[test]
    fn markers_of_folders_are_cut_out_silently() {
        let marked = s3(&[("t/", 0), ("t/g/", 0), ("t/y", 0)], "");
        let (page, skipped) = looked_through(marked.clone());
        assert_eq!(page, looked_through(s3(&[("t/y", 0)], "")).0);
        assert_eq!(skipped, Vec::<String>::new());
        assert_eq!(readable(marked).unwrap().1.folder_markers, 2);
        // One that lies in a folder of an odd name is odd itself, and so is one without a name.
        for odd in ["t//g/", "/"] {
            assert_eq!(looked_through(s3(&[(odd, 0)], "")).1, [odd]);
        }
    }

    #[test]
    fn prefixes_end_at_a_slash_and_are_looked_at_without_it() {
        let page = "<ListBucketResult><Prefix>t//</Prefix><CommonPrefixes><Prefix>t/a/</Prefix>\
            </CommonPrefixes><CommonPrefixes><Prefix>t//</Prefix></CommonPrefixes></ListBucketResult>";
        let (kept, skipped) = looked_through(page.into());
        assert_eq!(
            kept,
            "<ListBucketResult><Prefix>t//</Prefix><CommonPrefixes><Prefix>t/a/</Prefix>\
             </CommonPrefixes></ListBucketResult>"
        );
        assert_eq!(skipped, ["t//"]);
    }

    #[test]
    fn azures_pages_are_looked_through_too() {
        let blob = |name: &str, size: u64| {
            format!(
                "<Blob>{name}<Properties><Content-Length>{size}</Content-Length></Properties></Blob>"
            )
        };
        let page = format!(
            "<EnumerationResults><Blobs>{}{}{}{}<BlobPrefix><Name>b//</Name></BlobPrefix></Blobs>\
             <NextMarker/></EnumerationResults>",
            blob("<Name>a</Name>", 1),
            blob("<Name>a/</Name>", 0),
            blob("<Name>a//b</Name>", 1),
            blob("<Name Encoded=\"true\">a%EF%BF%BE</Name>", 1),
        );
        let (kept, skipped) = looked_through(page.into());
        assert_eq!(
            kept,
            format!(
                "<EnumerationResults><Blobs>{}</Blobs><NextMarker/></EnumerationResults>",
                blob("<Name>a</Name>", 1)
            )
        );
        assert_eq!(skipped, ["a//b", "a%EF%BF%BE", "b//"]);
    }

    #[test]
    fn a_truncated_page_has_a_token() {
        let truncated = "<IsTruncated>true</IsTruncated>";
        let error = readable(s3(&[("a", 1)], truncated)).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Unknown);
        let empty = format!("{truncated}<NextContinuationToken></NextContinuationToken>");
        assert!(readable(s3(&[("a", 1)], &empty)).is_err());
        for truth in ["True", "1", "yes", "<![CDATA[true]]>", "true<!-- more -->"] {
            let truncated = format!("<IsTruncated>{truth}</IsTruncated>");
            assert!(readable(s3(&[("a", 1)], &truncated)).is_err(), "{truth}");
        }
        let token = format!("{truncated}<NextContinuationToken>t</NextContinuationToken>");
        assert!(readable(s3(&[("a", 1)], &token)).is_ok());
    }

    #[test]
    fn a_key_that_is_left_out_is_told_why() {
        for (key, reason) in [
            ("", "it is empty"),
            ("t/\n", "it has a control character"),
            ("t/../b", "it has a segment that is \".\" or \"..\""),
            ("./b", "it has a segment that is \".\" or \"..\""),
            ("t/", "it begins or ends with a slash, or has two in a row"),
        ] {
            assert_eq!(unreadable(key), Some(reason), "{key:?}");
        }
        let key = SkippedKey::new("t/".to_owned(), unreadable("t/").unwrap());
        assert_eq!(
            key.reason(),
            "it begins or ends with a slash, or has two in a row"
        );
        assert_eq!(
            key.to_string(),
            "key \"t/\" is left out of the list: it begins or ends with a slash, or has two in a row"
        );
    }
}
