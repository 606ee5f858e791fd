//! Scenario files, the scenarios that come with the library, and thresholds.

#![allow(clippy::unwrap_used, reason = "tests")]

use undaunted::{Hedge, HedgeAfter};
use undaunted_sim::{
    Arrivals, Budget, Builtin, Effect, Outcome, RateLimit, ScenarioFile, Threshold, to_csv, to_json,
};

fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::from_secs_f64(seconds)
}

#[test]
fn every_field_is_read() {
    let file: ScenarioFile = r#"
        duration = "5m"
        step = 2
        seed = 7

        [clients]
        count = 50
        think = { mean = "3s" }
        calls = 9
        processes = 5

        [service]
        capacity = 200
        longest_queue = "500ms"
        expired = "dropped_if_late"
        rate_limit = 150.5
        burst = 20
        retry_after = 1.5
        error_rate = 0.01
        latency = { median = "20ms", sigma = 0.7 }

        [[fault]]
        kind = "brown_out"
        share = 0.5
        from = "1m"
        lasts = "30s"

        [[fault]]
        kind = "slow"
        factor = 2
        from = 10
        lasts = 5

        [[policy]]
        name = "one"
        preset = "storage"
        max_retries = 5
        jitter = "equal"
        budget = "shipped"
        pacer = true
        max_in_flight = 20
        hedge_after = "95 %"
        hedge_most = 0.1

        [[policy]]
        name = "two"
        store = true
        budget = "none"
    "#
    .parse()
    .unwrap();
    let scenario = &file.scenario;
    assert_eq!(scenario.duration, seconds(300.0));
    assert_eq!((scenario.step, scenario.seed), (Some(seconds(2.0)), 7));
    let Arrivals::Closed { clients, calls, .. } = scenario.clients.arrivals else {
        panic!("{scenario:?}");
    };
    assert_eq!(
        (clients, calls, scenario.clients.processes),
        (50, Some(9), 5)
    );
    assert_eq!(scenario.service.retry_after, Some(seconds(1.5)));
    let limit = RateLimit {
        per_second: 150.5,
        burst: 20.0,
    };
    assert_eq!(scenario.service.rate_limit, Some(limit));
    assert_eq!(scenario.faults[0].effect, Effect::BrownOut(0.5));
    assert_eq!(scenario.faults[1].ends(), seconds(15.0));
    let [one, two] = &file.policies[..] else {
        panic!("{file:?}");
    };
    // The preset, and what is written over it.
    let expected = undaunted::RetryConfig::storage()
        .to_builder()
        .max_retries(5);
    let expected = expected.jitter(undaunted::Jitter::Equal).build().unwrap();
    assert_eq!(one.config, expected);
    assert!(one.has_pacer && one.budget == Budget::SHIPPED);
    assert_eq!(
        (one.max_in_flight, two.max_in_flight),
        (Some(20), Some(512))
    );
    let hedge = Hedge::new(HedgeAfter::Quantile(0.95), 0.1).unwrap();
    assert_eq!(one.hedge, Some(hedge));
    assert!(two.has_pacer && two.budget == Budget::None && two.clock_starts_at_failure);
}

#[test]
fn errors_name_line_and_field() {
    let service = "duration = 60\n[service]\n";
    for (text, expected) in [
        ("duration = \n", "line 1: "),
        (
            "duration = \"soon\"",
            "line 1: duration: \"soon\" is not a length of time",
        ),
        (
            "\nduration = -5",
            "line 2: duration: \"-5\" is not a length of time",
        ),
        (
            "seed = 1\nspeed = 2",
            "line 2: speed: unknown field `speed`, expected one of `duration`",
        ),
        ("duration = 0", "duration is 0"),
        (
            "[clients]\ncount = 0\ncalls = 1",
            "line 1: clients: `count` is 0",
        ),
        (
            "[clients]\ncount = 5",
            "clients that neither think nor stop",
        ),
        ("[clients]\ncount = 5\nper_second = 5", "not from both"),
        (
            "[clients]\nper_second = 0",
            "line 2: per_second of clients: 0 is not a number above 0",
        ),
        (
            "[clients]\nper_second = 1e18",
            "line 1: clients: `per_second` is 1000000000000000000: it is 10000000 at most",
        ),
        (
            "step = 0",
            "step is 0ns: the time axis has 100000 steps at most, so 1.8ms is the least here",
        ),
        ("step = \"1ns\"", "so 1.8ms is the least here"),
        (
            "[[fault]]\nkind = \"surge\"\nfrom = 1\nlasts = 1\nfactor = 1e300",
            "fault 1: it needs a `factor` above 0, 1000000 at most",
        ),
        (
            "[clients]\nper_second = inf",
            "line 2: per_second of clients: inf is not",
        ),
        (
            &format!("{service}error_rate = 1.5"),
            "line 3: error_rate of service: 1.5 is not a share",
        ),
        (
            &format!("{service}expired = \"gone\""),
            "line 3: expired of service: unknown variant `gone`",
        ),
        (
            &format!("{service}burst = 5"),
            "line 2: service: `burst` is for `rate_limit`",
        ),
        (
            &format!("{service}latency = true"),
            "line 3: latency of service: invalid type: boolean",
        ),
        (
            &format!("{service}latency = {{ mean = 1, sigma = 2 }}"),
            "line 3: latency of service: a latency is",
        ),
        (
            "[[fault]]\nkind = \"outage\"\nfrom = 1\nlasts = 2\n[[fault]]\nkind = \"stall\"\nfrom = 1\nlasts = \"x\"",
            "line 8: lasts of fault 2: \"x\" is not a length of time",
        ),
        (
            "[[fault]]\nkind = \"slow\"\nfrom = 1\nlasts = 2",
            "line 1: fault 1: it needs a `factor`",
        ),
        (
            "[[fault]]\nkind = \"outage\"\nfrom = 1",
            "missing field `lasts`",
        ),
        (
            "[[fault]]\nkind = \"outage\"\nfrom = 1000\nlasts = 1",
            "begins after the end",
        ),
    ] {
        let message = text.parse::<ScenarioFile>().unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}\n{expected}");
    }
    let file: ScenarioFile = "seed = 9223372036854775807".parse().unwrap();
    assert_eq!(file.scenario.seed, 9_223_372_036_854_775_807);
    let error = "seed = 1\nspeed = 2".parse::<ScenarioFile>().unwrap_err();
    assert_eq!((error.line(), error.field()), (Some(2), Some("speed")));
}

