use std::time::Duration;

use undaunted::HttpFailure;

use super::*;
use crate::failure::Failure;
use crate::fault::{Clock, CutAt, Fault};
use crate::operation::Operation;

fn rule(text: &str) -> Rule {
    let file: ChaosFile = format!("[[rule]]\n{text}").parse().unwrap();
    file.rules()[0].clone()
}

fn check(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        let problem = text.parse::<ChaosFile>().unwrap_err().to_string();
        assert!(problem.starts_with(want), "{text}\n{problem}");
    }
}

#[test]
fn every_fault_can_be_written() {
    let lasts = Duration::from_secs(2);
    let slow = HttpFailure::new(503)
        .with_code("SlowDown")
        .with_retry_after(Duration::from_secs(3));
    let cases = [
        (
            "fault = 'break_body'\nat = 5\nfailure = 'reset'",
            Rule::any(Fault::BreakBody {
                at: 5,
                failure: Failure::Reset,
            }),
        ),
        (
            "fault = 'break_list'\nafter = 3\nfailure = 'closed'",
            Rule::any(Fault::BreakList {
                after: 3,
                failure: Failure::Closed,
            }),
        ),
        (
            "fault = 'corrupt_body'\nat = 0\noperation = 'get'",
            Rule::new(Operation::Get, Fault::CorruptBody { at: 0 }),
        ),
        (
            "fault = 'cut_document'\nat = 34\noperation = 'complete_multipart'",
            Rule::new(
                Operation::CompleteMultipart,
                Fault::CutDocument {
                    at: CutAt::Byte(34),
                },
            ),
        ),
        (
            "fault = 'cut_document'\npercent = 50",
            Rule::any(Fault::CutDocument {
                at: CutAt::Percent(50),
            }),
        ),
        (
            "fault = 'decompress_body'\nlength = 9",
            Rule::any(Fault::DecompressBody {
                length: 9,
                keep_headers: false,
            }),
        ),
        (
            "fault = 'decompress_body'\nlength = 9\nheaders = 'kept'",
            Rule::any(Fault::DecompressBody {
                length: 9,
                keep_headers: true,
            }),
        ),
        (
            "fault = 'delay'\nlasts = '2s'\nfrom_call = 4",
            Rule::any(Fault::Delay(lasts)).from_call(4),
        ),
        (
            "fault = 'fail_after'\nfailure = 'timeout'\nkey = 'a/*'\ncount = 2",
            Rule::any(Fault::FailAfter(Failure::Timeout))
                .key("a/*")
                .count(2),
        ),
        (
            "fault = 'fail_before'\nstatus = 503\ncode = 'SlowDown'\nretry_after = '3s'\nmethod = 'put'",
            Rule::any(Fault::FailBefore(Failure::Status(slow))).method("PUT"),
        ),
        (
            "fault = 'html_page'\nstarts_after = '2s'\nends_after = '1m'",
            Rule::any(Fault::HtmlPage)
                .starts_after(lasts)
                .ends_after(Duration::from_secs(60)),
        ),
        (
            "fault = 'ignore_range'\ncount = 'always'",
            Rule::any(Fault::IgnoreRange).always(),
        ),
        (
            "fault = 'insert_keys'\nnames = [\"a/\\u0001\", 't/']\nsize = 3",
            Rule::any(Fault::InsertKeys {
                names: vec!["a/\u{1}".to_owned(), "t/".to_owned()],
                size: 3,
            }),
        ),
        ("fault = 'no_etag'", Rule::any(Fault::NoEtag)),
        (
            "fault = 'rate_limit'\nper_second = 9",
            Rule::any(Fault::RateLimit {
                per_second: 9,
                burst: 9,
                retry_after: None,
            })
            .always(),
        ),
        (
            "fault = 'rate_limit'\nper_second = 0\ncount = 1",
            Rule::any(Fault::RateLimit {
                per_second: 0,
                burst: 1,
                retry_after: None,
            }),
        ),
        (
            "fault = 'replace_object'\nat = 1\nfailure = 'timeout'\ncount = 'always'",
            Rule::any(Fault::ReplaceObject {
                at: 1,
                failure: Failure::Timeout,
            })
            .always(),
        ),
        ("fault = 'repeat_token'", Rule::any(Fault::RepeatToken)),
        (
            "fault = 'retry_after_date'\nretry_after = '2s'\nclock_behind = '60m'",
            Rule::any(Fault::RetryAfterDate {
                retry_after: lasts,
                clock: Clock::Behind(Duration::from_secs(3_600)),
            }),
        ),
        (
            "fault = 'temporary_redirect'",
            Rule::any(Fault::TemporaryRedirect { location: None }),
        ),
        (
            "fault = 'temporary_redirect'\nlocation = 'http://other:9'",
            Rule::any(Fault::TemporaryRedirect {
                location: Some("http://other:9".to_owned()),
            }),
        ),
        (
            "fault = 'truncated_without_token'",
            Rule::any(Fault::TruncatedWithoutToken),
        ),
        (
            "fault = 'wrong_region'\nregion = 'eu-west-1'\nstatus = 400",
            Rule::any(Fault::WrongRegion {
                region: "eu-west-1".to_owned(),
                status: 400,
            }),
        ),
        (
            "fault = 'short_body'\nat = 1_000",
            Rule::any(Fault::ShortBody { at: 1_000 }),
        ),
        (
            "fault = 'stall_body'\nat = 7\nlasts = '2000ms'",
            Rule::any(Fault::StallBody { at: 7, lasts }),
        ),
    ];
    for (text, want) in &cases {
        assert_eq!(rule(text), *want, "{text}");
    }
    for name in FaultKind::ALL {
        let quoted = format!("fault = '{name}'");
        assert!(
            cases.iter().any(|(text, _)| text.contains(&quoted)),
            "{name}"
        );
    }
}

