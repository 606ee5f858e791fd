//! The reports in headless Chromium: nothing is complained of, everything is drawn, on a wide screen
//! and on a phone, in light and in dark.

use std::fs;
use std::path::Path;
use std::process::Command;

use undaunted_sim::{Builtin, Report, ScenarioFile};

use super::{planned, simulated};

#[test]
fn a_browser_draws_all_plots() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: chromium is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let throttle = simulated(&Builtin::find("throttle").unwrap());
    let outage = simulated(&Builtin::find("outage").unwrap());
    let pages = [
        ("plan", planned().to_string()),
        ("throttle", throttle),
        ("outage", outage),
        ("long name", long_name()),
        // As a notebook shows it, whose theme need not be that of the browser.
        ("notebook", notebook("false")),
        ("light notebook", notebook("true")),
    ];
    for (name, html) in pages {
        let plots = html.matches("<svg ").count();
        let page = folder.path().join(format!("{name}.html"));
        fs::write(&page, html.replace("</body>", &format!("{PROBE}</body>"))).unwrap();
        for (width, scheme) in [(1280, LIGHT), (390, DARK)] {
            let seen = look(browser, &page, width, scheme);
            let expected = format!("plots={plots} drawn={plots} wider=false");
            assert!(seen.contains(&expected), "{name} at {width}: {seen}");
            let dark = scheme == DARK;
            assert!(seen.contains(&format!("dark={dark}")), "{name}: {seen}");
        }
    }
}

/// What the probe says of a page, after a look at what the browser complained of.
fn look(browser: &str, page: &Path, width: u32, scheme: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
        ])
        .args([
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = complaints
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let document = String::from_utf8_lossy(&output.stdout);
    let (_, seen) = document
        .split_once("<pre id=\"probe\">")
        .expect("the probe's element");
    seen.split("</pre>").next().unwrap_or_default().to_owned()
}

/// A policy may have any name.
fn long_name() -> String {
    let file = format!(
        "[clients]\nper_second = 5\n[[policy]]\nname = \"{}\"\n[[policy]]\nname = \"b\"\n",
        "x".repeat(100)
    );
    let file: ScenarioFile = file.parse().unwrap();
    Report::of_outcomes(&file.scenario, &file.run()).to_string()
}

/// A page of another application that is dark or light, with a report in it.
fn notebook(is_light: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><meta name=\"color-scheme\" content=\"light dark\"><title>n</title>\
         <link rel=\"icon\" href=\"data:,\"></head><body data-jp-theme-light=\"{is_light}\"><p>A cell</p>{}\
         </body></html>",
        planned().fragment()
    )
}

fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
}

/// Counts the plots that have a line or a bar within their frame, and whether the page is wider than
/// the screen. It is a part of the test and not of the report.
const PROBE: &str = r#"<pre id="probe"></pre><script>
const plots = [...document.querySelectorAll('svg')];
const isDrawn = plot => [...plot.querySelectorAll('polyline, path, rect')].some(shape => {
  const box = shape.getBoundingClientRect(), frame = plot.getBoundingClientRect();
  const color = getComputedStyle(shape);
  return (box.width > frame.width / 4 || box.height > 3)
    && box.left >= frame.left - 1 && box.right <= frame.right + 1
    && (color.stroke.startsWith('rgb') || color.fill.startsWith('rgb'));
});
const page = document.documentElement;
document.getElementById('probe').textContent = `plots=${plots.length}`
  + ` drawn=${plots.filter(isDrawn).length} wider=${page.scrollWidth > window.innerWidth}`
  + ` width=${window.innerWidth} dark=${matchMedia('(prefers-color-scheme: dark)').matches}`;
</script>"#;

const DARK: &str = "0";
const LIGHT: &str = "1";
