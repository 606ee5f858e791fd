//! Conditions of requests: what ETag or time an object must have.

use std::time::{Duration, SystemTime};

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// When a write may be made.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    pub(super) const fn are_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// `current` is the ETag of the object, if there is one.
    pub(super) fn check(&self, current: Option<String>) -> S3Result<()> {
        let current = current.map(ETag::Strong);
        if let Some(wanted) = &self.if_match {
            match (&current, wanted) {
                (None, _) => {
                    return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
                }
                (Some(current), ETagCondition::ETag(wanted)) if !current.strong_cmp(wanted) => {
                    return Err(s3_error!(PreconditionFailed, "ETag does not match"));
                }
                _ => {}
            }
        }
        match (&current, &self.if_none_match) {
            (Some(_), Some(ETagCondition::Any)) => {
                Err(s3_error!(PreconditionFailed, "Object already exists"))
            }
            (Some(current), Some(ETagCondition::ETag(not))) if current.weak_cmp(not) => {
                Err(s3_error!(PreconditionFailed, "ETag matches"))
            }
            _ => Ok(()),
        }
    }
}

/// When a read, or the source of a copy, is wanted.
#[expect(clippy::struct_field_names, reason = "they are called so")]
#[derive(Clone, Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Fails with 412, or with 304 for what the client has already.
    pub(super) fn check(&self, e_tag: &str, modified: SystemTime) -> S3Result<()> {
        let current = ETag::Strong(e_tag.to_owned());
        let modified = Timestamp::from(whole_second(modified));
        let is_refused = match (&self.if_match, &self.if_unmodified_since) {
            (Some(ETagCondition::ETag(wanted)), _) => !current.strong_cmp(wanted),
            (Some(ETagCondition::Any), _) | (None, None) => false,
            (None, Some(time)) => modified > *time,
        };
        if is_refused {
            return Err(s3_error!(
                PreconditionFailed,
                "At least one of the preconditions you specified did not hold."
            ));
        }
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(ETagCondition::ETag(not)), _) => current.weak_cmp(not),
            (Some(ETagCondition::Any), _) => true,
            (None, Some(time)) => modified <= *time,
            (None, None) => false,
        };
        if is_known {
            return Err(S3Error::new(S3ErrorCode::NotModified));
        }
        Ok(())
    }

    /// The same for a copy, which has no 304.
    pub(super) fn check_source(&self, e_tag: &str, modified: SystemTime) -> S3Result<()> {
        self.check(e_tag, modified).map_err(|_| {
            s3_error!(
                PreconditionFailed,
                "At least one of the preconditions you specified did not hold."
            )
        })
    }
}

/// Dates of HTTP have no fraction.
fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e_tag(value: &str) -> ETagCondition {
        ETagCondition::ETag(ETag::Strong(value.to_owned()))
    }

    #[test]
    fn a_write_needs_the_object_that_it_names_or_none() {
        let any = Some(ETagCondition::Any);
        for (if_match, if_none_match, current, holds) in [
            (None, None, None, true),
            (None, any.clone(), None, true),
            (None, any.clone(), Some("1"), false),
            (None, Some(e_tag("1")), Some("1"), false),
            (None, Some(e_tag("1")), Some("2"), true),
            (Some(e_tag("1")), None, Some("1"), true),
            (Some(e_tag("1")), None, Some("2"), false),
            (Some(e_tag("1")), None, None, false),
            (any.clone(), None, Some("1"), true),
            (any, None, None, false),
        ] {
            let conditions = WriteConditions {
                if_match,
                if_none_match,
            };
            let checked = conditions.check(current.map(ToOwned::to_owned));
            assert_eq!(checked.is_ok(), holds, "{conditions:?} {current:?}");
        }
    }

    #[test]
    fn a_condition_on_an_object_that_is_not_there_is_answered_as_by_s3() {
        let conditions = WriteConditions {
            if_match: Some(e_tag("1")),
            if_none_match: None,
        };
        let code = |current: Option<&str>| {
            let error = conditions
                .check(current.map(ToOwned::to_owned))
                .unwrap_err();
            error.code().as_str().to_owned()
        };
        assert_eq!(code(None), "NoSuchKey");
        assert_eq!(code(Some("2")), "PreconditionFailed");
    }

    #[test]
    fn etags_overrule_times() {
        let time =
            |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1_000 + 500);
        let stamp = |seconds| Some(Timestamp::from(whole_second(time(seconds))));
        let none = ReadConditions::default();
        for (conditions, status) in [
            (none.clone(), None),
            (
                ReadConditions {
                    if_match: Some(e_tag("2")),
                    ..none.clone()
                },
                Some(412),
            ),
            (
                ReadConditions {
                    if_match: Some(e_tag("1")),
                    if_unmodified_since: stamp(1),
                    ..none.clone()
                },
                None,
            ),
            (
                ReadConditions {
                    if_unmodified_since: stamp(1),
                    ..none.clone()
                },
                Some(412),
            ),
            (
                ReadConditions {
                    if_unmodified_since: stamp(2),
                    ..none.clone()
                },
                None,
            ),
            (
                ReadConditions {
                    if_none_match: Some(e_tag("1")),
                    ..none.clone()
                },
                Some(304),
            ),
            (
                ReadConditions {
                    if_none_match: Some(e_tag("2")),
                    if_modified_since: stamp(3),
                    ..none.clone()
                },
                None,
            ),
            (
                ReadConditions {
                    if_modified_since: stamp(2),
                    ..none.clone()
                },
                Some(304),
            ),
            (
                ReadConditions {
                    if_modified_since: stamp(1),
                    ..none
                },
                None,
            ),
        ] {
            let error = conditions.check("1", time(2)).err();
            let seen = error.and_then(|error| error.code().status_code());
            assert_eq!(seen.map(|status| status.as_u16()), status, "{conditions:?}");
        }
    }
}