#[test]
fn a_file_says_whether_it_needs_a_server() {
    let needs = |text: &str| text.parse::<ChaosFile>().unwrap().needs_server();
    assert_eq!(needs("profile = 'flaky'"), None);
    assert_eq!(needs("cut_document = 0.1"), Some(FaultKind::CutDocument));
    let rules = "[[rule]]\nfault = 'no_etag'\n[[rule]]\nfault = 'html_page'";
    assert_eq!(needs(rules), Some(FaultKind::HtmlPage));
}

#[test]
fn settings_are_those_of_a_line() {
    let file: ChaosFile = "profile = 'lossy'\nseed = 7\nrate = 0.5\ndelay_for = '2s'"
        .parse()
        .unwrap();
    let line: ChaosSpec = "lossy,seed=7,rate=0.5,delay_for=2s".parse().unwrap();
    assert_eq!(file.spec(), Some(&line));
    assert!(file.rules().is_empty());
    let number = "profile = 'lossy'\nseed = 7\nrate = 0.5\ndelay_for = 2";
    assert_eq!(number.parse::<ChaosFile>().unwrap().spec(), Some(&line));
    let rules_only = "seed = 1\n[[rule]]\nfault = 'short_body'\nat = 1";
    assert_eq!(rules_only.parse::<ChaosFile>().unwrap().spec(), None);
}

#[test]
fn the_plan_has_both() {
    let file: ChaosFile = "blackout = '5s'\n[[rule]]\nfault = 'short_body'\nat = 1"
        .parse()
        .unwrap();
    assert_eq!(file.plan().unused(), file.rules());
}

#[test]
fn a_mistake_in_a_setting_has_its_line_and_its_words() {
    check(&[
        ("", "the file injects nothing: name a profile"),
        ("seed = 7", "the file injects nothing"),
        ("profile = 'flaky'\nseed = = 7", "line 2: "),
        ("seed = 1\nseed = 2", "line 2: duplicate key"),
        (
            "\nprofile = 'wild'",
            "line 2: unknown profile `wild`: the profiles are blackout, flaky, lossy, throttled",
        ),
        (
            "profile = 'flaky'\n\nbefore = 2",
            "line 3: `before=2`: a rate is a number from 0 to 1",
        ),
        (
            "profile = 'flaky'\ndelay_for = 'soon'",
            "line 2: `delay_for=soon`: a duration is",
        ),
        (
            "speed = 1",
            "line 1: unknown key `speed`: the keys are seed,",
        ),
        (
            "seed = true",
            "line 1: `seed` is a boolean: the settings are",
        ),
        (
            "[rules]\na = 1",
            "line 1: `rules` is a table: the settings are",
        ),
        (
            "[rule]\nfault = 'delay'",
            "line 1: rules are written as tables",
        ),
        ("rule = [1]", "line 1: rules are written as tables"),
    ]);
}

