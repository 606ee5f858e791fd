//! What a plan says.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use undaunted::{Jitter, RetryConfig};
use undaunted_sim::{Budget, Plan, Policy, Usage, Warning};

fn plan(config: RetryConfig) -> Plan {
    Plan::new(&Policy::new("policy", config), &Usage::default())
}

/// What the documentation of the presets says.
#[test]
fn presets_ride_out_what_their_documentation_says() {
    let near =
        |actual: f64, expected: f64| assert!((actual / expected - 1.0).abs() < 0.02, "{actual}");
    let default = plan(RetryConfig::default()).outage.seconds;
    assert_eq!((default.min, default.max), (5.25, 8.75));
    near(default.p50, 7.0);
    let interactive = plan(RetryConfig::interactive()).outage.seconds;
    assert_eq!((interactive.min, interactive.max), (0.375, 0.625));
    let background = plan(RetryConfig::background()).outage.seconds;
    near(background.p50, 435.0);
    assert_eq!((background.min, background.max), (326.25, 543.75));
    let storage = plan(RetryConfig::storage());
    near(storage.outage.seconds.p50, 33.0);
    near(storage.outage.seconds.max, 65.5);
    let throttling = storage.throttling.unwrap().seconds;
    near(throttling.p50, 65.0);
    near(throttling.max, 131.0);
}

#[test]
fn the_schedule_has_the_bounds_and_the_means() {
    let rows = plan(RetryConfig::default()).schedule;
    let bounds: Vec<_> = rows
        .iter()
        .map(|row| (row.nominal, row.min, row.max))
        .collect();
    assert_eq!(
        bounds,
        [(1.0, 0.75, 1.25), (2.0, 1.5, 2.5), (4.0, 3.0, 5.0)]
    );
    assert!(
        rows.iter()
            .all(|row| (row.mean / row.nominal - 1.0).abs() < 0.01)
    );
    assert_eq!((rows[2].earliest, rows[2].latest), (5.25, 8.75));
}

#[test]
fn waves_of_a_quarter_never_merge_and_those_of_full_jitter_do() {
    let crowd = |jitter, retries| {
        let builder = RetryConfig::builder().jitter(jitter).max_retries(retries);
        plan(builder.max_delay(Duration::MAX).build().unwrap()).crowd
    };
    let quarter = crowd(Jitter::Proportional(0.25), 6);
    let pauses: Vec<f64> = quarter.waves.iter().map(|wave| wave.pause).collect();
    assert_eq!(pauses, [1.0, 1.5, 2.5, 4.5, 8.5, 0.0]);
    assert_eq!(quarter.merges_from, None);
    assert!((quarter.peak - 30.7).abs() < 1.5, "{}", quarter.peak);
    assert_eq!(crowd(Jitter::Full, 6).merges_from, Some(1));
    assert_eq!(crowd(Jitter::Proportional(0.5), 6).merges_from, Some(1));
    assert_eq!(crowd(Jitter::Proportional(0.4), 8).merges_from, Some(2));
    assert_eq!(crowd(Jitter::None, 1).merges_from, None);
}

#[test]
fn a_crowd_is_described_as_it_comes_back() {
    let said = |config: RetryConfig, crowd| {
        let usage = Usage {
            crowd,
            ..Usage::default()
        };
        let plan = Plan::new(&Policy::new("policy", config), &usage);
        plan.sentences().join("\n")
    };
    let with_base = |base| {
        let builder = RetryConfig::builder().jitter(Jitter::Full);
        builder.base_delay(base).build().unwrap()
    };
    let immediately = said(with_base(Duration::ZERO), 1000);
    assert!(
        immediately.contains("come back together, immediately"),
        "{immediately}"
    );
    // There are no more of them than there are.
    let quickly = said(with_base(Duration::from_micros(10)), 1000);
    assert!(quickly.contains("of their retries in 10 ms"), "{quickly}");
    let usual = said(RetryConfig::default(), 1000);
    assert!(usual.contains("of them in 10 ms"), "{usual}");
    let alone = said(RetryConfig::default(), 1);
    assert!(!alone.contains("together"), "{alone}");
}

