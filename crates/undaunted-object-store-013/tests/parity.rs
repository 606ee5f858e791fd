//! Whatever is public in `undaunted-object-store` is public here, with the same parameters: read
//! from the sources of both, so that what is added there cannot be forgotten here.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What has no place here, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("Backend", "it is beneath the retries: `v014::Backend`"),
    (
        "HedgeClock",
        "a request of 0.13 has it in its extensions: `v014::HedgeClock`",
    ),
    (
        "RetryConnector",
        "it connects a client of 0.14: `v014::RetryConnector`",
    ),
];

/// Types that are written anew here, because 0.13's types are in their signatures.
const BRIDGED: [&str; 4] = [
    "Capabilities",
    "ObjectPin",
    "RetryStore",
    "RetryStoreBuilder",
];

/// What is implemented for the store, of which `shown/` and `store.rs` have each for 0.13.
const TRAITS: [&str; 7] = [
    "Clone",
    "MultipartStore",
    "ObjectStore",
    "PaginatedListStore",
    "Signer",
    "fmt::Debug",
    "fmt::Display",
];

#[test]
fn every_public_name_is_here() {
    let there = exported(&there());
    assert!(
        there.contains("RetryStore"),
        "too little was read: {there:?}"
    );
    let mut here = exported(&here());
    here.extend(LEFT_OUT.map(|(name, _)| name.to_owned()));
    let missing: Vec<_> = there.difference(&here).collect();
    assert!(missing.is_empty(), "lib.rs does not export {missing:?}");
}

#[test]
fn every_method_is_here_with_the_same_parameters() {
    let (there, here) = (Public::read(&there()), Public::read(&here()));
    for owner in BRIDGED.into_iter().chain(["open", "open_on", "open_with"]) {
        let (there, here) = (&there.functions[owner], &here.functions[owner]);
        assert!(!there.is_empty(), "nothing was read of {owner}");
        for (name, parameters) in there {
            let found = here.get(name);
            assert_eq!(
                found,
                Some(parameters),
                "{owner}: `{name}`, there {parameters}"
            );
        }
    }
}

#[test]
fn every_trait_of_the_store_is_here() {
    let traits: Vec<_> = Public::read(&there()).traits.into_iter().collect();
    assert_eq!(traits, TRAITS, "see `shown/`");
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn there() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../undaunted-object-store/src")
}

/// The names that `lib.rs` exports.
fn exported(sources: &Path) -> BTreeSet<String> {
    let lib = fs::read_to_string(sources.join("lib.rs")).unwrap();
    // What follows is for the fuzz targets and no part of the API.
    let lib = lib.split("pub mod fuzz").next().unwrap();
    let uses = lib.split("pub use ").skip(1);
    let uses = uses.filter_map(|text| text.split_once(';').map(|(names, _)| names));
    let names = uses.flat_map(|text| match text.split_once('{') {
        Some((_, names)) => names.trim_end_matches('}').split(',').collect(),
        None => vec![text.rsplit("::").next().unwrap()],
    });
    let names = names.map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Functions by the type that has them, or by their own name, and the store's traits.
#[derive(Default)]
struct Public {
    functions: BTreeMap<String, BTreeMap<String, String>>,
    traits: BTreeSet<String>,
}

impl Public {
    fn read(sources: &Path) -> Self {
        let mut public = Self::default();
        public.read_folder(sources);
        public
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(&path);
            } else {
                self.read_file(&fs::read_to_string(path).unwrap());
            }
        }
    }

    fn read_file(&mut self, text: &str) {
        let mut owner = None;
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            if let Some(block) = line.strip_prefix("impl") {
                let (of_trait, of_type) = match block.split_once(" for ") {
                    Some((of_trait, of_type)) => (Some(of_trait), of_type),
                    None => (None, block),
                };
                // Behind the parameters of the block, if any.
                let of_type = match of_type.strip_prefix('<') {
                    Some(of_type) => of_type.split_once("> ").unwrap().1,
                    None => of_type,
                };
                let name = of_type.trim_start().split([' ', '<']).next().unwrap();
                if let ("RetryStore", Some(of_trait)) = (name, of_trait) {
                    let name = of_trait.rsplit(' ').next().unwrap();
                    self.traits.insert(name.to_owned());
                }
                owner = of_trait.is_none().then(|| name.to_owned());
            } else if line == "forwarded! {" {
                owner = Some("RetryStoreBuilder".to_owned());
            } else if line == "}" {
                owner = None;
            } else if let Some((name, parameters)) = function(line, rest) {
                let owner = owner.as_ref().unwrap_or(&name).clone();
                self.functions
                    .entry(owner)
                    .or_default()
                    .insert(name, parameters);
            }
            rest = after;
        }
    }
}

/// A public function that begins with this line, and its parameters without `self`.
fn function(line: &str, text: &str) -> Option<(String, String)> {
    let indent = line.len() - line.trim_start().len();
    let is_forwarded = indent == 4 && line.ends_with(");") && !line.contains(['=', '.', '!']);
    let start = match line.trim_start().strip_prefix("pub ") {
        Some(line) if indent <= 4 => line.split_once("fn ")?.1,
        None if is_forwarded => line.trim_start(),
        _ => return None,
    };
    let name: String = start
        .chars()
        .take_while(|&c| c.is_alphanumeric() || c == '_')
        .collect();
    let text = &text[text.find(start)?..];
    let text = &text[text.find('(')? + 1..];
    let mut depth = 1;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    })?;
    let parameters: String = text[..end].split_whitespace().collect();
    let parameters = ["mutself", "&self", "self"]
        .iter()
        .fold(parameters, |parameters, this| {
            let rest = parameters.strip_prefix(this);
            rest.map_or(parameters.clone(), |rest| {
                rest.trim_start_matches(',').to_owned()
            })
        });
    Some((name, parameters.trim_end_matches(',').to_owned()))
}
