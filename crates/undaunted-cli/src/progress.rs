//! What a person sees while it runs, on stderr: a bar on a terminal, plain lines elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::shown;

/// Everything that goes to stderr while the bar may be on it goes through here.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether one line is written per object.
    lines: bool,
    quiet: bool,
}

impl Progress {
    /// `lines` asks for a line per object also where there is a bar.
    pub(crate) fn new(quiet: bool, lines: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        let lines = !quiet && (lines || bar.is_hidden());
        Self { bar, lines, quiet }
    }

    /// No bar and no lines, for commands whose output is on stdout.
    pub(crate) fn hidden(quiet: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            lines: false,
            quiet,
        }
    }

    /// Counters on a terminal instead of a bar.
    pub(crate) fn counters(quiet: bool) -> Self {
        let progress = Self::new(quiet, false);
        progress.bar.set_style(
            ProgressStyle::with_template("{spinner} {elapsed}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        progress
    }

    pub(crate) fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// What the counters say now.
    pub(crate) fn counts(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// More is to be copied than was known.
    pub(crate) fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    /// So much has arrived.
    pub(crate) fn arrived(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    pub(crate) fn retries(&self, retries: u64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(shown::count(retries, "retry"));
        }
    }

    /// What became of one object.
    pub(crate) fn object(&self, text: &str) {
        if self.lines {
            self.print(text);
        }
    }

    /// Something that a person wants to know.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.print(text);
        }
    }

    pub(crate) fn error(&self, text: &str) {
        self.print(&format!("error: {text}"));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn print(&self, text: &str) {
        let line = shown::line(text);
        // If stderr is gone there is nobody to tell.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
    }
}

/// For log lines: they must not tear the bar either.
impl<'a> MakeWriter<'a> for Progress {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter {
            progress: self.clone(),
            line: Vec::new(),
        }
    }
}

/// One event's text, printed as a whole when it is complete.
#[derive(Debug)]
pub(crate) struct LineWriter {
    progress: Progress,
    line: Vec<u8>,
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        self.progress.print(text.trim());
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {elapsed}  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Ten frames a second look alive.
const TICK: Duration = Duration::from_millis(100);
