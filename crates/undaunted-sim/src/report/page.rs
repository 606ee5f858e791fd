//! The page: words first, then tables, then plots.

use std::fmt::{self, Write};

use super::Report;
use super::chart::{Chart, Style};
use super::draw;

/// The whole document.
pub(super) fn write(report: &Report, f: &mut dyn Write) -> fmt::Result {
    let title = Escaped(&report.title);
    write!(
        f,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n"
    )?;
    style(f)?;
    write!(
        f,
        "</style>\n</head>\n<body class=\"undaunted\">\n<main class=\"main\">\n\
         <h1 class=\"title\">{title}</h1>\n"
    )?;
    body(report, f)?;
    f.write_str("</main>\n<footer>")?;
    if let Some(command) = &report.command {
        write!(f, "Made by <code>{}</code>, ", Escaped(command))?;
    }
    write!(
        f,
        "undaunted {}.</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// What another page takes in. It has no headings, and so it adds nothing to the contents of a notebook.
pub(super) fn fragment(report: &Report, f: &mut dyn Write) -> fmt::Result {
    f.write_str("<div class=\"undaunted\">\n<style>\n")?;
    style(f)?;
    write!(
        f,
        "{LIGHT_NOTEBOOKS} {{\n{LIGHT}}}\n{DARK_NOTEBOOKS} {{\n{DARK}}}\n</style>\n<div class=\"main\">\n\
         <div class=\"title\">{}</div>\n",
        Escaped(&report.title)
    )?;
    body(report, f)?;
    f.write_str("</div>\n</div>\n")
}

/// In light unless the browser asks for dark.
fn style(f: &mut dyn Write) -> fmt::Result {
    write!(
        f,
        ".undaunted {{\n{LIGHT}}}\n\
         @media (prefers-color-scheme: dark) {{ .undaunted {{\n{DARK}}} }}\n{STYLE}"
    )
}

fn body(report: &Report, f: &mut dyn Write) -> fmt::Result {
    for paragraph in &report.summary {
        writeln!(f, "<p class=\"summary\">{}</p>", Escaped(paragraph))?;
    }
    if !report.warnings.is_empty() {
        f.write_str(
            "<section class=\"warnings\"><div class=\"heading\">What will hurt</div><ul>\n",
        )?;
        for warning in &report.warnings {
            writeln!(f, "<li>{}</li>", Escaped(warning))?;
        }
        f.write_str("</ul></section>\n")?;
    }
    for table in &report.tables {
        table.write(f)?;
    }
    report.charts.iter().try_for_each(|chart| figure(chart, f))
}

fn figure(chart: &Chart, f: &mut dyn Write) -> fmt::Result {
    write!(
        f,
        "<figure>\n<figcaption>{}</figcaption>\n",
        Escaped(&chart.message)
    )?;
    legend(chart, f)?;
    match draw::svg(chart) {
        Ok(svg) => {
            let label = format!(
                "{} Up: {}. Across: {}.",
                chart.message, chart.up, chart.across
            );
            let role = format!("<svg role=\"img\" aria-label=\"{}\" ", Escaped(&label));
            let svg = svg.replacen("<svg ", &role, 1);
            writeln!(f, "<div class=\"wide\" tabindex=\"0\">{svg}</div>")?;
        }
        Err(problem) => writeln!(
            f,
            "<p>The plot could not be drawn: {}. Its numbers are below.</p>",
            Escaped(&problem)
        )?,
    }
    f.write_str("<details><summary>The numbers</summary>\n")?;
    chart.table().write(f)?;
    f.write_str("</details>\n</figure>\n")
}

/// What is drawn how. A single line needs none.
fn legend(chart: &Chart, f: &mut dyn Write) -> fmt::Result {
    f.write_str("<ul class=\"legend\">")?;
    for series in &chart.series {
        let (class, color) = match series.style {
            Style::Background => ("background", None),
            Style::Line(number) => ("line", Some(number)),
            Style::Dashed(number) => ("dashed", Some(number)),
            Style::Range(number) => ("range", Some(number)),
        };
        let color = color.map_or_else(String::new, |number| {
            let color = draw::color(number);
            format!(" c{:02X}{:02X}{:02X}", color.0, color.1, color.2)
        });
        let name = Escaped(&series.name);
        write!(f, "<li class=\"{class}{color}\">{name}</li>")?;
    }
    for band in &chart.bands {
        write!(f, "<li class=\"band\">{}</li>", Escaped(&band.name))?;
    }
    f.write_str("</ul>\n")
}

/// A text as it is written in HTML, also within quotes.
pub(super) struct Escaped<'t>(pub(super) &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // A browser would complain of them, and nobody could read them.
                letter if letter.is_control() && !letter.is_whitespace() => {
                    f.write_str("\u{fffd}")?;
                }
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = include_str!("style.css");
const LIGHT: &str = include_str!("light.css");
const DARK: &str = include_str!("dark.css");

/// How the pages of notebooks say that they are light or dark, whatever the browser asks for: those of
/// Jupyter, of VS Code and of Colab.
const LIGHT_NOTEBOOKS: &str = "[data-jp-theme-light=\"true\"] .undaunted, .vscode-light .undaunted, \
                               html[theme=\"light\"] .undaunted";
const DARK_NOTEBOOKS: &str = "[data-jp-theme-light=\"false\"] .undaunted, .vscode-dark .undaunted, \
                              html[theme=\"dark\"] .undaunted";