#[test]
fn what_would_change_nothing_is_an_error() {
    for (text, expected) in [
        ("seed = 1\nstep = \"1ns\"", "line 2: step is 1ns"),
        (
            "[[fault]]\nkind = \"stall\"\nfrom = 1\nlasts = 2",
            "line 1: fault 1: it has no effect on a service without a limit",
        ),
        (
            "[[fault]]\nkind = \"brown_out\"\nshare = 0.1\nfrom = 1\nlasts = 2",
            "fault 1: it has no effect on a service without a limit",
        ),
        (
            "[[fault]]\nkind = \"slow\"\nfactor = 10\nfrom = 1\nlasts = 2",
            "fault 1: it has no effect on a service that responds immediately",
        ),
        (
            "[clients]\ncount = 5\ncalls = 1\n[[fault]]\nkind = \"surge\"\nfactor = 2\nfrom = 1\nlasts = 2",
            "line 4: fault 1: it has no effect on clients that wait for their own calls",
        ),
    ] {
        let message = text.parse::<ScenarioFile>().unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}\n{expected}");
    }
}

#[test]
fn errors_name_the_field_of_a_policy() {
    let policy = "[[policy]]\nname = \"first\"\n\n[[policy]]\nname = \"p\"\n";
    for (text, expected) in [
        (
            format!("{policy}max_retry = 3"),
            "line 6: max_retry of policy \"p\": unknown field `max_retry`",
        ),
        (
            format!("{policy}exponential_base = 0.5"),
            "line 6: exponential_base of policy \"p\": exponential_base is 0.5",
        ),
        (
            format!("{policy}base_delay = \"soon\""),
            "line 6: base_delay of policy \"p\": ",
        ),
        (
            format!("{policy}preset = \"fast\""),
            "line 6: preset of policy \"p\": it is one of default",
        ),
        (
            format!("{policy}budget = \"big\""),
            "line 6: budget of policy \"p\": it is one of none",
        ),
        (
            format!("{policy}hedge_after = \"110 %\""),
            "line 6: hedge_after of policy \"p\": it is a time",
        ),
        (
            format!("{policy}pacer = 1"),
            "line 6: pacer of policy \"p\": it is true or false",
        ),
        (
            format!("{policy}max_in_flight = 0"),
            "line 6: max_in_flight of policy \"p\": it is a whole number from 1",
        ),
        (
            format!("{policy}[[policy]]\nname = \"p\""),
            "line 6: policy 3: two policies have the name \"p\"",
        ),
        (
            "[[policy]]\nmax_retries = 3".to_owned(),
            "line 1: name of a policy: a policy needs a name",
        ),
    ] {
        let message = text.parse::<ScenarioFile>().unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}\n{expected}");
    }
}

fn run(name: &str) -> Vec<Outcome> {
    Builtin::find(name).unwrap().file().unwrap().run()
}

/// The names and what the files say of their policies.
#[test]
fn an_outage_is_ridden_out_by_those_who_wait_long_enough() {
    let outcomes = run("outage");
    let lost: Vec<f64> = outcomes
        .iter()
        .map(|outcome| outcome.totals.lost_share())
        .collect();
    let [none, default, storage, budget] = lost[..] else {
        panic!("{lost:?}");
    };
    assert!(none > 0.1 && default < none && storage < 0.002, "{lost:?}");
    assert!(budget > storage, "{lost:?}");
    assert!(outcomes.iter().all(|outcome| outcome.recovery.is_some()));
}

#[test]
fn a_pace_loses_nobody_to_a_rate_limit() {
    let outcomes = run("throttle");
    let [default, storage, store] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(store.totals.lost, 0);
    assert!(default.totals.lost_share() > 0.1, "{:?}", default.totals);
    assert!(store.totals.requests < storage.totals.requests);
}

