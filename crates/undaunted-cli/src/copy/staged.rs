//! The staging file of a local destination: whether parts are in it, and when it reaches the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;
use twox_hash::XxHash3_128;
use undaunted_object_store::PartSize;

use super::transfer::Transfer;
use crate::error::FailedObject;
use crate::resume::journal::ArrivedPart;

impl Transfer<'_> {
    /// The file that parts are written to, if the destination is local.
    pub(super) fn staging_file(&self) -> Option<PathBuf> {
        let file = self.destination.file(self.to)?;
        Some(PartSize::staging_file(&file))
    }

    /// Lets a staging file reach the disk before it gets its name, if `--update` will rely on that:
    /// after a power failure the file could have the right size, a new time and holes.
    pub(super) async fn flush(&self) -> Result<(), FailedObject> {
        let staging = self.staging_file();
        let Some(staging) = staging.filter(|_| self.copier.settings.update) else {
            return Ok(());
        };
        let flush = move || match File::open(&staging) {
            Ok(staged) => staged.sync_data(),
            // It has another name if another process copies to the same destination.
            Err(_) => Ok(()),
        };
        let flushed = spawn_blocking(flush).await;
        let flushed = flushed.unwrap_or_else(|error| Err(io::Error::other(error)));
        flushed.map_err(|error| FailedObject::io(self.name, &error))
    }
}

/// Keeps the parts whose bytes are in the staging file, as far as they are read until it is to
/// stop.
pub(super) fn retain_intact(
    staging: &FsPath,
    part_size: u64,
    parts: &mut BTreeMap<usize, ArrivedPart>,
    is_stopped: &AtomicBool,
) {
    // Parts are not written through a link either.
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(staging);
    let Ok(mut file) = opened else {
        parts.clear();
        return;
    };
    parts.retain(|index, part| {
        if is_stopped.load(Ordering::Relaxed) {
            return false;
        }
        let start = part_size.saturating_mul(*index as u64);
        let found = digest(&mut file, start, part.length);
        found.is_ok_and(|found| found.is_some() && found == part.digest())
    });
}

/// The digest of some bytes of a file; none if it ends before them.
fn digest(file: &mut File, start: u64, length: u64) -> io::Result<Option<u128>> {
    file.seek(SeekFrom::Start(start))?;
    let mut hasher = XxHash3_128::new();
    let mut buffer = vec![0; BUFFER];
    let mut missing = length;
    while missing > 0 {
        let most = usize::try_from(missing).unwrap_or(BUFFER).min(BUFFER);
        match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                hasher.write(&buffer[..count]);
                missing -= count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(hasher.finish_128()))
}

/// Large enough that the calls cost nothing.
const BUFFER: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_not_there_are_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let staging = folder.path().join("a#000");
        std::fs::write(&staging, b"aaaabbbbcc").unwrap();
        let part = |index, bytes: &[u8]| {
            let digest = XxHash3_128::oneshot(bytes);
            let part = ArrivedPart::new(index, bytes.len() as u64, digest, String::new());
            (index, part)
        };
        let all = [
            part(0, b"aaaa"),
            part(1, b"bbbX"),
            part(2, b"cc"),
            part(3, b"dd"),
        ];
        let mut parts = BTreeMap::from(all.clone());
        let is_stopped = AtomicBool::new(false);
        retain_intact(&staging, 4, &mut parts, &is_stopped);
        assert_eq!(parts.into_keys().collect::<Vec<_>>(), [0, 2]);
        let mut parts = BTreeMap::from(all.clone());
        retain_intact(&folder.path().join("missing"), 4, &mut parts, &is_stopped);
        assert!(parts.is_empty());
        let mut parts = BTreeMap::from(all);
        is_stopped.store(true, Ordering::Relaxed);
        retain_intact(&staging, 4, &mut parts, &is_stopped);
        assert!(parts.is_empty());
    }
}
