//! Uploads that a later run of the command continues: a journal says what has arrived.
//!
//! A part is noted after the destination has it. The journal has its digest, so a part that a
//! power failure took from a staging file is not believed to be there, and neither is one whose
//! local source has changed. So nothing has to be flushed to the disk for each part.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::multipart::PartId;
use object_store::{Attributes, Extensions, MultipartId};
use tokio::task::spawn_blocking;
use twox_hash::XxHash3_128;
use undaunted_object_store::PartSize;

use super::copier::NotCopied;
use super::part::Part;
use super::read::Reader;
use super::staged::retain_intact;
use super::transfer::Transfer;
use crate::resume::journal::{ArrivedPart, Found, Journal, SourceVersion, UploadHead};
use crate::resume::journal_file::{JournalFile, Unusable};
use crate::resume::make_folder_of;
use crate::store_kind::StoreKind;
use crate::text;

/// An upload whose parts are noted in a journal.
#[derive(Debug)]
pub(super) struct KeptUpload {
    journal: Arc<Mutex<JournalFile>>,
    head: UploadHead,
    /// The file that the parts are written to, if the destination is local.
    staging: Option<PathBuf>,
    /// The parts that an earlier run sent.
    arrived: BTreeMap<usize, ArrivedPart>,
    /// How many bytes this run has sent.
    sent: AtomicU64,
    /// Whether parts that have arrived are read too, and then compared.
    reads_all: bool,
    /// Whether it is of use to a later run. It is not between local files, which are as fast to
    /// copy as to compare.
    is_lasting: bool,
}

