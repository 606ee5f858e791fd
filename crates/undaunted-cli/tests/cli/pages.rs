//! `--html`: pages for a browser.

use std::fs;

use super::sandbox::Sandbox;

#[test]
fn plans_and_simulations_are_written_as_pages_beside_what_is_printed() {
    let sandbox = Sandbox::new();
    let plan = "plan --preset default --compare storage --html plan.html";
    let simulation = "simulate outage --duration 90s --html outage.html";
    for (line, page) in [(plan, "plan.html"), (simulation, "outage.html")] {
        let shown = sandbox.run(line).ok();
        assert!(
            !shown.stdout.is_empty() && !shown.stdout.contains("<svg"),
            "{line}"
        );
        let html = sandbox.text(page);
        assert!(html.starts_with("<!DOCTYPE html>"), "{line}");
        assert!(html.contains("<svg role=\"img\""), "{line}");
        // Whoever gets the file can make it again.
        assert!(
            html.contains(&format!("<code>undaunted {line}</code>")),
            "{line}"
        );
    }
}

#[test]
fn json_and_a_page_are_made_of_the_same_run() {
    let sandbox = Sandbox::new();
    let line = "simulate outage --duration 90s --policy default --json --html page.html";
    let json = sandbox.run(line).ok().json();
    let lost = json["outcomes"][0]["totals"]["lost"].as_u64().unwrap();
    assert!(lost > 0);
    let html = sandbox.text("page.html");
    let words = format!("“default”: {} of ", thousands(lost));
    assert!(html.contains(&words), "{words}: {html}");
}

#[test]
fn a_page_replaces_the_one_before_and_leaves_nothing_beside_it() {
    let sandbox = Sandbox::new();
    sandbox.write("page.html", b"an older one");
    sandbox.run("plan --html page.html").ok();
    assert!(sandbox.text("page.html").starts_with("<!DOCTYPE html>"));
    let names: Vec<String> = fs::read_dir(sandbox.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("page") || name.starts_with(".tmp"))
        .collect();
    assert_eq!(names, ["page.html"]);
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_that_names_it() {
    let sandbox = Sandbox::new();
    let line = "plan --html no/such/folder/page.html";
    let words = ["no/such/folder/page.html", "No such file or directory"];
    sandbox.run(line).failed(1, &words);
    sandbox.write("folder/file", b"");
    sandbox
        .run("simulate outage --html folder")
        .failed(1, &["folder"]);
    assert!(sandbox.path("folder/file").exists());
}

fn thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}
