//! The retry log on stderr, in the words of the library.

use std::fmt;

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::progress::Progress;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogDetail {
    Nothing,
    Retries,
    Everything,
}

/// Prints log lines through `progress`; with `Everything`, with the fields beside the message.
pub(crate) fn start(detail: LogDetail, progress: &Progress) {
    let level = match detail {
        LogDetail::Nothing => return,
        LogDetail::Retries => LevelFilter::WARN,
        LogDetail::Everything => LevelFilter::DEBUG,
    };
    // Only the library's own: HTTP clients may log signed URLs at these levels.
    let targets = Targets::new()
        .with_target("undaunted", level)
        // The keys that a list leaves out are errors of the command, and not said twice.
        .with_target("undaunted::list", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(progress.clone());
    let registry = tracing_subscriber::registry().with(targets);
    // Fails only if another subscriber is set, and there is none.
    let _ = if detail == LogDetail::Everything {
        registry.with(lines).try_init()
    } else {
        registry
            .with(lines.fmt_fields(debug_fn(write_message)))
            .try_init()
    };
}

fn write_message(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() == "message" {
        write!(writer, "{value:?}")?;
    }
    Ok(())
}
