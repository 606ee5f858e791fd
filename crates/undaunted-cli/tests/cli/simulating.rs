//! `simulate`: scenarios by name and from files, what is shown, and conditions.

use std::process::Stdio;

use super::sandbox::{Ended, Sandbox, signal, wait_until_it_works};

/// `simulate` in a terminal of 100 columns.
fn simulate(sandbox: &Sandbox, line: &str) -> Ended {
    simulate_words(sandbox, &line.split_whitespace().collect::<Vec<_>>())
}

fn simulate_words(sandbox: &Sandbox, words: &[&str]) -> Ended {
    let mut command = sandbox.binary();
    command.arg("simulate").args(words);
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "100");
    Ended::of(command.output().unwrap())
}

/// Half a minute of calls, and an outage from 10 s to 14 s.
const SHORT_OUTAGE: &str = "\
duration = '30s'
step = '1s'
[clients]
per_second = 50
[service]
capacity = 100
latency = '20ms'
[[fault]]
kind = 'outage'
from = 10
lasts = 4
[[policy]]
name = 'none'
max_retries = 0
[[policy]]
name = 'patient'
preset = 'storage'
store = true
budget = 'none'
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("short.toml", SHORT_OUTAGE.as_bytes());
    sandbox
}

#[test]
fn all_is_shown_on_one_time_axis() {
    let shown = simulate(&sandbox(), "short.toml").ok();
    assert_eq!(shown.stderr, "");
    let shown = shown.stdout;
    let head = "\
short
For 30 s 50 calls a second arrive, in one process.
The service responds in 20 ms, works off 100 requests a second.
An outage from 10 s to 14 s.

none
offered load        │";
    assert!(shown.starts_with(head), "{shown}");
    for words in [
        "\ngoodput             │",
        "\ncalls lost          │",
        "\nrequests            │",
        "\nqueue               │",
        "\noutage              │                      ━━━━━━━━━         ",
        "\n                     0 s ",
        "         30 s\n",
        "\n\npatient\noffered load",
        "\n\npolicy   calls lost",
        "recovers after\nnone            ",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 100),
        "{shown}"
    );
    let table = simulate(&sandbox(), "short.toml --no-plots").ok().stdout;
    assert!(!table.contains("offered load"), "{table}");
    assert!(
        shown.ends_with(table.split("\n\n").last().unwrap()),
        "{table}"
    );
}

#[test]
fn the_same_seed_gives_the_same_document() {
    let sandbox = sandbox();
    let first = simulate(&sandbox, "short.toml --json").ok();
    assert_eq!(
        first.stdout,
        simulate(&sandbox, "short.toml --json").ok().stdout
    );
    let other = simulate(&sandbox, "short.toml --json --seed 9").ok().json();
    let first = first.json();
    assert_eq!((&first["seed"], &other["seed"]), (&1.into(), &9.into()));
    assert_ne!(
        first["outcomes"][0]["totals"],
        other["outcomes"][0]["totals"]
    );
    assert_eq!(first["scenario"], "short");
    assert_eq!(first["interrupted"], false);
    let [none, patient] = [0, 1].map(|number| &first["outcomes"][number]);
    assert_eq!(none["policy"], "none");
    assert!(none["totals"]["lost"].as_u64().unwrap() > 100);
    assert!(patient["totals"]["lost"].as_u64() < none["totals"]["lost"].as_u64());
    assert_eq!(none["totals"]["calls"], patient["totals"]["calls"]);
    assert_eq!(none["ticks"].as_array().map(Vec::len), Some(30));

    let csv = simulate(&sandbox, "short.toml --csv --duration 12s")
        .ok()
        .stdout;
    assert!(csv.starts_with("policy,at,calls,requests,"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + 2 * 12);
}

#[test]
fn policies_are_named_or_come_from_files() {
    let sandbox = sandbox();
    sandbox.write("app.toml", b"[retry]\nmax_retries = 9\n");
    let line = "short.toml --policy app.toml --policy interactive --policy none --no-plots";
    let shown = simulate(&sandbox, line).ok().stdout;
    let table = shown.split("\n\n").last().unwrap();
    let names: Vec<&str> = table
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["policy", "app", "interactive", "none"]);
}

