//! What a fault can hit, and what it makes of a call.

use undaunted::HttpFailure;

use crate::failure::Failure;
use crate::fault::{CutAt, Fault};
use crate::operation::Operation;

impl Fault {
    /// Whether this fault can hit this operation: faults of bodies hit reads, faults of lists
    /// hit lists, those of documents and ETags whatever has one, and all others anything.
    #[must_use]
    pub const fn applies_to(&self, operation: Operation) -> bool {
        match self {
            Self::BreakBody { .. }
            | Self::CorruptBody { .. }
            | Self::DecompressBody { .. }
            | Self::ReplaceObject { .. }
            | Self::ShortBody { .. }
            | Self::StallBody { .. } => operation.has_body(),
            Self::BreakList { .. }
            | Self::InsertKeys { .. }
            | Self::RepeatToken
            | Self::TruncatedWithoutToken => matches!(operation, Operation::List),
            Self::CutDocument { .. } => operation.has_document(),
            Self::IgnoreRange => matches!(operation, Operation::Get),
            Self::NoEtag => operation.has_etag(),
            Self::Delay(_)
            | Self::FailAfter(_)
            | Self::FailBefore(_)
            | Self::HtmlPage
            | Self::RateLimit { .. }
            | Self::RetryAfterDate { .. }
            | Self::TemporaryRedirect { .. }
            | Self::WrongRegion { .. } => true,
        }
    }

    /// Whether a store cannot carry the fault out on this operation.
    pub(crate) const fn needs_server_for(&self, operation: Operation) -> bool {
        match self {
            Self::NoEtag => matches!(operation, Operation::Copy | Operation::PutPart),
            _ => self.kind().needs_server(),
        }
    }

    /// What the caller gets in the place of the call, if the call is never made.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        let failure = match self {
            Self::FailBefore(failure) => return Some(failure.clone()),
            Self::RateLimit { retry_after, .. } => {
                let failure = HttpFailure::new(503).with_code("SlowDown");
                match retry_after {
                    Some(hint) => failure.with_retry_after(*hint),
                    None => failure,
                }
            }
            Self::RetryAfterDate { retry_after, .. } => HttpFailure::new(503)
                .with_code("SlowDown")
                .with_retry_after(*retry_after),
            Self::TemporaryRedirect { .. } => HttpFailure::new(307).with_code("TemporaryRedirect"),
            Self::WrongRegion { status, .. } => {
                let code = match status {
                    400 => "AuthorizationHeaderMalformed",
                    _ => "PermanentRedirect",
                };
                HttpFailure::new(*status).with_code(code)
            }
            _ => return None,
        };
        Some(Failure::Status(failure))
    }

    /// Whether the server must not hear of the call.
    #[cfg(feature = "server")]
    pub(crate) fn prevents_the_call(&self) -> bool {
        matches!(self, Self::HtmlPage) || self.refusal().is_some()
    }

    /// The failure that the caller is told of, for the faults that bring one.
    #[cfg(feature = "server")]
    pub(crate) const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::BreakBody { failure, .. }
            | Self::BreakList { failure, .. }
            | Self::FailAfter(failure)
            | Self::FailBefore(failure)
            | Self::ReplaceObject { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// The position in a body or a document of this length, for the faults that have one.
    pub(crate) fn at_mut(&mut self, length: u64) -> Option<&mut u64> {
        if let Self::CutDocument { at } = self {
            at.count_bytes(length);
        }
        match self {
            Self::BreakBody { at, .. }
            | Self::CorruptBody { at }
            | Self::CutDocument {
                at: CutAt::Byte(at),
            }
            | Self::ReplaceObject { at, .. }
            | Self::ShortBody { at }
            | Self::StallBody { at, .. } => Some(at),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::Clock;
    use crate::fault_kind::FaultKind;

    fn one_of_each() -> Vec<Fault> {
        let failure = Failure::Reset;
        let lasts = Duration::from_millis(20);
        vec![
            Fault::BreakBody {
                at: 1,
                failure: failure.clone(),
            },
            Fault::BreakList {
                after: 2,
                failure: failure.clone(),
            },
            Fault::CorruptBody { at: 3 },
            Fault::CutDocument {
                at: CutAt::Percent(50),
            },
            Fault::DecompressBody {
                length: 7,
                keep_headers: true,
            },
            Fault::Delay(lasts),
            Fault::FailAfter(failure),
            Fault::FailBefore(Failure::slow_down()),
            Fault::HtmlPage,
            Fault::IgnoreRange,
            Fault::InsertKeys {
                names: vec!["a//b".to_owned()],
                size: 0,
            },
            Fault::NoEtag,
            Fault::RateLimit {
                per_second: 10,
                burst: 5,
                retry_after: None,
            },
            Fault::RepeatToken,
            Fault::ReplaceObject {
                at: 6,
                failure: Failure::Closed,
            },
            Fault::RetryAfterDate {
                retry_after: lasts,
                clock: Clock::Behind(Duration::from_secs(60)),
            },
            Fault::ShortBody { at: 4 },
            Fault::StallBody { at: 5, lasts },
            Fault::TemporaryRedirect { location: None },
            Fault::TruncatedWithoutToken,
            Fault::WrongRegion {
                region: "eu-west-1".to_owned(),
                status: 301,
            },
        ]
    }

    #[test]
    fn a_fault_says_what_it_is() {
        let texts: Vec<_> = one_of_each().iter().map(Fault::to_string).collect();
        assert_eq!(
            texts,
            [
                "break_body at 1 (connection reset)",
                "break_list after 2 (connection reset)",
                "corrupt_body at 3",
                "cut_document at 50 %",
                "decompress_body to 7",
                "delay of 20ms",
                "fail_after (connection reset)",
                "fail_before (HTTP status 503 SlowDown)",
                "html_page",
                "ignore_range",
                "insert_keys [\"a//b\"]",
                "no_etag",
                "rate_limit of 10/s",
                "repeat_token",
                "replace_object at 6 (connection closed)",
                "retry_after_date of 20ms by a clock 60s behind",
                "short_body at 4",
                "stall_body at 5 of 20ms",
                "temporary_redirect",
                "truncated_without_token",
                "wrong_region (eu-west-1)",
            ]
        );
    }

    #[test]
    fn every_kind_has_a_fault() {
        let kinds: Vec<_> = one_of_each().iter().map(Fault::kind).collect();
        assert_eq!(kinds, FaultKind::ALL);
    }

    #[test]
    fn only_faults_inside_a_body_or_a_document_have_a_position() {
        for mut fault in one_of_each() {
            let is_inside = matches!(
                fault.kind(),
                FaultKind::BreakBody
                    | FaultKind::CorruptBody
                    | FaultKind::CutDocument
                    | FaultKind::ReplaceObject
                    | FaultKind::ShortBody
                    | FaultKind::StallBody
            );
            assert_eq!(fault.at_mut(9).is_some(), is_inside, "{fault}");
        }
    }

    #[test]
    fn a_share_of_a_document_becomes_a_byte() {
        let cut = |percent| {
            let at = CutAt::Percent(percent);
            Fault::CutDocument { at }.at_mut(250).copied()
        };
        assert_eq!([0, 33, 100].map(cut), [0, 82, 250].map(Some));
    }

    #[test]
    fn faults_of_lists_hit_lists_only() {
        let fault = Fault::BreakList {
            after: 0,
            failure: Failure::Closed,
        };
        let hit: Vec<_> = Operation::ALL
            .iter()
            .filter(|op| fault.applies_to(**op))
            .collect();
        assert_eq!(hit, [&Operation::List]);
    }
}
