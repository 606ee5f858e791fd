//! Settings made of the arguments, after checks of how they fit together.

use std::path::PathBuf;

use object_store::{Attribute, Attributes};
use undaunted::{Hedge, RetryConfig, Rules};

use crate::args::{CommonArgs, LsArgs, RetryArgs};
use crate::chaos::Chaos;
use crate::copy::{ChaosAt, CpArgs};
use crate::error::{CliError, UsageError};
use crate::location::Location;
use crate::log::LogDetail;
use crate::replace;
use crate::slots::Concurrency;
use crate::store_kind::StoreKind;
use crate::value::KeyValue;

/// Settings of `cp`.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(crate) struct CopySettings {
    pub(crate) source: Location,
    pub(crate) destination: Location,
    pub(crate) recursive: bool,
    pub(crate) no_clobber: bool,
    pub(crate) update: bool,
    pub(crate) dry_run: bool,
    /// Whether interrupted copies of large objects are continued, and kept for that.
    pub(crate) resume: bool,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) verify: bool,
    pub(crate) fail_fast: bool,
    /// Where the metrics are written at the end.
    pub(crate) metrics: Option<PathBuf>,
    pub(crate) concurrency: Concurrency,
    /// Which reads are sent a second time, if any are.
    pub(crate) hedge: Option<Hedge>,
    pub(crate) part_size: u64,
    /// Attributes that override the source's.
    pub(crate) attributes: Attributes,
    pub(crate) source_options: StoreOptions,
    pub(crate) destination_options: StoreOptions,
    pub(crate) chaos_at: ChaosAt,
    pub(crate) common: CommonSettings,
}

/// Settings of `ls`.
#[derive(Debug)]
pub(crate) struct ListSettings {
    pub(crate) location: Location,
    pub(crate) recursive: bool,
    pub(crate) options: StoreOptions,
    pub(crate) common: CommonSettings,
}

/// Settings of every command that copies or lists.
#[derive(Debug)]
pub(crate) struct CommonSettings {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) log: LogDetail,
    pub(crate) retry: RetryConfig,
    pub(crate) rules: Rules,
    pub(crate) chaos: Option<Chaos>,
}

/// Options of a store, under object_store's names for them.
pub(crate) type StoreOptions = Vec<(String, String)>;

impl CopySettings {
    pub(crate) fn from_args(args: Box<CpArgs>) -> Result<Self, CliError> {
        let source = Location::parse(&args.source)?;
        let destination = Location::parse(&args.destination)?;
        check_streams(&args, &source, &destination)?;
        if let Some(kind) = destination.kind() {
            check_destination(&args, kind)?;
        }
        if let Some(metrics) = &args.metrics {
            let files = [&source, &destination];
            let files = files
                .into_iter()
                .filter_map(|location| location.local_path());
            replace::check("--metrics", metrics, files)?;
        }
        check_options(&args.source_option, "--source-option", [&source])?;
        check_options(&args.dest_option, "--dest-option", [&destination])?;
        check_options(&args.common.option, "--option", [&source, &destination])?;
        let shared = &args.common.option;
        Ok(Self {
            recursive: args.recursive,
            no_clobber: args.no_clobber,
            update: args.update,
            dry_run: args.dry_run,
            resume: !args.no_resume,
            state_dir: args.state_dir,
            verify: args.verify,
            fail_fast: args.fail_fast,
            metrics: args.metrics,
            concurrency: args.concurrency,
            hedge: args.hedge.then(Hedge::default),
            part_size: args.part_size,
            attributes: attributes(args.content_type, args.metadata),
            source_options: options(&source, shared, args.source_option),
            destination_options: options(&destination, shared, args.dest_option),
            chaos_at: args.chaos_at,
            common: CommonSettings::from_args(args.common)?,
            source,
            destination,
        })
    }
}

impl CopySettings {
    /// How many parts may be in memory at the same time.
    pub(crate) const fn parts_at_a_time(&self) -> usize {
        match self.concurrency {
            Concurrency::Auto => PARTS,
            Concurrency::Fixed(number) => number,
        }
    }

    /// How many objects may be under way at the same time. By default few of them have a request
    /// in flight: the others wait for their next attempt, and must not keep others from being
    /// sent.
    pub(crate) const fn objects_at_a_time(&self) -> usize {
        match self.concurrency {
            Concurrency::Auto => OBJECTS,
            Concurrency::Fixed(number) => number,
        }
    }

