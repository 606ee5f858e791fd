//! The word to stop: from Ctrl-C, from SIGTERM, or from the first failure.

use std::fmt;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::progress::Progress;

/// Everyone who works keeps a clone, and asks it before new work.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<Option<Cause>>);

/// Who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An object failed, and `--fail-fast` was given.
    Failure,
    Signal(Signal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Says stop. The first cause counts.
    pub(crate) fn request(&self, cause: Cause) {
        self.0.send_if_modified(|stop| {
            let is_first = stop.is_none();
            stop.get_or_insert(cause);
            is_first
        });
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        *self.0.borrow()
    }

    pub(crate) fn signal(&self) -> Option<Signal> {
        match self.cause() {
            Some(Cause::Signal(signal)) => Some(signal),
            _ => None,
        }
    }

    /// Returns once someone said stop.
    pub(crate) async fn requested(&self) -> Cause {
        let mut said = self.0.subscribe();
        match said.wait_for(Option::is_some).await.map(|cause| *cause) {
            Ok(Some(cause)) => cause,
            // Cannot be: `self` holds a sender, and it waited for a cause.
            _ => std::future::pending().await,
        }
    }

    /// Lets signals say stop; the second one ends the process there and then.
    pub(crate) fn listen(&self, progress: &Progress) -> io::Result<()> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let stop = self.clone();
        let progress = progress.clone();
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    Some(()) = interrupts.recv() => Signal::Interrupt,
                    Some(()) = terminations.recv() => Signal::Terminate,
                    else => return,
                };
                if stop.signal().is_some() {
                    std::process::exit(i32::from(signal.exit_code()));
                }
                progress.note(&format!(
                    "stopping after {signal}; once more to stop at once"
                ));
                stop.request(Cause::Signal(signal));
            }
        });
        Ok(())
    }
}

impl Signal {
    /// 128 and the signal's number, as shells have it.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_counts_and_wakes_who_waits() {
        let stop = Stop::new();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        assert_eq!(stop.cause(), None);
        stop.request(Cause::Failure);
        stop.request(Cause::Signal(Signal::Interrupt));
        assert_eq!(waiting.await.unwrap(), Cause::Failure);
        assert_eq!(stop.requested().await, Cause::Failure);
        assert_eq!(stop.signal(), None);
    }
}
