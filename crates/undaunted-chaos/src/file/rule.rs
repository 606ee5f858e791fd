//! From a `[[rule]]` to a [`Rule`].

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;
use undaunted::HttpFailure;

use super::error::{FileError, SourceText};
use super::fields::RuleFields;
use crate::failure::Failure;
use crate::fault::{Clock, CutAt, Fault};
use crate::fault_kind::FaultKind;
use crate::operation::Operation;
use crate::rule::Rule;

pub(super) fn read(
    source: SourceText<'_>,
    table: &DeTable<'_>,
    span: Range<usize>,
) -> Result<Rule, FileError> {
    let mut fields = RuleFields::new(source, table, span);
    let expected = format!(
        "it is one of {}",
        names(FaultKind::ALL, |kind| kind.as_str())
    );
    let kind = fields.need("fault", &expected)?;
    let kind = kind.text(&expected, FaultKind::find)?;
    let fault = fault(kind, &mut fields)?;
    let mut rule = match operation(&fault, &mut fields)? {
        Some(operation) => Rule::new(operation, fault),
        None => Rule::any(fault),
    };
    if let Some(field) = fields.get("method") {
        let expected = format!("it is one of {}", METHODS.join(", "));
        let method = field.text(expected, |text| {
            METHODS
                .into_iter()
                .find(|method| method.eq_ignore_ascii_case(text))
        })?;
        rule = rule.method(method);
    }
    if let Some(field) = fields.get("key") {
        let expected = "it is a pattern in quotes, in which * is any run of characters";
        rule = rule.key(field.text(expected, |text| Some(text.to_owned()))?);
    }
    if let Some(field) = fields.get("from_call") {
        rule = rule.from_call(field.number(1..=u64::from(u32::MAX))?);
    }
    rule = match fields.get("count") {
        Some(field) if field.is_text("always") => rule.always(),
        Some(field) => {
            let count = field.number(1..=u64::from(u32::MAX));
            rule.count(
                count.map_err(|_| field.wrong("it is a whole number from 1 on, or \"always\""))?,
            )
        }
        None if kind == FaultKind::RateLimit => rule.always(),
        None => rule,
    };
    if let Some(field) = fields.get("starts_after") {
        rule = rule.starts_after(field.duration()?);
    }
    if let Some(field) = fields.get("ends_after") {
        rule = rule.ends_after(field.duration()?);
    }
    fields.finish(kind.as_str())?;
    Ok(rule)
}

fn fault(kind: FaultKind, fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let at = |fields: &mut RuleFields<'_, '_>| {
        let field = fields.need("at", "how many bytes come before the fault")?;
        field.number(0..=u64::from(u32::MAX) * 1024)
    };
    let lasts = |fields: &mut RuleFields<'_, '_>| {
        let field = fields.need("lasts", "how long it takes, such as \"2s\"")?;
        field.duration()
    };
    Ok(match kind {
        FaultKind::BreakBody => Fault::BreakBody {
            at: at(fields)?,
            failure: break_off(fields)?,
        },
        FaultKind::BreakList => Fault::BreakList {
            after: match fields.get("after") {
                Some(field) => field.number(0..=usize::MAX)?,
                None => 0,
            },
            failure: break_off(fields)?,
        },
        FaultKind::CorruptBody => Fault::CorruptBody { at: at(fields)? },
        FaultKind::CutDocument => cut_document(fields)?,
        FaultKind::DecompressBody => decompress_body(fields)?,
        FaultKind::Delay => Fault::Delay(lasts(fields)?),
        FaultKind::FailAfter => Fault::FailAfter(failure(fields)?),
        FaultKind::FailBefore => Fault::FailBefore(failure(fields)?),
        FaultKind::HtmlPage => Fault::HtmlPage,
        FaultKind::IgnoreRange => Fault::IgnoreRange,
        FaultKind::InsertKeys => insert_keys(fields)?,
        FaultKind::NoEtag => Fault::NoEtag,
        FaultKind::RateLimit => rate_limit(fields)?,
        FaultKind::RepeatToken => Fault::RepeatToken,
        FaultKind::ReplaceObject => Fault::ReplaceObject {
            at: at(fields)?,
            failure: break_off(fields)?,
        },
        FaultKind::RetryAfterDate => retry_after_date(fields)?,
        FaultKind::ShortBody => Fault::ShortBody { at: at(fields)? },
        FaultKind::StallBody => Fault::StallBody {
            at: at(fields)?,
            lasts: lasts(fields)?,
        },
        FaultKind::TemporaryRedirect => temporary_redirect(fields)?,
        FaultKind::TruncatedWithoutToken => Fault::TruncatedWithoutToken,
        FaultKind::WrongRegion => wrong_region(fields)?,
    })
}

fn cut_document(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let what = "where the document ends, in bytes; or give `percent` of its length";
    let at = match fields.get("percent") {
        Some(field) => CutAt::Percent(field.number(0..=100)?),
        None => CutAt::Byte(fields.need("at", what)?.number(0..=u64::from(u32::MAX))?),
    };
    Ok(Fault::CutDocument { at })
}

fn decompress_body(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let length = fields.need("length", "how many bytes arrive")?;
    let keep_headers = match fields.get("headers") {
        Some(field) => field.text("it is \"kept\" or \"removed\"", |text| match text {
            "kept" => Some(true),
            "removed" => Some(false),
            _ => None,
        })?,
        None => false,
    };
    Ok(Fault::DecompressBody {
        length: length.number(0..=u64::from(u32::MAX) * 1024)?,
        keep_headers,
    })
}

