//! The objects at the destination, listed beside those of the source instead of asked for one by
//! one.
//!
//! Both lists are in the order of their keys, so one page of each in memory is enough. A store with
//! directories may list `a/b` before `a-b`: a key is missing only if it is in either order, and
//! otherwise it is asked for by itself.

use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

/// What a list says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It has to be asked for.
    Unknown,
    Missing,
    Object(ObjectMeta),
}

/// A list of the destination, read as far as the keys that were asked for.
pub(super) struct ExistingObjects<'a, S> {
    store: &'a S,
    prefix: &'a Path,
    list: List,
    /// The last key that was asked for: nothing before it is in the list any more.
    asked: Option<Path>,
    /// The last key of the list that was read.
    read: Option<Path>,
    /// The object of that key, unless it was asked for.
    next: Option<ObjectMeta>,
}

enum List {
    /// To begin behind this key.
    After(Option<Path>),
    Open(BoxStream<'static, object_store::Result<ObjectMeta>>),
    /// There is nothing more in it.
    Ended,
    /// It is not in order, or cannot be read.
    Useless,
}

impl<'a, S: ObjectStore> ExistingObjects<'a, S> {
    pub(super) const fn new(store: &'a S, prefix: &'a Path) -> Self {
        Self {
            store,
            prefix,
            list: List::After(None),
            asked: None,
            read: None,
            next: None,
        }
    }

    /// What is at this key. Keys in order are found in the list.
    pub(super) async fn find(&mut self, key: &Path) -> Existing {
        if self.asked.as_ref().is_some_and(|asked| key <= asked) {
            return Existing::Unknown;
        }
        self.asked = Some(key.clone());
        for _ in 0..FEW {
            if self.next.is_none() {
                self.advance().await;
            }
            match (&self.next, &self.list) {
                (Some(next), _) if next.location == *key => {
                    return self.next.take().map_or(Existing::Unknown, Existing::Object);
                }
                (Some(next), _) if next.location > *key => {
                    return if names(&next.location).gt(names(key)) {
                        Existing::Missing
                    } else {
                        Existing::Unknown
                    };
                }
                (Some(_), _) => self.next = None,
                (None, List::Ended) => return Existing::Missing,
                (None, _) => return Existing::Unknown,
            }
        }
        // Many objects that the source does not have: to skip them costs as much as this one.
        self.list = List::After(Some(key.clone()));
        self.next = None;
        Existing::Unknown
    }

    async fn advance(&mut self) {
        if let List::After(offset) = &self.list {
            let prefix = Some(self.prefix);
            self.list = List::Open(match offset {
                Some(offset) => self.store.list_with_offset(prefix, offset),
                None => self.store.list(prefix),
            });
        }
        let List::Open(list) = &mut self.list else {
            return;
        };
        match list.next().await {
            Some(Ok(meta)) if self.read.as_ref().is_none_or(|read| *read < meta.location) => {
                self.read = Some(meta.location.clone());
                self.next = Some(meta);
            }
            None => self.list = List::Ended,
            // Whoever asks for a key by itself is told what is wrong.
            Some(Ok(_) | Err(_)) => self.list = List::Useless,
        }
    }
}

/// The names of the directories and of the object, as a store with directories compares them.
fn names(key: &Path) -> impl Iterator<Item = &str> {
    key.as_ref().split('/')
}

/// Objects of a page, of most stores.
const FEW: usize = 1_000;

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};

    use super::*;

    async fn store(keys: impl IntoIterator<Item = String>) -> InMemory {
        let store = InMemory::new();
        for key in keys {
            store.put(&key.into(), "x".into()).await.unwrap();
        }
        store
    }

    /// `!` if it exists, `-` if not, `?` if it has to be asked for.
    async fn find<S: ObjectStore>(existing: &mut ExistingObjects<'_, S>, keys: &[&str]) -> String {
        let mut found = String::new();
        for key in keys {
            found.push(match existing.find(&Path::from(*key)).await {
                Existing::Object(meta) => {
                    assert_eq!(meta.location.as_ref(), *key);
                    '!'
                }
                Existing::Missing => '-',
                Existing::Unknown => '?',
            });
        }
        found
    }

    #[tokio::test]
    async fn keys_in_order_are_found_in_the_list_and_others_are_asked_for() {
        let keys = ["p/a", "p/c", "p/c-d", "p/c/d", "p/x", "q/z"];
        let store = store(keys.map(str::to_owned)).await;
        let prefix = Path::from("p");
        let mut existing = ExistingObjects::new(&store, &prefix);
        let asked = [
            "p/a", "p/b", "p/c", "p/c-d", "p/c/d", "p/d", "p/b", "p/x", "p/y", "p/z",
        ];
        assert_eq!(find(&mut existing, &asked).await, "!-!!!-?!--");
    }

    #[tokio::test]
    async fn what_a_store_with_directories_lists_later_is_asked_for() {
        let store = store(["p/a/b", "p/c"].map(str::to_owned)).await;
        let prefix = Path::from("p");
        let mut existing = ExistingObjects::new(&store, &prefix);
        let asked = ["p/a", "p/a-b", "p/a/b", "p/b"];
        assert_eq!(find(&mut existing, &asked).await, "-?!-");
    }

    #[tokio::test]
    async fn a_long_row_of_other_objects_is_skipped() {
        let keys = (0..3 * FEW).map(|number| format!("p/{number:05}"));
        let store = store(keys).await;
        let prefix = Path::from("p");
        let mut existing = ExistingObjects::new(&store, &prefix);
        let asked = [
            "p/00000", "p/02500", "p/02501", "p/02502x", "p/02999", "p/1",
        ];
        assert_eq!(find(&mut existing, &asked).await, "!?!-!-");
    }

    #[tokio::test]
    async fn nothing_is_known_from_a_list_that_fails() {
        let plan = FaultPlan::none();
        let broken = Fault::BreakList {
            after: 1,
            failure: Failure::Reset,
        };
        plan.add(Rule::new(Operation::List, broken));
        let store = store(["p/a", "p/b", "p/c"].map(str::to_owned)).await;
        let (store, prefix) = (FaultyStore::new(store, plan), Path::from("p"));
        let mut existing = ExistingObjects::new(&store, &prefix);
        assert_eq!(find(&mut existing, &["p/a", "p/b", "p/d"]).await, "!??");
    }
}