    /// How many bytes of content may be in memory at the same time.
    pub(crate) const fn memory(&self) -> u64 {
        self.part_size.saturating_mul(self.parts_at_a_time() as u64)
    }
}

impl ListSettings {
    pub(crate) fn from_args(args: Box<LsArgs>) -> Result<Self, CliError> {
        let location = Location::parse(&args.url)?;
        if location == Location::Stream {
            return Err(UsageError::ListStream.into());
        }
        check_options(&args.common.option, "--option", [&location])?;
        Ok(Self {
            options: options(&location, &args.common.option, Vec::new()),
            location,
            recursive: args.recursive,
            common: CommonSettings::from_args(args.common)?,
        })
    }
}

impl CommonSettings {
    fn from_args(args: CommonArgs) -> Result<Self, UsageError> {
        let log = match args.verbose {
            // Whoever injects faults wants to see the retries.
            0 if args.chaos.is_some() && !args.quiet => LogDetail::Retries,
            0 => LogDetail::Nothing,
            1 => LogDetail::Retries,
            _ => LogDetail::Everything,
        };
        Ok(Self {
            json: args.json,
            quiet: args.quiet,
            verbose: args.verbose > 0,
            log,
            retry: retry_config(&args.retry, &args.retry.preset.config())?,
            rules: args.rules.rules()?,
            chaos: args.chaos,
        })
    }
}

/// A policy, with the values of the given flags in place of its own.
pub(crate) fn retry_config(
    args: &RetryArgs,
    preset: &RetryConfig,
) -> Result<RetryConfig, UsageError> {
    let throttled = args.throttled_base_delay;
    let attempt = args
        .attempt_timeout
        .map_or(preset.attempt_timeout(), |limit| limit.0);
    let total = args
        .total_timeout
        .map_or(preset.total_timeout(), |limit| limit.0);
    let config = preset
        .to_builder()
        .max_retries(args.max_retries.unwrap_or(preset.max_retries()))
        .base_delay(args.base_delay.unwrap_or(preset.base_delay()))
        .throttled_base_delay(throttled.or(preset.throttled_base_delay()))
        .max_delay(args.max_delay.unwrap_or(preset.max_delay()))
        .exponential_base(args.exponential_base.unwrap_or(preset.exponential_base()))
        .jitter(args.jitter.unwrap_or(preset.jitter()))
        .max_retry_after(args.max_retry_after.unwrap_or(preset.max_retry_after()))
        .attempt_timeout(attempt)
        .total_timeout(total)
        .build()?;
    Ok(config)
}

fn check_streams(
    args: &CpArgs,
    source: &Location,
    destination: &Location,
) -> Result<(), UsageError> {
    let from_stream = *source == Location::Stream;
    let to_stream = *destination == Location::Stream;
    if from_stream && to_stream {
        return Err(UsageError::BothStreams);
    }
    if (from_stream || to_stream) && args.recursive {
        return Err(UsageError::RecursiveStream);
    }
    if from_stream && args.update {
        return Err(UsageError::UpdateFromStdin);
    }
    if !to_stream {
        return Ok(());
    }
    let flags = [
        (
            args.no_clobber,
            "--no-clobber",
            "stdout has no objects to skip",
        ),
        (
            args.update,
            "--update",
            "stdout has no objects to compare with",
        ),
        (args.verify, "--verify", "stdout cannot be read again"),
        (
            args.content_type.is_some(),
            "--content-type",
            "stdout has no attributes",
        ),
        (
            !args.metadata.is_empty(),
            "--metadata",
            "stdout has no attributes",
        ),
    ];
    match flags.into_iter().find(|(given, ..)| *given) {
        Some((_, flag, why)) => Err(UsageError::StdoutFlag { flag, why }),
        None => Ok(()),
    }
}

fn check_destination(args: &CpArgs, kind: StoreKind) -> Result<(), UsageError> {
    let store = kind.name();
    if args.content_type.is_some() && !kind.has_attributes() {
        let flag = "--content-type";
        return Err(UsageError::Attributes { flag, store });
    }
    if !args.metadata.is_empty() && !kind.has_metadata() {
        let flag = "--metadata";
        return Err(UsageError::Attributes { flag, store });
    }
    if args.part_size < kind.min_part_size() {
        let size = args.part_size;
        return Err(UsageError::PartSize { size, store });
    }
    Ok(())
}

