//! MD5s and CRCs of files that were put there by hand, computed once.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{Digest, Stamp, digest_of};

/// The digests of each path, for as long as its file stays the same.
#[derive(Debug, Default)]
pub(super) struct Digests(Mutex<HashMap<PathBuf, (Stamp, Digest)>>);

impl Digests {
    /// Reads the file to its end if its digests are not known.
    pub(super) fn get(&self, path: &Path, stamp: Stamp, file: &mut File) -> io::Result<Digest> {
        if let Some(known) = self.known(path, stamp) {
            return Ok(known);
        }
        let digest = digest_of(file)?;
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(path.to_owned(), (stamp, digest.clone()));
        Ok(digest)
    }

    pub(super) fn known(&self, path: &Path, stamp: Stamp) -> Option<Digest> {
        let known = self.lock();
        let (of, digest) = known.get(path)?;
        (*of == stamp).then(|| digest.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stamp, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some 30 MB.
const MOST: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_only_if_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "").unwrap();
        let digests = Digests::default();
        let stamp = |path: &Path| Stamp::of(&path.metadata().unwrap());
        let get = |path: &Path| {
            let mut file = File::open(path).unwrap();
            digests.get(path, stamp(path), &mut file).unwrap().md5
        };
        assert_eq!(get(&path), "d41d8cd98f00b204e9800998ecf8427e");
        let first = stamp(&path);
        assert!(digests.known(&path, first).is_some());
        std::fs::write(&path, "a").unwrap();
        assert!(digests.known(&path, stamp(&path)).is_none());
        assert_eq!(get(&path), "0cc175b9c0f1b6a831c399e269772661");
    }
}
