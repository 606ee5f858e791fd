//! The reports, as documents and in a browser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;

use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::Event;
use undaunted::{Jitter, RetryConfig};
use undaunted_sim::{Budget, Builtin, Outcome, Plan, Policy, Report, Scenario, Usage};

#[test]
fn every_scenario_has_a_report_that_stands_alone() {
    for builtin in Builtin::ALL {
        let html = simulated(builtin);
        is_self_contained(&html);
        is_well_formed(&html);
        let figures = html.matches("<figure>").count();
        assert!(figures >= 2, "{}: {figures} plots", builtin.name);
        assert_eq!(
            html.matches("<svg role=\"img\" aria-label=").count(),
            figures
        );
        assert_eq!(
            html.matches("The numbers").count(),
            figures,
            "a table for each plot"
        );
    }
}

#[test]
fn the_words_come_first_and_say_who_loses_least() {
    let html = simulated(&Builtin::find("outage").unwrap());
    let words = html.find("The fewest calls are lost with").unwrap();
    assert!(words < html.find("<table>").unwrap());
    assert!(words < html.find("<svg").unwrap());
    assert!(html.contains("For 3 min 100 calls a second"), "{html}");
}

#[test]
fn a_plan_says_what_will_hurt_before_its_plots() {
    let html = planned().to_string();
    is_self_contained(&html);
    is_well_formed(&html);
    let warning = html.find("What will hurt").unwrap();
    assert!(warning < html.find("<svg").unwrap());
    assert_eq!(html.matches("<figure>").count(), 3);
    assert!(html.contains("Side by side"));
}

#[test]
fn a_policy_that_never_retries_has_a_report_too() {
    let never = RetryConfig::builder().max_retries(0).build().unwrap();
    let plan = Plan::new(&Policy::new("never", never), &Usage::default());
    let html = Report::of_plans(&[plan]).to_string();
    is_well_formed(&html);
    assert!(html.contains("It never retries"));
    assert!(!html.contains("<svg"));
    is_well_formed(&Report::of_plans(&[]).to_string());
    is_well_formed(&Report::of_outcomes(&Scenario::default(), &[]).to_string());
}

#[test]
fn a_fragment_changes_nothing_around_it() {
    let report = planned();
    let fragment = report.fragment();
    is_self_contained(&fragment);
    is_well_formed(&fragment);
    for (start, _) in fragment.match_indices("<svg") {
        assert!(report.to_string().contains(&fragment[start..start + 200]));
    }
    assert_eq!(fragment.matches("<figure>").count(), 3);
    let (_, style) = fragment.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let mut rules = 0;
    for rule in style.split('}') {
        let Some((selectors, _)) = rule.rsplit_once('{') else {
            continue;
        };
        // What comes before the selectors is a comment or `@media`.
        let selectors = selectors.rsplit(['{', '/']).next().unwrap_or_default();
        for selector in selectors.split(',') {
            assert!(selector.contains(".undaunted"), "{selector:?}");
            rules += 1;
        }
    }
    assert!(rules > 60, "{rules}");
}

#[test]
fn a_report_is_text_too() {
    let text = planned().text();
    assert!(text.starts_with("“default”: It rides out an outage of"));
    assert!(text.contains("\nwarning: “default”: "), "{text}");
    let table = text.split_once("Side by side:\n").unwrap().1;
    let mut rows = table.lines().take_while(|line| !line.is_empty());
    let width = rows.next().unwrap().chars().count();
    assert!(rows.all(|row| row.chars().count() == width), "{table}");
}

#[test]
fn an_outcome_can_be_read_again() {
    let file = Builtin::find("outage").unwrap().file().unwrap();
    let outcome = file.scenario.run(&file.policies[3]);
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(
        serde_json::from_value::<Outcome>(json.clone()).unwrap(),
        outcome
    );
    let mut without_ticks = json;
    without_ticks.as_object_mut().unwrap().remove("ticks");
    let read: Outcome = serde_json::from_value(without_ticks).unwrap();
    assert!(read.ticks.is_empty() && read.totals == outcome.totals);
}

#[test]
fn names_are_texts_and_never_markup() {
    let name = "</title><script>alert('&\u{1}\")</script>";
    let policy = Policy::new(name, RetryConfig::default());
    let scenario = Scenario {
        duration: Duration::from_secs(5),
        ..Scenario::default()
    };
    let outcomes = [scenario.run(&policy)];
    let simulated = Report::of_outcomes(&scenario, &outcomes)
        .titled(name)
        .made_by(name);
    let plan = Plan::new(&policy, &Usage::default());
    for html in [
        simulated.to_string(),
        simulated.fragment(),
        Report::of_plans(&[plan]).to_string(),
    ] {
        is_well_formed(&html);
        assert!(!html.contains("<script"), "{html}");
    }
}

#[test]
fn what_was_measured_lies_over_what_was_predicted() {
    let file = Builtin::find("outage").unwrap().file().unwrap();
    let predicted = file.run();
    // What a run against a server gives has the names of the policies.
    let other_seed = Scenario {
        seed: 2,
        ..file.scenario.clone()
    };
    let measured = [other_seed.run(&file.policies[0])];
    let html = Report::of_measured(&file.scenario, &predicted, &measured).to_string();
    is_well_formed(&html);
    assert!(html.contains(", measured"));
    assert!(html.contains("class=\"dashed"));
    assert!(html.contains("Measured with"));
}

fn simulated(builtin: &Builtin) -> String {
    let file = builtin.file().unwrap();
    Report::of_outcomes(&file.scenario, &file.run())
        .titled(builtin.summary)
        .made_by(format!("undaunted simulate {}", builtin.name))
        .to_string()
}

fn planned() -> Report {
    let usage = Usage::default();
    let full = RetryConfig::builder().jitter(Jitter::Full).build().unwrap();
    let full = Policy::new("full jitter", full).with_mean_wait_of(&RetryConfig::default());
    let mut storage = Policy::new("storage", RetryConfig::storage());
    storage.budget = Budget::None;
    let plans = [&Policy::new("default", RetryConfig::default()), &full]
        .map(|policy| Plan::new(policy, &usage));
    Report::of_plans(&plans).made_by("undaunted plan --compare full.toml")
}

/// Nothing is loaded, and nothing is run.
fn is_self_contained(html: &str) {
    for word in [
        "http://",
        "https://",
        "<script",
        "<link rel=\"stylesheet",
        "@import",
        "url(",
        "src=",
    ] {
        let found = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(word), "{word}");
    }
}

/// The page is HTML that is XML too but for the few elements that have no end.
fn is_well_formed(html: &str) {
    let mut xml = html.replacen("<!DOCTYPE html>", "", 1);
    for head in [
        "<meta charset=\"utf-8\">",
        "\">\n<meta",
        "\">\n<title>",
        "href=\"data:,\">",
    ] {
        xml = xml.replace(head, &head.replacen('>', "/>", 1));
    }
    let mut reader = Reader::from_str(&xml);
    let mut depth = 0_i32;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error} at {}", reader.error_position()),
        }
    }
    assert_eq!(depth, 0);
}
