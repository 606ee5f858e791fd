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
    sandbox.run("plan --html -").failed(2, &["this is a file"]);
}

/// It may have taken hours.
#[test]
fn a_simulation_is_shown_even_if_there_can_be_no_page_of_it() {
    let sandbox = Sandbox::new();
    let line = "simulate outage --policy default --no-plots --html no/folder/page.html";
    let ended = sandbox.run(line).failed(1, &["no/folder/page.html"]);
    assert!(ended.stdout.contains("recovers after"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_page_has_the_permissions_of_the_one_before_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let sandbox = Sandbox::new();
    sandbox.write("page.html", b"an older one");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path("page.html"), private).unwrap();
    symlink("page.html", sandbox.path("link.html")).unwrap();
    sandbox.run("plan --html link.html").ok();
    let link = fs::symlink_metadata(sandbox.path("link.html")).unwrap();
    assert!(link.is_symlink());
    assert!(sandbox.text("page.html").starts_with("<!DOCTYPE html>"));
    let page = fs::metadata(sandbox.path("page.html")).unwrap();
    assert_eq!(page.permissions().mode() & 0o777, 0o600);
}

/// The README shows two of the plots.
#[test]
fn the_pictures_are_those_of_the_pages() {
    let sandbox = Sandbox::new();
    for (name, picture) in PICTURES {
        sandbox
            .run(&format!("simulate {name} -q --html page.html"))
            .ok();
        let (_, plot) = picture
            .split_once("<g transform=\"translate(0, 58)\">")
            .unwrap();
        let (plot, _) = plot.split_once("</g>").unwrap();
        assert!(sandbox.text("page.html").contains(plot.trim()), "{name}");
    }
}

fn thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

const PICTURES: [(&str, &str); 2] = [
    (
        "outage",
        include_str!("../../../undaunted-sim/pictures/outage.svg"),
    ),
    (
        "throttle",
        include_str!("../../../undaunted-sim/pictures/throttle.svg"),
    ),
];
