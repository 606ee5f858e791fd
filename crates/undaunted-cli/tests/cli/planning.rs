//! `plan`: what a policy does, in words, as a table and over time.

use serde_json::Value;

use super::sandbox::{Ended, Sandbox};

/// `plan` in a terminal of 100 columns.
fn plan(sandbox: &Sandbox, line: &str) -> Ended {
    plan_in(sandbox, line, "en_GB.UTF-8")
}

fn plan_in(sandbox: &Sandbox, line: &str, locale: &str) -> Ended {
    let mut command = sandbox.binary();
    command.arg("plan").args(line.split_whitespace());
    command.env("LC_ALL", locale).env("COLUMNS", "100");
    Ended::of(command.output().unwrap())
}

/// The text without its line breaks.
fn flat(text: &str) -> String {
    text.replace('\n', " ")
}

#[test]
fn the_default_is_said_in_sentences_then_shown() {
    let shown = plan(&Sandbox::new(), "--preset default").ok().stdout;
    let expected = "\
default: at most 3 retries, after 1s, then 2 times as long each up to 1m, ±25 %; no budget
It rides out an outage of 7 s in the median, 5.25 s at least and 8.75 s at most.
At worst a call makes 4 requests, and sends 3 MB again. A service that is loaded above 25 % may stay
overloaded by that.
";
    // The median of 20,000 draws is not round.
    let rounded = shown
        .replace("7.01 s in", "7 s in")
        .replace("6.99 s in", "7 s in");
    assert!(rounded.starts_with(expected), "{shown}");
    for words in [
        "1,000 clients that fail together come back in waves",
        "retry  delay  at least  on average  at most      begins after\n1        1 s    750 ms",
        "  5.25 s to 8.75 s\n",
        "When each retry begins after the first attempt, on average at █:\nretry 1  │       ━",
        "━█━",
        "\nwarning: Nothing ends an attempt that gets no response",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
    assert!(shown.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn the_policy_is_that_of_stores_unless_it_is_named() {
    let sandbox = Sandbox::new();
    let shown = plan(&sandbox, "--max-retries 4 --clients 20 --put-size 5MiB").ok();
    for words in [
        "storage, changed: at most 4 retries, after 100ms (1s if throttled)",
        "; a budget and a pacer It rides",
        "Where it is throttled, that is ",
        "At worst a call makes 5 requests, and sends 21 MB again.",
        "20 clients that fail together",
    ] {
        assert!(
            flat(&shown.stdout).contains(words),
            "{words}\n{}",
            shown.stdout
        );
    }
    sandbox.write(
        "app.toml",
        b"[server]\nport = 80\n\n[retry]\nmax_retries = 2\nretryable_status = [423]\n",
    );
    let shown = plan(&sandbox, "--policy app.toml --as store --budget none").ok();
    let head = "app: at most 2 retries, after 1s, then 2 times as long each up to 1m, ±25 %; no \
                budget, a pacer It ";
    assert!(flat(&shown.stdout).starts_with(head), "{}", shown.stdout);

    let mut command = sandbox.binary();
    command.args(["plan", "--env", "MY_APP", "--json"]);
    command.env("MY_APP_MAX_RETRIES", "7");
    let json = Ended::of(command.output().unwrap()).ok().json();
    assert_eq!(json["plan"]["policy"], "MY_APP");
    assert_eq!(json["config"]["max_retries"], 7);
    assert_eq!(json["plan"]["requests_at_worst"], 8.0);
}

#[test]
fn what_will_hurt_is_said() {
    let line = "--preset default --person-waits --caller-timeout 5s --other-retries 3,3 --jitter 0";
    let shown = plan(&Sandbox::new(), line).ok().stdout;
    for words in [
        "warning: Retries within retries multiply: a call makes up to 64 requests",
        "warning: A person waits up to 7 s",
        "warning: The caller stops waiting after 5 s",
        "warning: There is no budget",
        "warning: Clients that fail together come back together",
    ] {
        assert!(flat(&shown).contains(words), "{words}\n{shown}");
    }
}

#[test]
fn two_policies_are_compared_at_equal_means() {
    let sandbox = Sandbox::new();
    sandbox.write("full.toml", b"jitter = 'full'\n");
    let shown = plan(&sandbox, "--preset default --compare full.toml")
        .ok()
        .stdout;
    for words in [
        "\ndefault: at most 3 retries",
        "\nfull: at most 3 retries, after 2s, then",
        "outage ridden out, median",
        "full is shown with a base delay of 2 s, so that its delays together are on average as long as",
    ] {
        let shown = format!("\n{shown}");
        let is_in = shown.contains(words) || flat(&shown).contains(words);
        assert!(is_in, "{words}\n{shown}");
    }
    let json = plan(&sandbox, "--preset default --compare full.toml --json").ok();
    let json = json.json();
    assert_eq!(
        json["comparison"]["policies"],
        serde_json::json!(["default", "full"])
    );
    let means = ["plan", "other"].map(|which| {
        let plan = if which == "plan" {
            &json["plan"]
        } else {
            &json["other"]["plan"]
        };
        plan["outage"]["seconds"]["mean"].as_f64().unwrap()
    });
    assert!((means[0] / means[1] - 1.0).abs() < 0.02, "{means:?}");
}

#[test]
fn plain_characters_where_the_locale_has_no_others() {
    let shown = plan_in(&Sandbox::new(), "--preset storage --max-retries 3", "C")
        .ok()
        .stdout;
    assert!(shown.contains("retry 1  |---"), "{shown}");
    // The sentences have a ± at most.
    assert!(!shown.contains('█') && !shown.contains('│'), "{shown}");
}

#[test]
fn extremes_are_shown() {
    let sandbox = Sandbox::new();
    let shown = plan(&sandbox, "--max-retries 0").ok().stdout;
    assert!(shown.contains("It never retries"), "{shown}");
    let shown = plan(&sandbox, "--max-retries 4294967295 --total-timeout none")
        .ok()
        .stdout;
    assert!(
        shown.contains("and 4,294,967,275 more, number 1,000 of them after"),
        "{shown}"
    );
    let shown = plan(
        &sandbox,
        "--base-delay 0 --throttled-base-delay 0 --max-delay 0",
    )
    .ok();
    assert!(
        shown.stdout.contains("It rides out an outage of 0 s"),
        "{shown:?}"
    );
    plan(&sandbox, "--base-delay 10000000h --max-delay 100000000h").ok();
}

/// What is not so is not said: a cap, or a policy that never retries, may leave no base delay that does.
#[test]
fn a_comparison_says_where_means_are_not_equal() {
    for line in [
        "--preset background --compare interactive",
        "--preset default --max-retries 0 --compare storage",
    ] {
        let shown = flat(&plan(&Sandbox::new(), line).ok().stdout);
        assert!(
            shown.contains(" is shown as it is: no base delay"),
            "{shown}"
        );
        assert!(!shown.contains("is shown with a base delay"), "{shown}");
        assert!(!shown.contains("after 0s"), "{shown}");
    }
}

/// The table and the bars count what attempts take, as the sentences do.
#[test]
fn attempts_take_their_time_in_the_table_too() {
    let shown = plan(&Sandbox::new(), "--preset default --attempt-takes 5s")
        .ok()
        .stdout;
    for words in [
        "20.2 s at least and 23.8 s at most",
        "  5.75 s to 6.25 s\n",
        "  20.2 s to 23.8 s\n",
        " 23.8 s\n\n",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}

/// Nothing that is read is written over.
#[test]
fn a_page_does_not_replace_the_policy_that_it_is_made_from() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", b"max_retries = 2\n");
    for line in [
        "--policy p.toml --html p.toml",
        "--policy ./p.toml --html p.toml",
        "--compare p.toml --html p.toml",
    ] {
        plan(&sandbox, line).failed(2, &["p.toml would replace a file that is read"]);
        assert_eq!(sandbox.read("p.toml"), b"max_retries = 2\n");
    }
}

#[test]
fn mistakes_are_errors_that_name_them() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bad.toml",
        b"[retry]\nmax_retries = 3\nbase_delay = 'soon'\n",
    );
    sandbox.write(
        "two.toml",
        b"[[policy]]\nname = 'a'\n[[policy]]\nname = 'b'\n",
    );
    for (line, words) in [
        (
            "--policy bad.toml",
            "bad.toml: line 3: base_delay of policy \"bad\": ",
        ),
        (
            "--policy none.toml",
            "none.toml cannot be read: No such file",
        ),
        (
            "--policy two.toml",
            "two.toml has 2 policies: give a file with one",
        ),
        (
            "--compare fast",
            "\"fast\" is no policy: it is default, interactive",
        ),
        ("--preset storage --policy bad.toml", "cannot be used with"),
        ("--budget large", "it is one of none, shipped"),
        ("--clients 0", "--clients"),
        ("--put-size much", "a size is a whole number"),
        ("--caller-timeout soon", "a duration is"),
        ("--exponential-base 0.5", "at least 1"),
    ] {
        plan(&sandbox, line).failed(2, &[words]);
    }
    let mut command = sandbox.binary();
    command.args(["plan", "--env", "MY_APP"]);
    command.env("MY_APP_MAX_RETRY", "7");
    Ended::of(command.output().unwrap()).failed(2, &["MY_APP_MAX_RETRY"]);
}

#[test]
fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
    let sandbox = Sandbox::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let ended = std::process::Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .arg("plan")
        .current_dir(sandbox.path(""))
        .stdout(full)
        .output()
        .unwrap();
    Ended::of(ended).failed(1, &["stdout cannot be written to: No space left"]);
}

/// What a program reads is complete.
#[test]
fn the_document_has_schedule_sentences_and_warnings() {
    let json = plan(&Sandbox::new(), "--preset default --json").ok().json();
    let plan = &json["plan"];
    assert_eq!(plan["schedule"][2]["nominal"], 4.0);
    assert_eq!(plan["outage"]["seconds"]["max"], 8.75);
    assert_eq!(plan["warnings"][0]["kind"], "no_timeout");
    assert_eq!(json["sentences"].as_array().map(Vec::len), Some(3));
    let warning = json["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Nothing ends an attempt"), "{warning}");
    assert_eq!(json.get("other"), None::<&Value>);
}
