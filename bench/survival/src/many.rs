//! The keys of many objects.

use std::sync::LazyLock;

/// This many keys, at most [`MOST`].
pub fn keys(count: usize) -> &'static [&'static str] {
    &KEYS[..count]
}

// Calls have keys that live as long as the program, so that scenarios can be written as data.
static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let keys = (0..MOST).map(|number| format!("crowd/{number:04}"));
    keys.map(|key| &*key.leak()).collect()
});

/// The largest crowd.
pub const MOST: usize = 3000;
