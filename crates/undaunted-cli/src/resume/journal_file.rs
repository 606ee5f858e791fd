//! The file of a journal: locked while a process uses it, and removed when the upload has ended.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::journal::{ArrivedPart, Found, Journal, UploadHead, line};

/// A journal that this process uses, and no other.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    path: PathBuf,
    /// Whether this process made it.
    is_new: bool,
    /// When lines last went to the disk, if they have to.
    synced: Option<Instant>,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Another process uses it.
    InUse,
    /// The file is not a journal.
    Foreign,
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ELOOP) => Self::Foreign,
            _ => Self::Io(error),
        }
    }
}

impl JournalFile {
    /// Opens a journal and reads it; makes it if `may_be_new` and there is none.
    pub(crate) fn open(path: &Path, may_be_new: bool) -> Result<(Self, Found), Unusable> {
        for _ in 0..RACES {
            let (mut file, is_new) = match options().open(path) {
                Ok(file) => (file, false),
                Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_new => {
                    match options().create_new(true).mode(OWNER_ONLY).open(path) {
                        Ok(file) => (file, true),
                        // Another process was faster.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error.into()),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Unusable::InUse),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            // Between opening and locking it, its last owner may have removed it.
            if !is_at(&file, path) {
                continue;
            }
            let found = read(&mut file)?;
            if found == Found::Foreign {
                return Err(Unusable::Foreign);
            }
            let path = path.to_owned();
            let journal = Self {
                file,
                path,
                is_new,
                synced: None,
            };
            return Ok((journal, found));
        }
        Err(Unusable::InUse)
    }

    /// Reads a journal that another process may be using.
    pub(crate) fn peek(path: &Path) -> Option<Journal> {
        match read(&mut options().write(false).open(path).ok()?).ok()? {
            Found::Journal(journal) => Some(*journal),
            Found::Nothing | Found::Foreign => None,
        }
    }

    /// Whether this process made it.
    pub(crate) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Notes an upload in a journal of its own.
    pub(crate) fn note(path: &Path, head: &UploadHead) -> io::Result<()> {
        match Self::open(path, true) {
            Ok((mut journal, _)) => journal.begin(head),
            Err(Unusable::Io(error)) => Err(error),
            Err(Unusable::InUse | Unusable::Foreign) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// Lets all lines reach the disk, at most once a second.
    pub(crate) fn sync(&mut self) {
        self.synced = Some(Instant::now());
    }

    /// Begins anew with an upload.
    pub(crate) fn begin(&mut self, head: &UploadHead) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.write(&head.to_text()?)
    }

    /// Continues behind the lines that could be read.
    pub(crate) fn resume(&mut self, journal: &Journal) -> io::Result<()> {
        self.file.set_len(journal.length)?;
        self.file.seek(SeekFrom::Start(journal.length)).map(drop)
    }

    pub(crate) fn add(&mut self, part: &ArrivedPart) -> io::Result<()> {
        self.write(&line(part)?)
    }

    /// Removes the file, which nobody else uses.
    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        // In one write: whole lines, or the beginning of them.
        self.file.write_all(lines.as_bytes())?;
        if let Some(synced) = &mut self.synced
            && synced.elapsed() >= SYNC_AFTER
        {
            self.file.sync_data()?;
            *synced = Instant::now();
        }
        Ok(())
    }
}

/// A link is not followed: it may lead to any file.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(libc::O_NOFOLLOW);
    options
}

fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => identity(open) == identity(there),
        _ => false,
    }
}

fn read(file: &mut File) -> io::Result<Found> {
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content)?;
    Ok(Journal::parse(&content))
}

/// Names of files and objects are nobody else's business.
const OWNER_ONLY: u32 = 0o600;

/// Ten times the journal of an upload with 50,000 parts, the most that a store allows.
const LONGEST: u64 = 128 << 20;

/// What a power failure may take of a journal costs a second of copying.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// How often the file may vanish between opening and locking it, before another process must be
/// about to use it.
const RACES: u32 = 10;

#[cfg(test)]
mod tests {
    use object_store::ObjectMeta;
    use object_store::path::Path as Key;

    use super::super::journal::SourceVersion;
    use super::*;

    fn head() -> UploadHead {
        let meta = ObjectMeta {
            location: Key::from("a"),
            last_modified: std::time::UNIX_EPOCH.into(),
            size: 25,
            e_tag: Some("\"1\"".to_owned()),
            version: None,
        };
        UploadHead {
            destination: "b".to_owned(),
            store: None,
            key: "b".to_owned(),
            source: SourceVersion::new("a".to_owned(), &meta),
            part_size: 10,
            attributes: String::new(),
            upload: "id".to_owned(),
        }
    }

    fn part(index: usize) -> ArrivedPart {
        ArrivedPart::new(index, 10, 7, "e".to_owned())
    }

    fn parts(found: &Found) -> Vec<usize> {
        match found {
            Found::Journal(journal) => journal.parts.keys().copied().collect(),
            _ => panic!("{found:?}"),
        }
    }

    #[test]
    fn it_is_one_process_at_a_time_and_goes_on_behind_the_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(matches!(
            JournalFile::open(&path, false),
            Err(Unusable::Io(_))
        ));
        let (mut journal, found) = JournalFile::open(&path, true).unwrap();
        assert_eq!(found, Found::Nothing);
        assert!(journal.is_new());
        journal.begin(&head()).unwrap();
        journal.add(&part(0)).unwrap();
        assert!(matches!(
            JournalFile::open(&path, true),
            Err(Unusable::InUse)
        ));
        assert_eq!(JournalFile::peek(&path).unwrap().parts.len(), 1);
        journal.write("0123 torn").unwrap();
        drop(journal);

        let (mut journal, found) = JournalFile::open(&path, false).unwrap();
        assert_eq!(parts(&found), [0]);
        assert!(!journal.is_new());
        let Found::Journal(read) = found else {
            panic!("{found:?}");
        };
        journal.resume(&read).unwrap();
        journal.add(&part(1)).unwrap();
        drop(journal);
        let (mut journal, found) = JournalFile::open(&path, false).unwrap();
        assert_eq!(parts(&found), [0, 1]);
        journal.begin(&head()).unwrap();
        assert!(JournalFile::peek(&path).unwrap().parts.is_empty());
        journal.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_journal_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a#00");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            JournalFile::open(&path, true),
            Err(Unusable::Foreign)
        ));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a#00"), folder.path().join("b"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        for _ in 0..2 {
            assert!(matches!(
                JournalFile::open(&path, true),
                Err(Unusable::Foreign)
            ));
            assert_eq!(JournalFile::peek(&path), None);
            // Then it leads to a file.
            assert!(!target.exists() || fs::read(&target).unwrap().is_empty());
            fs::write(&target, "").unwrap();
        }
    }

    #[test]
    fn it_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (journal, _) = JournalFile::open(&path, true).unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(journal);
    }
}