#[test]
fn a_mistake_in_a_rule_has_its_line_and_its_words() {
    check(&[
        (
            "\n[[rule]]\nkey = 'a'",
            "line 2: a rule needs `fault`: it is one of break_body,",
        ),
        (
            "[[rule]]\nfault = 'explode'",
            "line 2: `fault` of a rule is \"explode\": it is one of break_body,",
        ),
        (
            "[[rule]]\nfault = 'short_body'",
            "line 1: a rule needs `at`: how many bytes come before the fault",
        ),
        (
            "[[rule]]\nfault = 'short_body'\nat = -1",
            "line 3: `at` of a rule is -1: it is a whole number from 0 to",
        ),
        (
            "[[rule]]\nfault = 'short_body'\nat = 1.5",
            "line 3: `at` of a rule is 1.5: it is a whole number",
        ),
        (
            "[[rule]]\nfault = 'short_body'\nat = 1\noperation = 'put'",
            "line 4: `operation` of a rule is \"put\": short_body hits get, get_ranges",
        ),
        (
            "[[rule]]\nfault = 'short_body'\nat = 1\nlasts = '1s'",
            "line 4: `lasts` means nothing to the fault short_body: its fields are at, count, ends_after,",
        ),
        (
            "[[rule]]\nfault = 'fail_before'",
            "line 1: a rule that fails needs `failure`",
        ),
        (
            "[[rule]]\nfault = 'fail_before'\nfailure = 'reset'\nstatus = 500",
            "line 3: `failure` of a rule is \"reset\": give either `failure` or `status`",
        ),
        (
            "[[rule]]\nfault = 'fail_before'\nstatus = 20",
            "line 3: `status` of a rule is 20: it is a whole number from 200 to 599",
        ),
        (
            "[[rule]]\nfault = 'fail_before'\nstatus = 200",
            "line 3: `status` of a rule is 200: a success is a failure only with the `code`",
        ),
        (
            "[[rule]]\nfault = 'fail_before'\nstatus = 500\ncode = '<b>'",
            "line 4: `code` of a rule is \"<b>\": it is a word",
        ),
        (
            "[[rule]]\nfault = 'break_body'\nat = 1\nfailure = 'connect'",
            "line 4: `failure` of a rule is \"connect\": it is \"closed\", \"reset\" or \"timeout\"",
        ),
        (
            "[[rule]]\nfault = 'delay'\nlasts = '1s'\ncount = 0",
            "line 4: `count` of a rule is 0: it is a whole number from 1 on, or \"always\"",
        ),
        (
            "[[rule]]\nfault = 'delay'\nlasts = '1s'\nfrom_call = 0",
            "line 4: `from_call` of a rule is 0: it is a whole number from 1 to",
        ),
        (
            "[[rule]]\nfault = 'delay'\nlasts = '1s'\nmethod = 'P T'",
            "line 4: `method` of a rule is \"P T\": it is one of DELETE, GET, HEAD, POST, PUT",
        ),
        (
            "[[rule]]\nfault = 'delay'\nlasts = '1s'\nmethod = 'PTU'",
            "line 4: `method` of a rule is \"PTU\": it is one of DELETE, GET, HEAD, POST, PUT",
        ),
    ]);
}

#[test]
fn a_mistake_in_a_response_has_its_line_and_its_words() {
    check(&[
        (
            "[[rule]]\nfault = 'cut_document'",
            "line 1: a rule needs `at`: where the document ends, in bytes; or give `percent`",
        ),
        (
            "[[rule]]\nfault = 'cut_document'\npercent = 101",
            "line 3: `percent` of a rule is 101: it is a whole number from 0 to 100",
        ),
        (
            "[[rule]]\nfault = 'decompress_body'\nlength = 1\nheaders = 'half'",
            "line 4: `headers` of a rule is \"half\": it is \"kept\" or \"removed\"",
        ),
        (
            "[[rule]]\nfault = 'insert_keys'\nnames = [1]",
            "line 3: `names` of a rule is an array: it is a list of keys to insert",
        ),
        (
            "[[rule]]\nfault = 'no_etag'\noperation = 'list'",
            "line 3: `operation` of a rule is \"list\": no_etag hits complete_multipart, copy, get,",
        ),
        (
            "[[rule]]\nfault = 'retry_after_date'\nretry_after = '1s'\nclock_ahead = '1s'\nclock_behind = '1s'",
            "line 4: `clock_ahead` of a rule is \"1s\": give either `clock_ahead` or `clock_behind`",
        ),
        (
            "[[rule]]\nfault = 'temporary_redirect'\nlocation = 'a b'",
            "line 3: `location` of a rule is \"a b\": it is a URL",
        ),
        (
            "[[rule]]\nfault = 'wrong_region'\nregion = 'eu west'",
            "line 3: `region` of a rule is \"eu west\": it is the name of a region",
        ),
        (
            "[[rule]]\nfault = 'wrong_region'\nregion = 'eu'\nstatus = 307",
            "line 4: `status` of a rule is 307: S3 sends 301 or 400",
        ),
    ]);
}