/// Options that no store would use are refused rather than ignored.
fn check_options<const N: usize>(
    given: &[KeyValue],
    flag: &'static str,
    ends: [&Location; N],
) -> Result<(), UsageError> {
    let kinds = ends.map(Location::kind);
    if given.is_empty() || kinds.iter().flatten().any(|kind| kind.has_options()) {
        return Ok(());
    }
    let store = kinds
        .into_iter()
        .flatten()
        .next()
        .map_or("streams", StoreKind::name);
    Err(UsageError::NoOptions { flag, store })
}

fn options(end: &Location, shared: &[KeyValue], own: Vec<KeyValue>) -> StoreOptions {
    if !end.kind().is_some_and(StoreKind::has_options) {
        return Vec::new();
    }
    // Later ones override earlier ones.
    shared
        .iter()
        .cloned()
        .chain(own)
        .map(|option| (option.key, option.value))
        .collect()
}

fn attributes(content_type: Option<String>, metadata: Vec<KeyValue>) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(content_type) = content_type {
        attributes.insert(Attribute::ContentType, content_type.into());
    }
    for pair in metadata {
        attributes.insert(Attribute::Metadata(pair.key.into()), pair.value.into());
    }
    attributes
}

/// With parts of 8 MiB, 64 MiB: enough to keep a connection of 1 Gbit/s busy through a latency of
/// half a second.
const PARTS: usize = 8;

/// Enough that hundreds wait for their next attempt while others are sent. After an outage begins,
/// each of them asks at most every few seconds.
const OBJECTS: usize = 512;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use undaunted::Jitter;

    use super::*;
    use crate::args::{Cli, Command};

    fn settings(arguments: &str) -> Result<CopySettings, CliError> {
        let words = ["undaunted", "cp"].into_iter().chain(arguments.split(' '));
        match Cli::try_parse_from(words).unwrap().command {
            Command::Cp(args) => CopySettings::from_args(args),
            _ => panic!("this is cp"),
        }
    }

    fn refused(arguments: &str) -> String {
        settings(arguments).unwrap_err().to_string()
    }

    #[test]
    fn flags_change_the_preset_and_leave_the_rest() {
        let config = settings("a b").unwrap().common.retry;
        assert_eq!(config, RetryConfig::storage());
        let config =
            settings("a b --max-retries 3 --jitter none --total-timeout none --base-delay 1ms")
                .unwrap()
                .common
                .retry;
        assert_eq!(config.max_retries(), 3);
        assert_eq!(config.jitter(), Jitter::None);
        assert_eq!(config.total_timeout(), None);
        assert_eq!(config.base_delay(), Duration::from_millis(1));
        assert_eq!(config.max_delay(), RetryConfig::storage().max_delay());
        assert_eq!(
            config.throttled_base_delay(),
            RetryConfig::storage().throttled_base_delay()
        );
        let config = settings("a b --preset interactive").unwrap().common.retry;
        assert_eq!(config, RetryConfig::interactive());
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        for (arguments, word) in [
            ("- -", "both -"),
            ("-r - a", "--recursive"),
            ("-n a -", "--no-clobber"),
            ("-u a -", "--update"),
            ("--update - a", "--update"),
            ("--verify a -", "--verify"),
            ("--metadata a=b a b", "--metadata"),
            ("--metadata a=b a http://host/b", "--metadata"),
            ("--content-type text/plain a b", "--content-type"),
            ("--part-size 1MiB a s3://bucket/b", "5MiB"),
            ("-o aws_region=x a b", "--option"),
            ("--source-option a=b a s3://bucket/b", "--source-option"),
        ] {
            let message = refused(arguments);
            assert!(message.contains(word), "{arguments}: {message}");
        }
        assert!(settings("--metadata a=b --content-type text/plain a memory:///b").is_ok());
    }

    #[test]
    fn options_reach_the_store_that_has_them() {
        let copy = settings("-o a=1 --dest-option a=2 x s3://bucket/b").unwrap();
        assert!(copy.source_options.is_empty());
        let pair = |value: &str| ("a".to_owned(), value.to_owned());
        assert_eq!(copy.destination_options, [pair("1"), pair("2")]);
    }

    #[test]
    fn retries_are_logged_where_faults_are_injected() {
        let log = |arguments| settings(arguments).unwrap().common.log;
        assert_eq!(log("a b"), LogDetail::Nothing);
        assert_eq!(log("-v a b"), LogDetail::Retries);
        assert_eq!(log("-vv a b"), LogDetail::Everything);
        assert_eq!(log("--chaos flaky a b"), LogDetail::Retries);
        assert_eq!(log("--chaos flaky -q a b"), LogDetail::Nothing);
    }
}