#[test]
fn only_a_budget_ends_a_metastable_overload() {
    let outcomes = run("metastable");
    let recoveries: Vec<bool> = outcomes
        .iter()
        .map(|outcome| outcome.recovery.is_some())
        .collect();
    assert_eq!(recoveries, [true, false, true, true]);
}

#[test]
fn an_overload_passes_and_hedges_shorten_the_tail() {
    for outcome in run("overload") {
        assert!(outcome.recovery.is_some(), "{}", outcome.policy);
    }
    let outcomes = run("tail");
    let [none, fixed, live, retry] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(live.latency.p99 < none.latency.p99);
    assert!(fixed.totals.hedges > 2 * live.totals.hedges);
    assert!(retry.totals.timed_out > 0);
}

#[test]
fn thresholds_are_read_and_met() {
    let outcomes = run("metastable");
    let (good, stuck) = (&outcomes[2], &outcomes[1]);
    for (text, is_good, is_stuck) in [
        ("lost > 20%", false, true),
        ("lost>0.2", false, true),
        ("recovery > 1m", false, true),
        ("amplification >= 1.5", false, true),
        ("p99 < 1ms", false, false),
        ("queue > 10", false, true),
        ("peak <= 1000000", true, true),
        ("peak <= 1,000,000", true, true),
        ("lost >= 100%", false, false),
    ] {
        let threshold: Threshold = text.parse().unwrap();
        let met = (threshold.is_met(good), threshold.is_met(stuck));
        assert_eq!(
            met,
            (is_good, is_stuck),
            "{text}: {}",
            threshold.explain(stuck)
        );
        assert_eq!(
            threshold.to_string().parse(),
            Ok(threshold.clone()),
            "{threshold}"
        );
    }
    let recovery: Threshold = "recovery > 30s".parse().unwrap();
    let text = recovery.explain(stuck);
    assert_eq!(text, "3 retries, full jitter: recovery is never (> 30 s)");
    for (text, words) in [
        ("lost", "it has no comparison"),
        ("loss > 1%", "the quantities are lost, amplification"),
        ("lost > many", "must be a number, or a percentage"),
        ("p99 > 5%", "must be a time such as 500ms"),
        ("p99 < 6666666666666666650s", "and at most a year"),
        ("lost > inf", "must be a number"),
        ("lost > 0,1%", "commas are between thousands"),
        ("p99 > 1,5s", "commas are between thousands"),
        ("peak > 1,0000", "commas are between thousands"),
        (
            "lost > 1",
            "no share is above 100 %; write 1% if that is meant",
        ),
        ("lost > 200%", "no share is above 100 %"),
        ("lost < -1", "\"-1\" is below 0"),
        ("amplification > -0.1", "is below 0"),
    ] {
        let message = text.parse::<Threshold>().unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn without_a_success_no_time_is_short_enough() {
    let text = "duration = '1m'\n[clients]\nper_second = 10\n[service]\nerror_rate = 1\n";
    let outcome = text.parse::<ScenarioFile>().unwrap().run().remove(0);
    for quantity in ["p50", "p95", "p99", "p999", "max"] {
        let is_met = |rest: &str| {
            let threshold: Threshold = format!("{quantity} {rest}").parse().unwrap();
            threshold.is_met(&outcome)
        };
        assert!(is_met("> 1h") && is_met(">= 1s") && !is_met("< 1s"));
    }
    let file = Builtin::find("outage").unwrap().file().unwrap();
    let json = to_json(&file.scenario, std::slice::from_ref(&outcome)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["outcomes"][0]["latency"]["p99"].is_null());
    let read: Outcome = serde_json::from_value(json["outcomes"][0].clone()).unwrap();
    assert_eq!(read, outcome);
}

#[test]
fn without_a_fault_there_is_no_recovery_to_wait_for() {
    let threshold: Threshold = "recovery > 1s".parse().unwrap();
    for outcome in run("throttle") {
        assert!(!threshold.is_met(&outcome), "{}", outcome.policy);
    }
}

#[test]
fn exports_hold_every_step() {
    let outcomes = run("overload");
    let steps: usize = outcomes.iter().map(|outcome| outcome.ticks.len()).sum();
    let csv = to_csv(&outcomes);
    assert_eq!(csv.lines().count(), steps + 1);
    assert!(csv.contains("\n\"store, with pace\",1,"));
    let file = Builtin::find("overload").unwrap().file().unwrap();
    let json = to_json(&file.scenario, &outcomes).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &json["outcomes"][0];
    assert_eq!(
        first["ticks"].as_array().unwrap().len(),
        outcomes[0].ticks.len()
    );
    assert_eq!(first["totals"]["calls"], outcomes[0].totals.calls);
}

#[test]
fn every_builtin_scenario_can_be_read() {
    for builtin in Builtin::ALL {
        let file = builtin.file();
        assert!(file.is_ok(), "{}: {file:?}", builtin.name);
        assert!(builtin.text.starts_with("# "));
    }
    assert_eq!(Builtin::find("none"), None);
}