impl Transfer<'_> {
    /// Whether there is a journal of an earlier copy to this destination.
    pub(super) fn has_journal(&self) -> bool {
        self.journal_place().is_some_and(|place| place.exists())
    }

    /// What has arrived of the same upload in an earlier run, for those who only want to know.
    pub(super) fn peek(&self, head: &UploadHead) -> Option<Journal> {
        let journal = JournalFile::peek(&self.journal_place()?)?;
        journal.head.is_same(head).then_some(journal)
    }

    /// Begins or continues an upload with a journal. None if it can have none: it is then copied
    /// as a whole, and nothing of it is kept.
    pub(super) async fn keep(
        &self,
        head: UploadHead,
        reader: &Reader<'_>,
    ) -> Result<Option<KeptUpload>, NotCopied> {
        let Some(place) = self.journal_place() else {
            return Ok(None);
        };
        if !self.copier.settings.resume {
            self.remove_leftovers().await;
            return Ok(None);
        }
        let opened = match make_folder(self.destination.kind, &place) {
            Ok(()) => JournalFile::open(&place, true),
            Err(error) => Err(error.into()),
        };
        let (mut journal, found) = match opened {
            Ok(opened) => opened,
            Err(unusable) => {
                self.cannot_keep(&place, &unusable);
                return Ok(None);
            }
        };
        let staging = self.staging_file();
        let is_new = journal.is_new() && found == Found::Nothing;
        if staging
            .as_ref()
            .is_some_and(|staging| is_new && staging.exists())
        {
            // A journal is there before its staging file is.
            let _ = journal.remove();
            self.cannot_keep(&staging.unwrap_or(place), &Unusable::Foreign);
            return Ok(None);
        }
        if self.destination.kind != StoreKind::Local {
            journal.sync();
        }
        let mut kept = KeptUpload {
            journal: Arc::new(Mutex::new(journal)),
            head,
            staging,
            arrived: BTreeMap::new(),
            sent: AtomicU64::new(0),
            reads_all: reader.is_local() || !reader.has_ranges(),
            is_lasting: !(reader.is_local() && self.destination.kind == StoreKind::Local),
        };
        if let Found::Journal(earlier) = found {
            self.adopt(&mut kept, *earlier).await?;
        }
        Ok(Some(kept))
    }

    /// Takes over the parts of an earlier run, or removes them if they are of something else.
    async fn adopt(&self, kept: &mut KeptUpload, earlier: Journal) -> Result<(), NotCopied> {
        if !earlier.head.is_same(&kept.head) {
            let changed = if earlier.head.source.name == kept.head.source.name {
                "the source or the settings have changed"
            } else {
                "it was of another source"
            };
            return self.replace_earlier(&earlier.head, changed).await;
        }
        let parts = match kept.staging.clone() {
            Some(staging) => self.intact(staging, &kept.head, &earlier.parts).await?,
            None => earlier.parts.clone(),
        };
        if parts.is_empty() {
            let why = "none of its parts is complete";
            return self.replace_earlier(&earlier.head, why).await;
        }
        if let Err(error) = kept.with_journal(|journal| journal.resume(&earlier)) {
            let why = format!("its journal cannot be continued: {error}");
            return self.replace_earlier(&earlier.head, &why).await;
        }
        let arrived = text::size(parts.values().map(|part| part.length).sum());
        let (all, place) = (text::size(kept.size()), self.display_name());
        self.copier.progress.note(&format!(
            "resuming the copy to {place}: {arrived} of {all} have arrived"
        ));
        kept.head.upload = earlier.head.upload;
        kept.arrived = parts;
        Ok(())
    }

    /// The parts whose bytes are in the staging file.
    async fn intact(
        &self,
        staging: PathBuf,
        head: &UploadHead,
        parts: &BTreeMap<usize, ArrivedPart>,
    ) -> Result<BTreeMap<usize, ArrivedPart>, NotCopied> {
        let bytes = parts.values().map(|part| part.length).sum();
        if bytes >= LONG_COMPARISON {
            let (bytes, staging) = (text::size(bytes), staging.display());
            let line = format!("comparing {bytes} of {staging} with what its journal says");
            self.copier.progress.note(&line);
        }
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (mut parts, part_size) = (parts.clone(), head.part_size);
        let check = spawn_blocking({
            let is_stopped = Arc::clone(&is_stopped);
            move || {
                retain_intact(&staging, part_size, &mut parts, &is_stopped);
                parts
            }
        });
        let checked = self.copier.unless_stopped(check).await;
        // The command waits for its threads when it ends.
        is_stopped.store(true, Ordering::Relaxed);
        Ok(checked?.unwrap_or_default())
    }

    /// Aborts an upload whose journal will be that of another one.
    async fn replace_earlier(&self, earlier: &UploadHead, why: &str) -> Result<(), NotCopied> {
        if self.abort_earlier(&earlier.upload).await? {
            let place = self.display_name();
            let line = format!("removed an unfinished copy to {place}: {why}");
            self.copier.progress.note(&line);
        } else if let Some(place) = self.copier.journals.second_place(earlier)
            && let Err(error) = JournalFile::note(&place, earlier)
        {
            self.cannot_note(&error);
        }
        Ok(())
    }

    fn cannot_keep(&self, place: &FsPath, unusable: &Unusable) {
        let (name, place) = (self.display_name(), place.display());
        match unusable {
            Unusable::InUse => self.copier.progress.note(&format!(
                "another process is copying to {name}: this copy cannot be continued if it is \
                 interrupted"
            )),
            Unusable::Foreign => self.copier.warn_once(&format!(
                "{place} is not a file of this command, although it has the name of one: the copy \
                 to {name} cannot be continued if it is interrupted; remove the file, or rename it"
            )),
            Unusable::Io(error) => self.copier.warn_once(&format!(
                "{place} cannot be written to: copies cannot be continued if they are interrupted \
                 ({error}); choose another --state-dir, or --no-resume"
            )),
        }
    }

    /// Says that what arrives is not noted any more.
    pub(super) fn cannot_note(&self, error: &io::Error) {
        let place = self.display_name();
        self.copier.warn_once(&format!(
            "the journal of the copy to {place} cannot be written: parts that arrive from now on \
             will be sent again if it is interrupted ({error})"
        ));
    }

    pub(super) fn journal_place(&self) -> Option<PathBuf> {
        self.copier.journals.place(self.destination, self.to)
    }
}

impl KeptUpload {
    /// What a journal says of an upload that is not begun yet.
    pub(super) fn head(
        transfer: &Transfer<'_>,
        source: SourceVersion,
        part_size: u64,
        attributes: &Attributes,
    ) -> UploadHead {
        UploadHead {
            destination: transfer.display_name(),
            store: transfer.copier.journals.store().map(ToOwned::to_owned),
            key: transfer.to.to_string(),
            source,
            part_size,
            attributes: digest_of(attributes),
            upload: MultipartId::new(),
        }
    }

    /// The upload to continue, if there is one.
    pub(super) fn upload(&self) -> Option<&MultipartId> {
        (!self.arrived.is_empty()).then_some(&self.head.upload)
    }

