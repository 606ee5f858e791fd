//! What rules decide, and what they may not.

use std::io;

use super::*;
use crate::{Retryable, StorageError, StorageErrorKind, TimedOut};

fn failure(status: u16, code: &str) -> HttpFailure {
    let failure = HttpFailure::new(status);
    if code.is_empty() {
        failure
    } else {
        failure.with_code(code)
    }
}

/// The verdict and the rule, or nothing.
fn judged(rules: &Rules, error: &(dyn Error + 'static)) -> String {
    let Some(Judgement { verdict, rule }) = rules.judge(error) else {
        return "nothing".to_owned();
    };
    format!("{verdict}: {}", rule.as_deref().unwrap_or_default())
}

#[test]
fn the_most_specific_rule_decides_and_then_the_strictest() {
    let rules = Rules::builder()
        .retryable_status(400..=599)
        .permanent_status([507])
        .throttled_status([430])
        .retryable_text(["warming up"])
        .retryable_codes(["Hiccup", "Both"])
        .permanent_codes(["Both", "QuotaExceeded"])
        .classify("teapots", |error| {
            let failure = error.downcast_ref::<HttpFailure>()?;
            (failure.status() == 418).then_some(Verdict::Permanent)
        })
        .build()
        .unwrap();
    for (status, code, expected) in [
        (423, "", "transient: retryable_status 400-599"),
        (430, "", "throttled: throttled_status 430"),
        (507, "", "permanent: permanent_status 507"),
        (507, "hiccup", "transient: retryable_codes Hiccup"),
        (503, "Both", "permanent: permanent_codes Both"),
        (
            503,
            "QuotaExceeded",
            "permanent: permanent_codes QuotaExceeded",
        ),
        (418, "Hiccup", "permanent: classify teapots"),
        (301, "", "nothing"),
        (200, "", "nothing"),
    ] {
        let failure = failure(status, code);
        assert_eq!(judged(&rules, &failure), expected, "{failure}");
    }
    let text = io::Error::other("The upstream is WARMING UP");
    assert_eq!(
        judged(&rules, &text),
        "transient: retryable_text \"warming up\""
    );
}

#[test]
fn the_hint_of_the_response_is_kept() {
    let hint = std::time::Duration::from_secs(7);
    let rules = Rules::builder().throttled_status([423]).build().unwrap();
    let judged = rules
        .judge(&HttpFailure::new(423).with_retry_after(hint))
        .unwrap();
    assert_eq!(
        judged.verdict,
        Verdict::Throttled {
            retry_after: Some(hint)
        }
    );
}

#[test]
fn a_response_is_found_among_the_causes() {
    let rules = Rules::builder()
        .retryable_codes(["LockHeld"])
        .build()
        .unwrap();
    let locked = || failure(423, "LockHeld");
    let error = StorageError::new(StorageErrorKind::PermissionDenied).with_source(locked());
    assert_eq!(
        judged(&rules, &error),
        "transient: retryable_codes LockHeld"
    );
    let error = io::Error::other(io::Error::other(locked()));
    assert_eq!(
        judged(&rules, &error),
        "transient: retryable_codes LockHeld"
    );
    let unknown = io::Error::other("423 LockHeld");
    assert_eq!(judged(&rules, &unknown), "nothing");
    let known = rules.judge_with(&unknown, Some(&locked())).unwrap();
    assert_eq!(known.verdict, Verdict::TRANSIENT);
}

#[cfg(feature = "object_store014")]
#[test]
fn a_variant_of_object_store_has_its_status() {
    use object_store014::Error as StoreError;

    let rules = Rules::builder()
        .retryable_status(400..=499)
        .build()
        .unwrap();
    let denied = StoreError::PermissionDenied {
        path: "a".into(),
        source: "denied".into(),
    };
    assert_eq!(
        judged(&rules, &denied),
        "transient: retryable_status 400-499"
    );
    let missing = StoreError::NotFound {
        path: "a".into(),
        source: "missing".into(),
    };
    assert_eq!(judged(&rules, &missing), "nothing");
}

#[test]
fn facts_are_never_retried() {
    let rules = Rules::builder()
        .retryable_status(300..=599)
        .retryable_text(["HTTP status"])
        .retryable_codes(["LockHeld"])
        .classify("everything", |_| Some(Verdict::TRANSIENT))
        .build()
        .unwrap();
    for status in [304, 404, 409, 412] {
        assert_eq!(judged(&rules, &failure(status, "")), "nothing", "{status}");
        assert_eq!(
            judged(&rules, &failure(status, "NoSuchKey")),
            "nothing",
            "{status}"
        );
    }
    let lock = "transient: retryable_codes LockHeld";
    assert_eq!(judged(&rules, &failure(404, "LockHeld")), lock);
    assert_eq!(judged(&rules, &failure(409, "LockHeld")), lock);
    assert_eq!(judged(&rules, &failure(412, "LockHeld")), "nothing");
    let limit = std::time::Duration::from_secs(1);
    assert_eq!(judged(&rules, &TimedOut::CannotCut { limit }), "nothing");
    assert_eq!(
        judged(&rules, &io::Error::timed_out(TimedOut::CannotCut { limit })),
        "nothing"
    );
    // To stop is always allowed.
    let stops = Rules::builder()
        .permanent_status([404, 409, 412])
        .build()
        .unwrap();
    assert_eq!(
        judged(&stops, &failure(409, "LockHeld")),
        "permanent: permanent_status 409"
    );
}

#[test]
fn a_rule_that_could_not_hold_is_refused() {
    let refused = |builder: RulesBuilder| builder.build().unwrap_err().to_string();
    for status in [0, 100, 200, 299, 600, 999] {
        let message = refused(Rules::builder().permanent_status([status]));
        assert!(message.contains("from 300 to 599"), "{message}");
    }
    for status in [304, 404, 409, 412] {
        for (message, codes) in [
            (
                refused(Rules::builder().retryable_status([status])),
                "in retryable_codes",
            ),
            (
                refused(Rules::builder().throttled_status([status])),
                "in throttled_codes",
            ),
        ] {
            assert!(message.contains("this states a fact"), "{message}");
            assert!(message.ends_with(codes), "{message}");
        }
    }
    let message = refused(Rules::builder().retryable_codes(["preconditionfailed"]));
    assert!(message.contains("this states a fact"), "{message}");
    for empty in [
        refused(Rules::builder().retryable_codes([" "])),
        refused(Rules::builder().retryable_codes(["___"])),
        refused(Rules::builder().permanent_codes([""])),
        refused(Rules::builder().retryable_text([""])),
    ] {
        assert!(empty.contains("but must be a"), "{empty}");
    }
    // Neighbours that are named are not a range, which may hold facts.
    for message in [
        refused(Rules::builder().retryable_status([403, 404, 405])),
        refused(Rules::builder().throttled_status(vec![404, 405])),
        refused(Rules::builder().retryable_status(404..=404)),
        refused(Rules::builder().retryable_status(404..405)),
    ] {
        assert!(message.contains("_status is \"404\""), "{message}");
        assert!(message.contains("this states a fact"), "{message}");
    }
    let empty = refused(Rules::builder().retryable_status(423..423));
    assert!(empty.contains("from 300 to 599"), "{empty}");
    // The first is said.
    let message = refused(
        Rules::builder()
            .retryable_status([200])
            .retryable_codes([""]),
    );
    assert!(
        message.starts_with("retryable_status is \"200\""),
        "{message}"
    );
}

#[test]
fn fields_are_read_by_their_names() {
    let rules = Rules::builder()
        .field("retryable_status", "423 , 520 - 527,")
        .and_then(|rules| rules.field("permanent_codes", "a,b"))
        .and_then(RulesBuilder::build)
        .unwrap();
    let typed = Rules::builder()
        .permanent_codes(["a", "b"])
        .retryable_status([423])
        .retryable_status(520..=527)
        .build()
        .unwrap();
    assert_eq!(rules, typed);
    let text = Rules::builder()
        .field("retryable_text", "warming up, try later")
        .and_then(RulesBuilder::build)
        .unwrap();
    assert_eq!(text.to_string(), "retryable_text \"warming up, try later\"");
    for (field, nothing) in [
        ("retryable_status", ""),
        ("permanent_codes", " , "),
        ("throttled_text", " "),
    ] {
        let rules = Rules::builder().field(field, nothing).unwrap();
        let message = rules.build().unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("{field} is {nothing:?}")),
            "{message}"
        );
    }
    let error = Rules::builder()
        .field("retryable_statuses", "1")
        .unwrap_err();
    assert!(
        error.to_string().contains("one of retryable_status, "),
        "{error}"
    );
}