#[test]
fn a_condition_makes_it_a_check() {
    let sandbox = sandbox();
    let words = [
        "short.toml",
        "--no-plots",
        "--fail-if",
        "lost > 0.1%",
        "--fail-if",
        "recovery > 1h",
    ];
    let ended =
        simulate_words(&sandbox, &words).failed(1, &["error: none: lost is ", " (> 0.1 %)"]);
    assert!(!ended.stderr.contains("recovery"), "{ended:?}");
    assert!(
        ended.stdout.contains("recovers after"),
        "it is shown all the same"
    );
    let words = [
        "short.toml",
        "-q",
        "--policy",
        "patient",
        "--fail-if",
        "lost > 50%",
    ];
    let ended = simulate_words(&sandbox, &words).ok();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    let words = ["short.toml", "--json", "--fail-if", "amplification < 5"];
    let json =
        simulate_words(&sandbox, &words).failed(1, &["error: none: amplification is 1 (< 5)"]);
    assert_eq!(json.json()["failed"].as_array().map(Vec::len), Some(2));
}

/// A check that nothing works in must not pass.
#[test]
fn calls_that_hang_and_services_that_do_nothing_are_no_success() {
    let sandbox = Sandbox::new();
    let hang = "duration = '10m'\n[clients]\nper_second = 10\n[[fault]]\nkind = 'hang'\nfrom = 10\n\
                lasts = 20\n[[policy]]\nname = 'p'\n";
    let slow = "duration = '10s'\n[clients]\nper_second = 10\n[service]\ncapacity = 0.1\n";
    sandbox.write("hang.toml", hang.as_bytes());
    sandbox.write("slow.toml", slow.as_bytes());
    let check =
        |file, condition| simulate_words(&sandbox, &[file, "--no-plots", "--fail-if", condition]);
    let checked = check("hang.toml", "lost > 0.1%").failed(1, &["error: p: lost is "]);
    assert!(
        checked
            .stdout
            .contains("had no result when the time was over, and count as lost."),
        "{}",
        checked.stdout
    );
    check("slow.toml", "lost > 1%").failed(1, &["lost is 100 %"]);
    check("slow.toml", "p99 > 1s").failed(1, &["p99 is unknown, as no call succeeded (> 1 s)"]);
    check("slow.toml", "recovery > 1s").ok();
}

#[test]
fn built_in_scenarios_are_listed_printed_and_run() {
    let sandbox = sandbox();
    let list = simulate(&sandbox, "--list").ok().stdout;
    assert_eq!(list.lines().count(), 5);
    for name in ["outage", "throttle", "overload", "metastable", "tail"] {
        assert!(list.contains(&format!("{name} ")), "{list}");
        let printed = simulate(&sandbox, &format!("{name} --print")).ok().stdout;
        sandbox.write("copy.toml", printed.as_bytes());
        simulate(&sandbox, "copy.toml --no-plots").ok();
        let shown = simulate(&sandbox, name).ok().stdout;
        assert!(shown.starts_with(&format!("{name}\nFor ")), "{shown}");
    }
}

#[test]
fn what_is_printed_is_what_is_run() {
    let sandbox = sandbox();
    sandbox.write(
        "app.toml",
        b"[server]\nport = 80\n\n[retry]\nmax_retries = 9\n",
    );
    sandbox.write(
        "two.toml",
        b"[[policy]]\nname = 'x'\n[[policy]]\nname = 'y'\nmax_retries = 1\n",
    );
    for line in [
        "outage --seed 4294967296 --duration 2m --policy storage",
        "outage --policy interactive --policy default",
        "short.toml --seed 9",
        "short.toml --duration 20500ms --policy app.toml --policy patient --policy two.toml",
        "throttle --policy storage",
    ] {
        let printed = simulate(&sandbox, &format!("{line} --print")).ok().stdout;
        sandbox.write("printed.toml", printed.as_bytes());
        let run = |line: &str| {
            let mut json = simulate(&sandbox, &format!("{line} --json")).ok().json();
            json["scenario"] = serde_json::Value::Null;
            json
        };
        assert_eq!(run("printed.toml"), run(line), "{line}\n{printed}");
    }
    let printed = simulate(&sandbox, "outage --seed 9 --print").ok().stdout;
    assert!(printed.contains("# "), "comments stay: {printed}");
}

#[test]
fn a_page_does_not_replace_what_it_is_made_from() {
    let sandbox = sandbox();
    sandbox.write("app.toml", b"max_retries = 9\n");
    for line in [
        "short.toml --html short.toml",
        "short.toml --html ./short.toml",
        "short.toml --policy app.toml --html app.toml",
        "short.toml --html short.toml --print",
    ] {
        simulate(&sandbox, line).failed(2, &["would replace a file that is read"]);
    }
    assert_eq!(sandbox.read("short.toml"), SHORT_OUTAGE.as_bytes());
    assert_eq!(sandbox.read("app.toml"), b"max_retries = 9\n");
}

