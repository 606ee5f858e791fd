//! The little that has to be known of a service's XML: its root, and an error's code.

use std::borrow::Cow;

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// Whether the document's root element has this name.
pub(super) fn has_root(document: &[u8], name: &[u8]) -> bool {
    let mut reader = Reader::from_reader(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) => {
                return root.local_name().as_ref() == name;
            }
            Ok(Event::Eof) | Err(_) => return false,
            // The declaration, comments and white space before the root.
            Ok(_) => {}
        }
    }
}

/// The `Code` of a document whose root is `Error`.
pub(super) fn error_code(document: &[u8]) -> Option<String> {
    child_of_error(document, b"Code").filter(|code| is_plausible(code))
}

/// The `Message` of a document whose root is `Error`.
pub(super) fn error_message(document: &[u8]) -> Option<String> {
    child_of_error(document, b"Message")
}

fn child_of_error(document: &[u8], name: &[u8]) -> Option<String> {
    if !has_root(document, b"Error") {
        return None;
    }
    let mut reader = Reader::from_reader(document);
    let mut depth = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) if depth == 1 && element.local_name().as_ref() == name => {
                let text = text_of(&mut reader, &element);
                return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// Key and code of each `Error` in a document of S3's whose root is `DeleteResult`.
pub(super) fn delete_errors(document: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::from_reader(document);
    let mut found = Vec::new();
    let (mut key, mut code) = (None, None);
    if !has_root(document, b"DeleteResult") {
        return found;
    }
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) if element.local_name().as_ref() == b"Key" => {
                key = Some(text_of(&mut reader, &element));
            }
            Event::Start(element) if element.local_name().as_ref() == b"Code" => {
                code = Some(text_of(&mut reader, &element));
            }
            Event::End(element) if element.local_name().as_ref() == b"Error" => {
                found.push((
                    key.take().unwrap_or_default(),
                    code.take().unwrap_or_default(),
                ));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

/// Whether the root has a child of this name.
pub(super) fn has_child(document: &[u8], name: &[u8]) -> bool {
    let mut reader = Reader::from_reader(document);
    let mut depth = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element))
                if depth == 1 && element.local_name().as_ref() == name =>
            {
                return true;
            }
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// Every `Key` of a bulk delete's request.
pub(super) fn deleted_keys(document: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(document);
    let mut keys = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) if element.local_name().as_ref() == b"Key" => {
                keys.push(text_of(&mut reader, &element));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    keys
}

/// The text within an element, as far as it can be read; the reader is behind it then.
pub(super) fn text_of(reader: &mut Reader<&[u8]>, element: &BytesStart<'_>) -> String {
    read_text(reader, element).unwrap_or_else(|written| written)
}

/// The text within an element; the reader is behind it then.
///
/// # Errors
///
/// The text as it is written, if some of it cannot be decoded.
pub(super) fn read_text(
    reader: &mut Reader<&[u8]>,
    element: &BytesStart<'_>,
) -> Result<String, String> {
    let end = element.to_end().into_owned();
    let mut text = String::new();
    let mut is_read = true;
    while let Ok(event) = reader.read_event() {
        let part: Cow<'_, [u8]> = match event {
            Event::Text(part) => part.into_inner(),
            Event::CData(part) => part.into_inner(),
            Event::GeneralRef(part) => {
                let written = format!("&{};", String::from_utf8_lossy(&part));
                let read = unescape(&written).ok().map(Cow::into_owned);
                is_read &= read.is_some();
                read.unwrap_or(written).into_bytes().into()
            }
            Event::End(found) if found.name() == end.name() => break,
            Event::Eof => break,
            _ => continue,
        };
        let part = String::from_utf8_lossy(&part);
        is_read &= !part.contains(char::REPLACEMENT_CHARACTER);
        text.push_str(&part);
    }
    if is_read { Ok(text) } else { Err(text) }
}

