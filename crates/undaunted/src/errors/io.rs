//! The standard library's error, by its kind.

use std::io;

use super::causes::verdict_along_sources;
use crate::verdict::{Retryable, TimedOut, Verdict};

impl Retryable for io::Error {
    /// Connection faults, timeouts and interruptions are transient, and so is what is in use or
    /// has run out just now: ports, open files, a lock. An error of the kind `Other` has the
    /// verdict of the first error in it that has one.
    fn verdict(&self) -> Verdict {
        match self.kind() {
            // No port was left to connect from.
            io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Deadlock
            // A program that another thread has just written.
            | io::ErrorKind::ExecutableFileBusy
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::WouldBlock => Verdict::TRANSIENT,
            io::ErrorKind::Other => match self.get_ref() {
                Some(inner) => verdict_along_sources(inner),
                None => Verdict::Permanent,
            },
            _ => match self.raw_os_error() {
                Some(number) if TRANSIENT_NUMBERS.contains(&number) => Verdict::TRANSIENT,
                _ => Verdict::Permanent,
            },
        }
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let kind = match timed_out {
            TimedOut::CannotCut { .. } => io::ErrorKind::InvalidInput,
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                io::ErrorKind::TimedOut
            }
        };
        Self::new(kind, timed_out)
    }
}

/// What has no kind of its own: `EMFILE`, `ENFILE`, `ENETRESET`, `ENOBUFS`, `ESHUTDOWN` and
/// `EHOSTDOWN`.
#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
))]
const TRANSIENT_NUMBERS: &[i32] = &[24, 23, 102, 105, 108, 112];

#[cfg(target_vendor = "apple")]
const TRANSIENT_NUMBERS: &[i32] = &[24, 23, 52, 55, 58, 64];

/// On other systems the last four have other numbers.
#[cfg(not(any(
    target_vendor = "apple",
    windows,
    all(
        any(target_os = "linux", target_os = "android"),
        not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
    )
)))]
const TRANSIENT_NUMBERS: &[i32] = if cfg!(unix) { &[24, 23] } else { &[] };

/// The same, with the first of files and of sockets: `ERROR_TOO_MANY_OPEN_FILES`, `WSAEMFILE` ….
#[cfg(windows)]
const TRANSIENT_NUMBERS: &[i32] = &[4, 10024, 10052, 10055, 10058, 10064];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_stands_for_another_has_the_verdict_of_that() {
        let other = |status| io::Error::other(super::super::http::HttpFailure::new(status));
        assert_eq!(other(503).verdict(), Verdict::TRANSIENT);
        assert_eq!(other(404).verdict(), Verdict::Permanent);
        assert_eq!(io::Error::other("words").verdict(), Verdict::Permanent);
    }

    #[test]
    fn every_kind_has_its_verdict() {
        use io::ErrorKind as Kind;
        let transient = [
            Kind::AddrNotAvailable,
            Kind::BrokenPipe,
            Kind::ConnectionAborted,
            Kind::ConnectionRefused,
            Kind::ConnectionReset,
            Kind::Deadlock,
            Kind::ExecutableFileBusy,
            Kind::HostUnreachable,
            Kind::Interrupted,
            Kind::NetworkDown,
            Kind::NetworkUnreachable,
            Kind::NotConnected,
            Kind::ResourceBusy,
            Kind::StaleNetworkFileHandle,
            Kind::TimedOut,
            Kind::UnexpectedEof,
            Kind::WouldBlock,
        ];
        let permanent = [
            Kind::AddrInUse,
            Kind::AlreadyExists,
            Kind::ArgumentListTooLong,
            Kind::CrossesDevices,
            Kind::DirectoryNotEmpty,
            Kind::FileTooLarge,
            Kind::InvalidData,
            Kind::InvalidInput,
            Kind::IsADirectory,
            Kind::NotADirectory,
            Kind::NotFound,
            Kind::NotSeekable,
            Kind::Other,
            Kind::OutOfMemory,
            Kind::PermissionDenied,
            Kind::QuotaExceeded,
            Kind::ReadOnlyFilesystem,
            Kind::StorageFull,
            Kind::TooManyLinks,
            Kind::Unsupported,
            Kind::WriteZero,
        ];
        for kind in transient {
            assert_eq!(
                io::Error::from(kind).verdict(),
                Verdict::TRANSIENT,
                "{kind}"
            );
        }
        for kind in permanent {
            assert_eq!(
                io::Error::from(kind).verdict(),
                Verdict::Permanent,
                "{kind}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_has_run_out_and_hosts_that_are_down_are_transient() {
        for &number in TRANSIENT_NUMBERS {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(error.verdict(), Verdict::TRANSIENT, "{error}");
        }
        let io = io::Error::from_raw_os_error(5);
        assert_eq!(io.verdict(), Verdict::Permanent, "{io}");
    }
}