#[test]
fn rules_are_equal_if_they_are_written_alike() {
    let one = || Rules::builder().retryable_status(423);
    let build = |builder: RulesBuilder| builder.build().unwrap();
    assert_eq!(build(one()), build(one()));
    assert_ne!(build(one()), build(Rules::builder().retryable_status(424)));
    assert_ne!(build(one()), build(one().retryable_codes(["Busy"])));
    assert_ne!(build(one()), Rules::NONE);
    // A function is the same as itself, and as no other of its name.
    let function = || build(Rules::builder().classify("f", |_| None));
    let first = function();
    assert_eq!(first, first.clone());
    assert_ne!(first, function());
    assert_ne!(first, build(one()));
    assert_ne!(build(one()), first);
}

#[test]
fn rules_are_added_to_others() {
    assert!(Rules::NONE.is_empty());
    let of_file = Rules::builder().retryable_status(423).build().unwrap();
    assert!(!of_file.is_empty());
    let both = Rules::builder().permanent_codes(["Full"]).and(&of_file);
    let mut both: Vec<String> = both
        .build()
        .unwrap()
        .to_string()
        .split("; ")
        .map(str::to_owned)
        .collect();
    both.sort();
    assert_eq!(both, ["permanent_codes Full", "retryable_status 423"]);
}

#[test]
#[allow(
    clippy::needless_borrows_for_generic_args,
    reason = "a form to be tested"
)]
fn statuses_are_written_in_any_form() {
    let array = [423_u16, 425];
    let list = array.to_vec();
    let built = |builder: RulesBuilder| builder.build().unwrap();
    let expected = built(Rules::builder().retryable_status([423, 425]));
    for rules in [
        built(Rules::builder().retryable_status(&list)),
        built(Rules::builder().retryable_status(list.clone())),
        built(Rules::builder().retryable_status(list.as_slice())),
        built(Rules::builder().retryable_status(&array)),
        built(Rules::builder().retryable_status(array)),
    ] {
        assert_eq!(rules, expected);
        assert_eq!(judged(&rules, &failure(422, "")), "nothing");
        assert!(judged(&rules, &failure(425, "")).starts_with("transient"));
    }
    let one = built(Rules::builder().retryable_status(423));
    assert!(judged(&one, &failure(423, "")).starts_with("transient"));
    assert_eq!(judged(&one, &failure(424, "")), "nothing");
}
