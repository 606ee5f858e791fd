//! Every target, over everything that the fuzzer has found so far.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use undaunted_fuzz_targets::TARGETS;

#[test]
fn what_must_hold_holds_over_the_corpora() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let bytes = fs::read(input.path()).unwrap();
            println!("{name}: {}", input.path().display());
            target(&bytes);
        }
    }
    let folders = fs::read_dir(&corpora).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "a corpus without a target");
}
