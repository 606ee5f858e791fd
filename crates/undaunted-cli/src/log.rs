//! The retry log on stderr, in the library's own words.

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
pub(crate) enum Detail {
    Nothing,
    Retries,
    Everything,
}

/// Sends log lines through `progress`. Fields beside the message come with `Everything`.
pub(crate) fn start(detail: Detail, progress: &Progress) {
    let level = match detail {
        Detail::Nothing => return,
        Detail::Retries => LevelFilter::WARN,
        Detail::Everything => LevelFilter::DEBUG,
    };
    // Only our own: what HTTP clients log at such levels may hold signed URLs.
    let targets = Targets::new().with_target("undaunted", level);
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(progress.clone());
    let registry = tracing_subscriber::registry().with(targets);
    // It can only fail if another subscriber is set, and there is none.
    let _ = if detail == Detail::Everything {
        registry.with(lines).try_init()
    } else {
        registry
            .with(lines.fmt_fields(debug_fn(message)))
            .try_init()
    };
}

fn message(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() == "message" {
        write!(writer, "{value:?}")?;
    }
    Ok(())
}