#[test]
fn names_do_not_reach_the_terminal_as_commands() {
    let sandbox = Sandbox::new();
    let file = "[[policy]]\nname = \"a\\n\\u001b[31mred\"\n[clients]\nper_second = 1\n";
    sandbox.write("e.toml", file.as_bytes());
    let ended = simulate_words(&sandbox, &["e.toml", "--fail-if", "lost >= 0"]).failed(1, &["red"]);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(
            text.contains("a\\n\\u{1b}[31mred") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}

/// `count` requests, so many seconds apart.
fn recorded(from: u32, count: u32, apart: u32) -> String {
    let line = |number: u32| {
        let at = from + number * apart;
        let (hours, minutes, seconds) = (at / 3600, at / 60 % 60, at % 60);
        format!(
            "{{\"time\":\"2026-01-01T{hours:02}:{minutes:02}:{seconds:02}Z\",\"seconds\":0.01,\
             \"status\":200}}\n"
        )
    };
    (0..count).map(line).collect()
}

#[test]
fn what_of_a_recording_is_left_out_is_said() {
    let sandbox = Sandbox::new();
    // Where requests are rare, a minute without one is no pause.
    sandbox.write("rare.jsonl", recorded(0, 100, 61).as_bytes());
    let rare = simulate(&sandbox, "--from rare.jsonl --no-plots").ok();
    assert_eq!(rare.stderr, "");
    assert!(rare.stdout.contains("For 1 h 40 min"), "{}", rare.stdout);
    let two = recorded(0, 60, 1) + &recorded(131, 30, 1);
    sandbox.write("two.jsonl", two.as_bytes());
    let two = simulate(&sandbox, "--from two.jsonl --no-plots").ok();
    assert!(
        two.stderr
            .contains("30 of 90 requests in two.jsonl are left out"),
        "{}",
        two.stderr
    );
}

#[test]
fn plain_characters_where_the_locale_has_no_others() {
    let mut command = sandbox().binary();
    let sandbox = sandbox();
    command.current_dir(sandbox.path(""));
    command
        .args(["simulate", "short.toml"])
        .env("LC_ALL", "C")
        .env("COLUMNS", "60");
    let ended = Ended::of(command.output().unwrap()).ok();
    assert!(ended.stdout.is_ascii(), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("goodput             |"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("###"), "{}", ended.stdout);
}

#[test]
fn mistakes_are_errors_that_name_line_and_field() {
    let sandbox = sandbox();
    sandbox.write("bad.toml", b"duration = '1m'\n[service]\ncapacity = -5\n");
    for (line, words) in [
        (
            "bad.toml",
            "bad.toml: line 3: capacity of service: -5 is not a number above 0",
        ),
        ("none.toml", "none.toml cannot be read: No such file"),
        (
            "storm",
            "\"storm\" is no scenario: it is the path of a file that ends in .toml, or one of outage, throttle",
        ),
        ("", "SCENARIO"),
        ("short.toml --policy fast", "\"fast\" is no policy"),
        (
            "short.toml --policy none --policy none",
            "two policies have the name \"none\"",
        ),
        (
            "short.toml --duration 5s",
            "An outage from 10 s to 14 s: that begins after the end",
        ),
        ("short.toml --duration 0", "--duration is longer than zero"),
        ("short.toml --fail-if lost", "it has no comparison"),
        ("short.toml --json --csv", "cannot be used with"),
    ] {
        simulate(&sandbox, line).failed(2, &[words]);
    }
}

/// A day of a million clients takes longer than anybody waits here.
#[test]
fn ctrl_c_gives_what_there_is() {
    let sandbox = Sandbox::new();
    let long = "duration = '1d'\n[clients]\ncount = 1000000\nthink = { mean = '5s' }\n";
    sandbox.write("long.toml", long.as_bytes());
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .args(["simulate", "long.toml", "--json", "--fail-if", "lost >= 0"])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_it_works(&child);
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    let json = ended.failed(130, &["stopping after Ctrl-C"]).json();
    assert_eq!(json["interrupted"], true);
    assert_eq!(json["failed"].as_array().map(Vec::len), Some(0));
    let seconds = json["outcomes"][0]["seconds"].as_f64().unwrap();
    assert!(seconds < 86_400.0, "{seconds}");
}