fn insert_keys(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let expected = "it is a list of keys to insert, such as [\"a//b\", \"a/\"]";
    let names = fields.need("names", expected)?.texts(expected)?;
    let size = match fields.get("size") {
        Some(field) => field.number(0..=u64::from(u32::MAX) * 1024)?,
        None => 0,
    };
    Ok(Fault::InsertKeys { names, size })
}

fn retry_after_date(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let retry_after = fields.need("retry_after", "how long to wait, such as \"3s\"")?;
    let ahead = fields.get("clock_ahead");
    let clock = match (ahead, fields.get("clock_behind")) {
        (Some(field), Some(_)) => {
            return Err(field.wrong("give either `clock_ahead` or `clock_behind`"));
        }
        (None, Some(field)) => Clock::Behind(field.duration()?),
        (Some(field), None) => Clock::Ahead(field.duration()?),
        (None, None) => Clock::Ahead(Duration::ZERO),
    };
    Ok(Fault::RetryAfterDate {
        retry_after: retry_after.duration()?,
        clock,
    })
}

fn temporary_redirect(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let location = fields.get("location").map(|field| {
        field.text("it is a URL of visible ASCII characters", |text| {
            let is_url = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            is_url.then(|| text.to_owned())
        })
    });
    Ok(Fault::TemporaryRedirect {
        location: location.transpose()?,
    })
}

fn wrong_region(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let expected = "it is the name of a region, such as \"eu-west-1\"";
    let region = fields.need("region", expected)?.text(expected, |text| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (!text.is_empty() && text.bytes().all(is_name)).then(|| text.to_owned())
    })?;
    let status = match fields.get("status") {
        Some(field) => match field.number(300..=499)? {
            status @ (301 | 400) => status,
            _ => return Err(field.wrong("S3 sends 301 or 400")),
        },
        None => 301,
    };
    Ok(Fault::WrongRegion { region, status })
}

fn rate_limit(fields: &mut RuleFields<'_, '_>) -> Result<Fault, FileError> {
    let per_second = fields
        .need("per_second", "how many calls a second come through")?
        .number(0..=u32::MAX)?;
    let burst = match fields.get("burst") {
        Some(field) => field.number(1..=u32::MAX)?,
        None => per_second.max(1),
    };
    let retry_after = fields.get("retry_after");
    Ok(Fault::RateLimit {
        per_second,
        burst,
        retry_after: retry_after.map(|field| field.duration()).transpose()?,
    })
}

/// How something breaks that had begun: a response cannot have a second status.
fn break_off(fields: &mut RuleFields<'_, '_>) -> Result<Failure, FileError> {
    let expected = "it is \"closed\", \"reset\" or \"timeout\"";
    fields
        .need("failure", expected)?
        .text(expected, |name| match connection(name)? {
            Failure::Connect => None,
            failure => Some(failure),
        })
}

fn failure(fields: &mut RuleFields<'_, '_>) -> Result<Failure, FileError> {
    let by_name = fields.get("failure");
    let by_status = fields.get("status");
    match (by_name, by_status) {
        (Some(field), None) => field.text(
            "it is \"closed\", \"connect\", \"reset\" or \"timeout\"; a response is written \
             status = 503",
            connection,
        ),
        (None, Some(field)) => {
            let status = field.number(200..=599)?;
            let mut failure = HttpFailure::new(status);
            let code = fields.get("code");
            if status < 300 && code.is_none() {
                return Err(field
                    .wrong("a success is a failure only with the `code` of an error in its body"));
            }
            if let Some(field) = code {
                let code = field.text("it is a word such as \"SlowDown\"", |code| {
                    let is_word =
                        !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
                    is_word.then(|| code.to_owned())
                })?;
                failure = failure.with_code(code);
            }
            if let Some(field) = fields.get("retry_after") {
                failure = failure.with_retry_after(field.duration()?);
            }
            Ok(Failure::Status(failure))
        }
        (Some(field), Some(_)) => Err(field.wrong("give either `failure` or `status`")),
        (None, None) => Err(fields.problem(
            "a rule that fails needs `failure` (\"closed\", \"connect\", \"reset\" or \
             \"timeout\") or `status` (such as 503)"
                .to_owned(),
        )),
    }
}

fn connection(name: &str) -> Option<Failure> {
    match name {
        "closed" => Some(Failure::Closed),
        "connect" => Some(Failure::Connect),
        "reset" => Some(Failure::Reset),
        "timeout" => Some(Failure::Timeout),
        _ => None,
    }
}

fn operation(
    fault: &Fault,
    fields: &mut RuleFields<'_, '_>,
) -> Result<Option<Operation>, FileError> {
    let Some(field) = fields.get("operation") else {
        return Ok(None);
    };
    let can_hit: Vec<Operation> = Operation::ALL
        .iter()
        .copied()
        .filter(|operation| fault.applies_to(*operation))
        .collect();
    let expected = format!(
        "{} hits {}",
        fault.kind(),
        names(&can_hit, |operation| operation.as_str())
    );
    let operation = field.text(expected, |name| {
        Operation::find(name).filter(|operation| can_hit.contains(operation))
    })?;
    Ok(Some(operation))
}

fn names<T>(all: &[T], name: impl Fn(&T) -> &'static str) -> String {
    all.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Those that requests of S3 have.
const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];
