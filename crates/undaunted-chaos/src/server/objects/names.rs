//! Keys as paths: which file of a bucket's directory is which object.
//!
//! An ordinary key is the path that it looks like: `reports/2026.csv` is the file `2026.csv` in the
//! directory `reports`. What no file can be has a name with a mark in it:
//!
//! | key | file |
//! |---|---|
//! | `a`, where objects below `a/` exist | `a%~object` |
//! | `a//b`, `a/` | `a/%~=/b`, `a/%~=` |
//! | `./a`, `../a` | `%~=./a`, `%~=../a` |
//! | a segment of more than 255 bytes | `first 200 bytes%~more/the rest` |
//! | a segment that looks like one of these, such as `%~=` | `%~=%25~=` |
//!
//! Behind `%~=` a segment stands as it is, but for `%25` and `%00`. So every key has exactly one
//! ordinary path and one path beside a directory, and each of them is of that key alone.

use std::borrow::Cow;
use std::path::PathBuf;

/// Where the file of a key may be, relative to its bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyPaths {
    /// The path while nothing is below the key.
    pub(super) ordinary: PathBuf,
    /// The path where the ordinary one is a directory.
    pub(super) beside: PathBuf,
}

impl KeyPaths {
    pub(super) fn of(key: &str) -> Self {
        let mut segments: Vec<&str> = key.split('/').collect();
        let last = segments.pop().unwrap_or_default();
        let folder: PathBuf = segments.into_iter().flat_map(directory_names).collect();
        let in_folder = |names: Vec<String>| {
            let mut path = folder.clone();
            path.extend(names);
            path
        };
        Self {
            ordinary: in_folder(names(last, "")),
            beside: in_folder(names(last, OBJECT)),
        }
    }
}

/// The directories of a segment that is not a key's last: one, unless it is long.
pub(super) fn directory_names(segment: &str) -> Vec<String> {
    names(segment, "")
}

/// The names of the file of a key's last segment, where the ordinary one is a directory.
pub(super) fn names_beside(segment: &str) -> Vec<String> {
    names(segment, OBJECT)
}

/// What the name of a file or a directory stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A segment.
    Segment(String),
    /// The last segment of a key, beside a directory.
    Object(String),
    /// The beginning of a segment that the names in this directory continue.
    Beginning(String),
}

impl Name {
    /// None for a name that no key has. Long segments are not checked in full.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (text, kind): (_, fn(String) -> Self) = if let Some(text) = name.strip_suffix(OBJECT) {
            (text, Self::Object)
        } else if let Some(text) = name.strip_suffix(MORE) {
            (text, Self::Beginning)
        } else {
            (name, Self::Segment)
        };
        let segment = match text.strip_prefix(ESCAPED) {
            Some(escaped) => escaped.replace("%00", "\0").replace("%25", "%").into(),
            None => Cow::Borrowed(text),
        };
        (escape(&segment) == text).then(|| kind(segment.into_owned()))
    }
}

fn names(segment: &str, suffix: &str) -> Vec<String> {
    let whole = escape(segment);
    if whole.len() + suffix.len() <= LONGEST_NAME {
        return vec![format!("{whole}{suffix}")];
    }
    let mut names = Vec::new();
    let (mut start, mut cost) = (0, 0);
    for (at, character) in segment.char_indices() {
        let more = match character {
            '%' | '\0' => 3,
            _ => character.len_utf8(),
        };
        if cost + more > PIECE {
            names.push(format!("{}{MORE}", escape(&segment[start..at])));
            (start, cost) = (at, 0);
        }
        cost += more;
    }
    names.push(format!("{}{suffix}", escape(&segment[start..])));
    names
}

/// A segment as the name of a file, but for its length.
fn escape(segment: &str) -> Cow<'_, str> {
    let is_ordinary = !matches!(segment, "" | "." | "..")
        && !segment.contains('\0')
        && !segment.starts_with(ESCAPED)
        && !segment.ends_with(OBJECT)
        && !segment.ends_with(MORE);
    if is_ordinary {
        return segment.into();
    }
    let escaped = segment.replace('%', "%25").replace('\0', "%00");
    format!("{ESCAPED}{escaped}").into()
}