    /// What the destination is told of an upload that begins.
    pub(super) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(PartSize::new(self.head.part_size));
        extensions
    }

    /// The parts that need not be read.
    pub(super) fn skips(&self) -> BTreeSet<usize> {
        let arrived = self.arrived.keys().filter(|_| !self.reads_all);
        arrived.copied().collect()
    }

    /// What an earlier run sent of the parts that are not read.
    pub(super) fn skipped(&self) -> Vec<(usize, Part, PartId)> {
        let arrived = self.arrived.values().filter(|_| !self.reads_all);
        arrived.filter_map(|part| self.sent(part)).collect()
    }

    /// What an earlier run sent of this part, if it had the same content.
    pub(super) fn sent_earlier(&self, index: usize, part: &Part) -> Option<PartId> {
        let (_, sent, id) = self.sent(self.arrived.get(&index)?)?;
        (sent == *part).then_some(id)
    }

    fn sent(&self, arrived: &ArrivedPart) -> Option<(usize, Part, PartId)> {
        let start = self.head.part_size.checked_mul(arrived.index as u64)?;
        let part = Part {
            range: start..start.checked_add(arrived.length)?,
            digest: arrived.digest()?,
        };
        let id = PartId {
            content_id: arrived.id.clone(),
        };
        Some((arrived.index, part, id))
    }

    /// Notes an upload that was begun.
    pub(super) fn begun(&mut self, upload: &MultipartId) -> io::Result<()> {
        self.forget();
        self.head.upload.clone_from(upload);
        let head = self.head.clone();
        self.with_journal(|journal| journal.begin(&head))
    }

    /// Notes a part that has arrived.
    pub(super) async fn arrived(&self, index: usize, part: &Part, id: &PartId) -> io::Result<()> {
        let (length, id) = (part.length(), id.content_id.clone());
        let arrived = ArrivedPart::new(index, length, part.digest, id);
        if self.staging.is_some() {
            // It is small, and does not wait for the disk.
            lock(&self.journal).add(&arrived)?;
        } else {
            let journal = Arc::clone(&self.journal);
            spawn_blocking(move || lock(&journal).add(&arrived)).await??;
        }
        // One that is sent again, as its source has changed, is counted already.
        if !self.arrived.contains_key(&index) {
            self.sent.fetch_add(length, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many bytes have arrived for a later run, if there will be any use of them.
    pub(super) fn kept_bytes(&self) -> Option<u64> {
        let earlier: u64 = self.arrived.values().map(|part| part.length).sum();
        let bytes = earlier + self.sent.load(Ordering::Relaxed);
        (self.is_lasting && bytes > 0).then_some(bytes)
    }

    /// Forgets the parts of an upload that no longer exists.
    pub(super) fn forget(&mut self) {
        self.arrived.clear();
        self.sent = AtomicU64::new(0);
    }

    /// The size of the object.
    pub(super) const fn size(&self) -> u64 {
        self.head.source.size
    }

    /// Removes the journal of an upload that has ended.
    pub(super) fn ended(&self) {
        // It is there if the response to its beginning was lost.
        if let Some(staging) = &self.staging {
            let _ = fs::remove_file(staging);
        }
        // What remains is found by the next run.
        let _ = self.with_journal(|journal| journal.remove());
    }

    fn with_journal<T>(&self, work: impl FnOnce(&mut JournalFile) -> T) -> T {
        work(&mut lock(&self.journal))
    }
}

fn lock(journal: &Mutex<JournalFile>) -> MutexGuard<'_, JournalFile> {
    // What a panic leaves is readable up to the last whole line.
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_folder(kind: StoreKind, journal: &FsPath) -> io::Result<()> {
    match (kind, journal.parent()) {
        (StoreKind::Local, Some(folder)) => fs::create_dir_all(folder),
        _ => make_folder_of(journal),
    }
}

/// The same for the same attributes, in whatever order they come.
fn digest_of(attributes: &Attributes) -> String {
    let mut texts: Vec<String> = attributes
        .iter()
        .map(|(attribute, value)| format!("{attribute:?}={value:?}"))
        .collect();
    texts.sort_unstable();
    format!("{:032x}", XxHash3_128::oneshot(texts.join("\n").as_bytes()))
}

/// More than is read in a second from a disk: whoever waits is told why.
const LONG_COMPARISON: u64 = 256 << 20;