/// The document with two words written as character references, which mean the same.
///
/// object_store searches the text of a successful response for them and takes them for a
/// failure, also where they stand in a key that the response repeats.
pub(super) fn hide_error_words(document: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&document) else {
        return document;
    };
    if !ERROR_WORDS.iter().any(|(word, _)| text.contains(word)) {
        return document;
    }
    let hidden = ERROR_WORDS
        .iter()
        .fold(text.to_owned(), |text, (word, reference)| {
            text.replace(word, reference)
        });
    Bytes::from(hidden)
}

/// A code is one word; anything else is a document that only looks like an error's.
fn is_plausible(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= LONGEST_CODE
        && code.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The words that object_store's client looks for, with their first letters as references.
const ERROR_WORDS: [(&str, &str); 2] = [
    ("InternalError", "&#73;nternalError"),
    ("SlowDown", "&#83;lowDown"),
];

/// S3's longest is half of this.
const LONGEST_CODE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_behind_a_declaration() {
        let document =
            b"<?xml version=\"1.0\"?>\n<!-- hi --><Error xmlns=\"x\"><Code>A</Code></Error>";
        assert!(has_root(document, b"Error"));
        assert_eq!(error_code(document).as_deref(), Some("A"));
    }

    #[test]
    fn an_error_that_is_not_the_root_is_no_failure() {
        let document = b"<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>";
        assert!(!has_root(document, b"Error"));
        assert_eq!(error_code(document), None);
    }

    #[test]
    fn a_code_further_down_is_not_the_documents() {
        let document = b"<Error><Cause><Code>Inner</Code></Cause><Code>Outer</Code></Error>";
        assert_eq!(error_code(document).as_deref(), Some("Outer"));
    }

    #[test]
    fn garbage_has_no_root_and_no_code() {
        for garbage in [
            &b""[..],
            b"{\"error\": 1}",
            b"<",
            b"<Error",
            b"\xff\xfe",
            b"<Error><Code>",
        ] {
            assert_eq!(error_code(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn each_refused_key_is_found_with_its_code() {
        let document = b"<DeleteResult><Deleted><Key>a</Key></Deleted>\
            <Error><Key>b &amp; c</Key><Code>SlowDown</Code><Message>m</Message></Error>\
            <Error><Code>AccessDenied</Code><Key>d</Key></Error></DeleteResult>";
        let expected = [("b & c", "SlowDown"), ("d", "AccessDenied")];
        let expected = expected.map(|(key, code)| (key.to_owned(), code.to_owned()));
        assert_eq!(delete_errors(document), expected);
        assert!(delete_errors(b"<Error><Key>a</Key><Code>B</Code></Error>").is_empty());
    }

    #[test]
    fn hidden_words_read_the_same() {
        let document = Bytes::from("<R><Key>SlowDown-InternalError.bin</Key></R>");
        let hidden = hide_error_words(document);
        let text = std::str::from_utf8(&hidden).unwrap();
        assert!(!text.contains("SlowDown") && !text.contains("InternalError"));
        assert_eq!(text, "<R><Key>&#83;lowDown-&#73;nternalError.bin</Key></R>");
    }

    #[test]
    fn a_code_is_one_word() {
        let code =
            |code: &str| error_code(format!("<Error><Code>{code}</Code></Error>").as_bytes());
        let longest = "c".repeat(LONGEST_CODE);
        assert_eq!(code(&longest), Some(longest.clone()));
        for no_code in ["", "two words", "a-b", &(longest + "c")] {
            assert_eq!(code(no_code), None, "{no_code}");
        }
    }

    #[test]
    fn a_child_is_one_of_the_roots_own() {
        for (document, is_there) in [
            ("<R><ETag>1</ETag></R>", true),
            ("<R><Key>a</Key><s3:ETag/></R>", true),
            ("<R><Key>ETag</Key></R>", false),
            ("<R><Part><ETag>1</ETag></Part></R>", false),
            ("<ETag/>", false),
            ("<R></R>", false),
        ] {
            assert_eq!(
                has_child(document.as_bytes(), b"ETag"),
                is_there,
                "{document}"
            );
        }
    }
}
