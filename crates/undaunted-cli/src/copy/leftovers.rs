//! What earlier runs have left: unfinished copies to the same destination, and forgotten ones.

use std::fs;
use std::path::PathBuf;

use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error, MultipartId};
use tokio::time::timeout;
use undaunted_object_store::{PartSize, full_text};

use super::copier::{Copier, NotCopied};
use super::multipart::ABORT_TIMEOUT;
use super::transfer::Transfer;
use crate::endpoint::Endpoint;
use crate::resume::is_forgotten;
use crate::resume::journal::Found;
use crate::resume::journal_file::JournalFile;
use crate::store_kind::StoreKind;

impl Transfer<'_> {
    /// Removes what an earlier run left for this destination, if no other process uses it.
    pub(super) async fn remove_leftovers(&self) {
        let Some(place) = self.journal_place().filter(|place| place.exists()) else {
            return;
        };
        let Ok((journal, found)) = JournalFile::open(&place, false) else {
            return;
        };
        let upload = match found {
            Found::Journal(journal) => Some(journal.head.upload),
            // Its staging file has the same name whatever the size of its parts.
            _ if self.destination.kind == StoreKind::Local => Some(PartSize::new(1).into()),
            _ => None,
        };
        let Some(upload) = upload else {
            // Nothing was begun. What remains is found by the next run.
            let _ = journal.remove();
            return;
        };
        // Only the journal knows the upload, until that is gone.
        if !matches!(self.abort_earlier(&upload).await, Ok(true)) {
            return;
        }
        let _ = journal.remove();
        let place = self.display_name();
        let line = format!("removed an unfinished copy to {place}, which is not needed");
        self.copier.progress.note(&line);
    }

    /// Aborts an upload of an earlier run, and returns whether it is gone.
    pub(super) async fn abort_earlier(&self, upload: &MultipartId) -> Result<bool, NotCopied> {
        let abort = abort(self.copier, self.destination, self.to, upload);
        self.copier.unless_stopped(abort).await
    }

    /// Names a file that looks as if a copy to this destination had been killed. It may be another
    /// process's, or the user's, so it is left alone.
    pub(super) fn name_stray_file(&self) {
        let Some(file) = self.destination.file(self.to) else {
            return;
        };
        // The first name of those of uploads that cannot be continued.
        let staging = PartSize::staging_file(&file).into_os_string();
        let Some(start) = staging.to_str().and_then(|name| name.strip_suffix("000")) else {
            return;
        };
        let stray = PathBuf::from(format!("{start}1"));
        if fs::symlink_metadata(&stray).is_ok_and(|found| found.is_file()) {
            self.copier.tally().objects.leftovers_found += 1;
            self.copier.progress.note(&format!(
                "{} may be left from a copy that was killed: if nothing writes to it, remove it",
                stray.display()
            ));
        }
    }
}

/// Aborts the uploads to this store that nobody continued for a week, as far as there is time.
pub(super) async fn abort_forgotten(copier: &Copier) {
    // What remains is found by the next run.
    let abort = timeout(ABORT_TIMEOUT, abort_each_forgotten(copier));
    let _ = copier.unless_stopped(abort).await;
}

async fn abort_each_forgotten(copier: &Copier) {
    let Some(destination) = &copier.selection.destination else {
        return;
    };
    for place in copier.journals.forgotten() {
        let Some(journal) = JournalFile::peek(&place) else {
            continue;
        };
        let is_ours = journal.head.store.as_deref() == copier.journals.store();
        let (true, Ok(to)) = (is_ours, Path::parse(&journal.head.key)) else {
            continue;
        };
        let Ok((file, Found::Journal(journal))) = JournalFile::open(&place, false) else {
            continue;
        };
        // This command may have used it in the meantime.
        if !is_forgotten(&place) {
            continue;
        }
        if abort(copier, destination, &to, &journal.head.upload).await {
            let _ = file.remove();
            copier.progress.note(&format!(
                "removed an unfinished copy to {}, which nobody continued for a week",
                journal.head.destination
            ));
        }
    }
}

/// Aborts an upload of an earlier run, and returns whether it is gone.
async fn abort(copier: &Copier, destination: &Endpoint, to: &Path, upload: &MultipartId) -> bool {
    let abort = destination.store.abort_multipart(to, upload);
    let trouble = match timeout(ABORT_TIMEOUT, abort).await {
        Ok(Ok(())) => {
            copier.tally().objects.leftovers_removed += 1;
            return true;
        }
        Ok(Err(Error::NotFound { .. })) => return true,
        Ok(Err(error)) => full_text(&error),
        Err(_) => "no response".to_owned(),
    };
    copier.progress.note(&format!(
        "an unfinished upload to {} could not be aborted, and its parts may remain there: {trouble}",
        destination.display_name(to)
    ));
    false
}
