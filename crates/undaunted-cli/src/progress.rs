//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::text;

/// Everything written to stderr while the bar may be visible goes through here.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether a line is written for each object.
    lines: bool,
    quiet: bool,
}

impl Progress {
    /// `lines` requests a line for each object even where there is a bar.
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

    /// A bar that shows a share of all that is to be done.
    pub(crate) fn share(quiet: bool) -> Self {
        let progress = Self::new(quiet, false);
        progress.bar.set_length(WHOLE);
        progress.bar.set_style(
            ProgressStyle::with_template("{bar:30} {percent} %  {elapsed}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        progress
    }

    /// Moves the bar to a share from 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a bar has few steps, and a float saturates where it becomes a number"
    )]
    pub(crate) fn show_share(&self, share: f64) {
        self.bar.set_position((share * WHOLE as f64) as u64);
    }

    pub(crate) fn is_visible(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Replaces the text beside the bar.
    pub(crate) fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Adds bytes that are still to be copied.
    pub(crate) fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    /// Adds bytes that have been copied.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Takes back bytes that have to be copied again.
    pub(crate) fn take_back(&self, bytes: u64) {
        self.bar.dec(bytes);
    }

    /// Shows the number of retries so far beside the bar, and the pace in requests a second.
    pub(crate) fn retries(&self, retries: u64, pace: Option<f64>) {
        if self.bar.is_hidden() {
            return;
        }
        let retries = text::count(retries, "retry");
        self.bar.set_message(match pace {
            Some(rate) => format!("{retries}, paced at {rate:.0}/s"),
            None => retries,
        });
    }

    /// Prints the outcome of one object.
    pub(crate) fn object(&self, text: &str) {
        if self.lines {
            self.print(text);
        }
    }

    /// Prints a line, unless quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.print(text);
        }
    }

    pub(crate) fn error(&self, text: &str) {
        self.print(&format!("error: {text}"));
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn print(&self, text: &str) {
        let line = text::escaped(text);
        // A closed stderr is not worth failing for.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
    }
}

/// For log lines, which must not tear the bar either.
impl<'a> MakeWriter<'a> for Progress {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter {
            progress: self.clone(),
            line: Vec::new(),
        }
    }
}

/// The text of one log event, printed as a whole once it is complete.
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

/// The steps of a bar that shows a share.
const WHOLE: u64 = 1_000;

/// Ten frames a second look smooth.
const TICK: Duration = Duration::from_millis(100);