#[test]
fn what_will_hurt_is_said() {
    let hurt = |policy: Policy, usage: Usage| {
        let plan = Plan::new(&policy, &usage);
        plan.warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let has = |warnings: &[String], words: &str| {
        assert!(
            warnings.iter().any(|text| text.contains(words)),
            "{words}: {warnings:?}"
        );
    };
    let default = || Policy::new("default", RetryConfig::default());
    let usage = Usage {
        person_waits: true,
        caller_timeout: Some(Duration::from_secs(5)),
        other_layers: vec![3, 3],
        ..Usage::default()
    };
    let warnings = hurt(default(), usage.clone());
    has(&warnings, "up to 64 requests");
    has(&warnings, "A person waits up to 8.75 s");
    has(&warnings, "The caller stops waiting after 5 s");
    has(&warnings, "loaded above 1.56 %");
    has(&warnings, "in waves that never merge");
    let warnings = hurt(default().with_budget(Budget::SHIPPED), Usage::default());
    has(
        &warnings,
        "Of 1,000 calls of a process that fail together, the budget allows 35",
    );
    has(&warnings, "Nothing ends an attempt that gets no response");
    let config = RetryConfig::builder()
        .attempt_timeout(Some(Duration::from_secs(10)))
        .total_timeout(Some(Duration::from_secs(5)))
        .build()
        .unwrap();
    let warnings = hurt(Policy::new("short", config), Usage::default());
    has(&warnings, "one that hangs is never retried");
    has(&warnings, "before their retries are used up");
}

/// What a policy that is as good as one can be is told.
#[test]
fn nothing_is_said_where_nothing_hurts() {
    let policy = Policy::store("store", RetryConfig::storage());
    let usage = Usage {
        crowd: 30,
        ..Usage::default()
    };
    assert_eq!(Plan::new(&policy, &usage).warnings, Vec::<Warning>::new());
}

fn within(total: u64) -> RetryConfig {
    let builder = RetryConfig::builder().total_timeout(Some(Duration::from_millis(total)));
    builder.build().unwrap()
}

#[test]
fn retries_that_total_timeout_leaves_no_time_for_are_not_planned() {
    let none = plan(within(100));
    assert_eq!((none.retries, none.requests_at_worst), (0, 1.0));
    assert!(none.outage.seconds.max <= 0.0);
    assert!(none.crowd.waves.is_empty());
    let text = none.to_string();
    assert!(
        text.starts_with("total_timeout leaves no time for a retry"),
        "{text}"
    );
    assert!(!text.contains("waves"), "{text}");

    let two = plan(within(3000));
    assert_eq!((two.retries, two.requests_at_worst), (2, 3.0));
    let begins: Vec<_> = two
        .schedule
        .iter()
        .map(|row| (row.earliest, row.latest))
        .collect();
    assert_eq!(begins, [(0.75, 1.25), (2.25, 3.0)]);
    assert_eq!(two.vulnerable_above, Some(1.0 / 3.0));
    assert_eq!(two.crowd.waves.len(), 2);
    // As many as fit, where there are more than a table takes.
    let many = RetryConfig::builder()
        .max_retries(100_000)
        .jitter(Jitter::None);
    let many = many.total_timeout(Some(Duration::from_secs(60 * 3000 + 33)));
    assert_eq!(plan(many.build().unwrap()).retries, 3005);
}

#[test]
fn attempts_that_take_long_are_in_all_times() {
    let usage = Usage {
        failing_takes: Duration::from_secs(5),
        ..Usage::default()
    };
    let slow = Plan::new(&Policy::new("slow", RetryConfig::default()), &usage);
    let last = slow.schedule.last().unwrap();
    assert_eq!((last.earliest, last.latest), (20.25, 23.75));
    assert_eq!(
        (slow.outage.seconds.min, slow.outage.seconds.max),
        (20.25, 23.75)
    );
    // The clock of a store starts when an attempt has failed.
    let seconds = |store: bool| {
        let policy = Policy {
            clock_starts_at_failure: store,
            ..Policy::new("ten", within(10_000))
        };
        let plan = Plan::new(&policy, &usage);
        (plan.retries, plan.outage.seconds.max)
    };
    assert_eq!(seconds(false).0, 1);
    assert_eq!(seconds(true).0, 2);
    assert!(
        seconds(false).1 < 7.0 && seconds(true).1 > 10.0,
        "{:?}",
        seconds(true)
    );
}

/// What a budget allows of a crowd is what a simulation of it lets through.
#[test]
fn every_budget_is_in_what_is_said_of_a_crowd() {
    for (name, allowed) in [("shipped", 35), ("aws", 35), ("grpc", 4), ("finagle", 300)] {
        let budget = Budget::named(name).unwrap();
        let policy = Policy::new(name, RetryConfig::default()).with_budget(budget);
        let plan = Plan::new(&policy, &Usage::default());
        let text = plan.to_string();
        let words = format!(
            "Of 1,000 calls of a process that fail together, the budget allows {allowed} to"
        );
        assert!(text.contains(&words), "{name}: {text}");
        assert!(
            plan.crowd.peak <= f64::from(allowed),
            "{name}: {}",
            plan.crowd.peak
        );
    }
    let envoy =
        Policy::new("envoy", RetryConfig::default()).with_budget(Budget::named("envoy").unwrap());
    let envoy = Plan::new(&envoy, &Usage::default());
    assert!(
        (envoy.crowd.peak - 30.0).abs() < 3.0,
        "{}",
        envoy.crowd.peak
    );
}

#[test]
fn the_jitter_that_is_advised_merges_the_waves_and_less_does_not() {
    let crowd = |retries, jitter| {
        let builder = RetryConfig::builder()
            .max_retries(retries)
            .jitter(Jitter::Proportional(jitter));
        plan(builder.max_delay(Duration::MAX).build().unwrap())
    };
    for (retries, expected) in [(2, 0.5), (3, 0.4), (4, 0.364), (5, 0.348), (10, 0.334)] {
        let warnings = crowd(retries, 0.25).warnings;
        let needed = warnings.iter().find_map(|warning| match warning {
            Warning::Waves { needed, .. } => *needed,
            _ => None,
        });
        assert_eq!(needed, Some(expected), "{retries}");
        assert!(crowd(retries, expected).crowd.merges_from.is_some());
        assert_eq!(crowd(retries, expected - 0.001).crowd.merges_from, None);
    }
}

#[test]
fn the_peak_is_that_of_all_retries() {
    let builder = RetryConfig::storage().to_builder().exponential_base(1.0);
    let quick = builder
        .base_delay(Duration::from_millis(1))
        .build()
        .unwrap();
    // All ten are made within 10 ms.
    assert!(plan(quick).crowd.peak > 9000.0);
}

#[test]
fn a_person_does_not_wait_for_an_hour_and_one_client_is_no_crowd() {
    let person = Usage {
        person_waits: true,
        crowd: 1,
        ..Usage::default()
    };
    let kinds = |config| {
        let warnings = Plan::new(&Policy::new("policy", config), &person).warnings;
        warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let hour = kinds(within(3_600_000));
    assert!(hour.contains("A person may wait up to 1 h"), "{hour}");
    assert!(!kinds(RetryConfig::interactive()).contains("person"));
    assert!(!hour.contains("together"), "{hour}");
}

#[test]
fn policies_of_which_no_base_delay_makes_the_means_equal_stay_as_they_are() {
    let never = RetryConfig::builder().max_retries(0).build().unwrap();
    for (ours, other) in [
        (RetryConfig::background(), RetryConfig::interactive()),
        (never.clone(), RetryConfig::storage()),
        (RetryConfig::storage(), never),
    ] {
        let same = Policy::new("other", other.clone()).with_mean_wait_of(&ours);
        assert_eq!(same.config, other);
        assert!(!plan(ours).waits_as_long_as(&plan(other)));
    }
}

#[test]
fn extremes_neither_hang_nor_panic() {
    let build = |builder: RetryConfig| {
        Plan::new(
            &Policy::store("extreme", builder),
            &Usage {
                crowd: u32::MAX,
                failing_takes: Duration::MAX,
                other_layers: vec![u32::MAX; 3],
                ..Usage::default()
            },
        )
    };
    for jitter in [
        Jitter::None,
        Jitter::Full,
        Jitter::Decorrelated,
        Jitter::Proportional(1.0),
    ] {
        for (base, cap) in [
            (Duration::ZERO, Duration::ZERO),
            (Duration::MAX, Duration::MAX),
            (Duration::from_nanos(1), Duration::MAX),
        ] {
            for retries in [0, 1, u32::MAX] {
                let builder = RetryConfig::builder().max_retries(retries).jitter(jitter);
                let builder = builder.base_delay(base).max_delay(cap);
                let plan = build(builder.build().unwrap());
                assert!(!plan.to_string().is_empty());
                assert!(plan.outage.is_open == (retries == u32::MAX), "{plan:?}");
            }
        }
    }
}

#[test]
fn policies_are_compared_at_equal_means() {
    let ours = Policy::new("default", RetryConfig::default());
    let full = RetryConfig::builder().jitter(Jitter::Full).build().unwrap();
    let full = Policy::new("full", full).with_mean_wait_of(&ours.config);
    let usage = Usage::default();
    let (ours, full) = (Plan::new(&ours, &usage), Plan::new(&full, &usage));
    assert!((full.outage.seconds.mean - 7.0).abs() < 0.1);
    let table = ours.compare(&full).to_string();
    assert!(table.contains("waves merge from retry"), "{table}");
    let json = serde_json::to_value(&ours).unwrap();
    assert_eq!(json["schedule"][0]["nominal"], 1.0);
}

#[test]
fn policies_are_read_from_the_files_of_applications() {
    let one = |text: &str| {
        let mut policies = Policy::from_toml("app", text).unwrap();
        assert_eq!(policies.len(), 1, "{policies:?}");
        policies.remove(0)
    };
    let expected = RetryConfig::builder().max_retries(5).build().unwrap();
    for text in [
        "max_retries = 5",
        "# A comment.\nmax_retries = 5\nretryable_status = [423]\n",
        "[retry]\nmax_retries = 5\npermanent_codes = \"QuotaExceeded\"",
        "[other]\na = 1\n[retry]\nmax_retries = 5\n[last]\nb = 2",
    ] {
        assert_eq!(one(text), Policy::new("app", expected.clone()), "{text}");
    }
    assert_eq!(one(""), Policy::new("app", RetryConfig::default()));
    assert_eq!(one("name = \"own\"\nstore = true").name, "own");
    let two = "[[policy]]\nname = \"a\"\n[[policy]]\nname = \"b\"\nmax_retries = 5";
    let two = Policy::from_toml("app", two).unwrap();
    assert_eq!([two[0].name.as_str(), two[1].name.as_str()], ["a", "b"]);
    for (text, expected) in [
        ("max_retries = ", "line 1: "),
        ("a = 1", "line 1: a of policy \"app\": unknown field `a`"),
        (
            "x = 1\n\n[retry]\nmax_retries = 5\nbase_delay = true",
            "line 5: base_delay of policy \"app\": ",
        ),
        (
            "[retry]\nretryable_status = [404]",
            "line 2: retryable_status of policy \"app\": ",
        ),
        ("policy = [1]", "line 1: "),
    ] {
        let message = Policy::from_toml("app", text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}\n{expected}");
    }
}
