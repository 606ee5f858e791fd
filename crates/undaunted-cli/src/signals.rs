//! Requests to stop: by Ctrl-C, by SIGTERM, or by the first failure under `--fail-fast`.

use std::fmt;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::progress::Progress;

/// A switch whose clones are one and the same, asked before new work begins.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<Option<StopCause>>);

/// What requested the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// An object failed, and `--fail-fast` was given.
    Failure,
    Signal(Signal),
    /// The program that holds the other end of stdin has ended.
    Stdin,
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

    /// Requests a stop. The first cause counts.
    pub(crate) fn request(&self, cause: StopCause) {
        self.0.send_if_modified(|stop| {
            let is_first = stop.is_none();
            stop.get_or_insert(cause);
            is_first
        });
    }

    pub(crate) fn cause(&self) -> Option<StopCause> {
        *self.0.borrow()
    }

    pub(crate) fn signal(&self) -> Option<Signal> {
        match self.cause() {
            Some(StopCause::Signal(signal)) => Some(signal),
            _ => None,
        }
    }

    /// Returns once a stop is requested.
    pub(crate) async fn requested(&self) -> StopCause {
        let mut requests = self.0.subscribe();
        match requests.wait_for(Option::is_some).await.map(|cause| *cause) {
            Ok(Some(cause)) => cause,
            // Unreachable: `self` holds a sender, and a cause was waited for.
            _ => std::future::pending().await,
        }
    }

    /// Lets the end of stdin request a stop. What is in it is thrown away.
    pub(crate) fn at_end_of_stdin(&self) -> io::Result<()> {
        let stop = self.clone();
        // A thread of its own: the runtime would wait for one of its own that reads.
        let reader = std::thread::Builder::new().name("stdin".to_owned());
        reader.spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            stop.request(StopCause::Stdin);
        })?;
        Ok(())
    }

    /// Lets signals request a stop. A second signal ends the process immediately.
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
                    "stopping after {signal}; repeat it to stop immediately"
                ));
                stop.request(StopCause::Signal(signal));
            }
        });
        Ok(())
    }
}

impl Signal {
    /// 128 plus the signal's number, as in shells.
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
    async fn the_first_cause_counts_and_ends_the_wait() {
        let stop = Stop::new();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        assert_eq!(stop.cause(), None);
        stop.request(StopCause::Failure);
        stop.request(StopCause::Signal(Signal::Interrupt));
        assert_eq!(waiting.await.unwrap(), StopCause::Failure);
        assert_eq!(stop.requested().await, StopCause::Failure);
        assert_eq!(stop.signal(), None);
    }
}