/// Begins a name that is not a segment as it is.
const ESCAPED: &str = "%~=";
/// Ends the name of an object whose own name a directory has.
const OBJECT: &str = "%~object";
/// Ends the name of a directory that has only the beginning of a segment's name.
const MORE: &str = "%~more";
/// In bytes, of most file systems.
const LONGEST_NAME: usize = 255;
/// Of a long segment, in bytes: a person still sees what it is, and the marks have room.
const PIECE: usize = 200;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn paths(key: &str) -> (String, String) {
        let paths = KeyPaths::of(key);
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        (text(paths.ordinary), text(paths.beside))
    }

    /// The key of a path, as the list finds it.
    fn key_of(path: &str) -> Option<String> {
        let mut key = String::new();
        let names: Vec<&str> = path.split('/').collect();
        for (index, name) in names.iter().enumerate() {
            let is_last = index + 1 == names.len();
            match Name::parse(name)? {
                Name::Segment(segment) => {
                    key.push_str(&segment);
                    if !is_last {
                        key.push('/');
                    }
                }
                Name::Object(segment) if is_last => key.push_str(&segment),
                Name::Beginning(text) if !is_last => key.push_str(&text),
                _ => return None,
            }
        }
        Some(key)
    }

    #[test]
    fn an_ordinary_key_is_the_path_that_it_looks_like() {
        for key in [
            "a",
            "reports/2026/1.csv",
            ".hidden",
            "a b/ü/100%",
            "...",
            "~/x~",
            "foo%~bar",
            "%~/%25",
            "back\\slash:*?\"<>|",
            "line\nfeed",
        ] {
            assert_eq!(paths(key).0, key);
        }
        let longest = "x".repeat(255);
        assert_eq!(paths(&longest).0, longest);
    }

    #[test]
    fn other_keys_have_a_name_with_a_mark() {
        for (key, path) in [
            ("a//b", "a/%~=/b"),
            ("a/", "a/%~="),
            ("/a", "%~=/a"),
            ("/", "%~=/%~="),
            ("../a/./b", "%~=../a/%~=./b"),
            ("%~=", "%~=%25~="),
            ("a%~object", "%~=a%25~object"),
            ("a%~more/b", "%~=a%25~more/b"),
            ("a\0b", "%~=a%00b"),
        ] {
            assert_eq!(paths(key).0, path, "{key:?}");
        }
        assert_eq!(paths("a/b").1, "a/b%~object");
        assert_eq!(paths("a/").1, "a/%~=%~object");
        let long = format!("{}{}", "x".repeat(200), "y".repeat(56));
        let (ordinary, beside) = paths(&long);
        let (x, y) = ("x".repeat(200), "y".repeat(56));
        assert_eq!(ordinary, format!("{x}%~more/{y}"));
        assert_eq!(beside, format!("{x}%~more/{y}%~object"));
    }

    #[test]
    fn a_path_is_of_one_key_and_every_name_fits() {
        let mut alphabet = vec![
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "a".to_owned(),
            "\0".to_owned(),
            "%".to_owned(),
            "%~=".to_owned(),
            "%~=a".to_owned(),
            "%~=%25~=".to_owned(),
            "a%~object".to_owned(),
            "%~object".to_owned(),
            "%~more".to_owned(),
            "a%~more".to_owned(),
            "%00".to_owned(),
        ];
        for length in [199, 200, 201, 247, 248, 255, 256, 400, 401, 1024] {
            alphabet.push("x".repeat(length));
            alphabet.push("%".repeat(length));
            alphabet.push(format!("{}%~object", "x".repeat(length)));
            alphabet.push("ü".repeat(length / 2));
        }
        let mut keys: Vec<String> = alphabet.clone();
        for first in &alphabet {
            for second in &alphabet {
                keys.push(format!("{first}/{second}"));
                keys.push(format!("{first}/{second}/"));
            }
        }
        let keys: HashSet<String> = keys.into_iter().collect();
        let mut seen = HashSet::new();
        for key in &keys {
            let (ordinary, beside) = paths(key);
            for path in [ordinary, beside] {
                assert!(path.split('/').all(|name| (1..=255).contains(&name.len())));
                assert!(!path.split('/').any(|name| matches!(name, "." | "..")));
                assert_eq!(key_of(&path).as_ref(), Some(key), "{path:?}");
                assert!(seen.insert(path));
            }
        }
    }

    #[test]
    fn a_name_that_was_made_by_hand_is_of_no_key() {
        for name in ["%~=a", "%~=%zz", "%~=a%00%~=", "%~=a%~object"] {
            let parsed = Name::parse(name);
            assert!(
                parsed.is_none() || name.contains("%00"),
                "{name} {parsed:?}"
            );
        }
    }
}
