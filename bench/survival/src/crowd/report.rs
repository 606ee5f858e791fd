//! The report of the crowds, in Markdown.

use std::fmt;

use chrono::Utc;

use super::pace::Row;
use super::wave::Figures;

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// The clients with their versions.
    pub versions: Vec<(&'static str, String)>,
    pub figures: Vec<Figures>,
    pub rows: Vec<Row>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# A crowd on a throttling service\n")?;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(
            f,
            "Measured {} on {cores} cores.\n",
            Utc::now().date_naive()
        )?;
        if !self.figures.is_empty() {
            self.table(f)?;
        }
        if !self.rows.is_empty() {
            writeln!(f, "| undaunted | measured | target | |")?;
            writeln!(f, "|---|---|---|---|")?;
        }
        for row in &self.rows {
            let met = if row.met { "met" } else { "**missed**" };
            let (name, measured, target) = (row.name, &row.measured, row.target);
            writeln!(f, "| {name} | {measured} | {target} | {met} |")?;
        }
        Ok(())
    }
}

impl Report {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{INTRODUCTION}")?;
        for (client, version) in &self.versions {
            writeln!(f, "- {client}: {version}")?;
        }
        let of = |client| {
            let figures = self.figures.iter();
            figures.filter(move |one| one.client == client)
        };
        write!(f, "\n| client |")?;
        let first = self.versions.first().map_or("", |(client, _)| client);
        for one in of(first) {
            write!(f, " {}, ideal {} s |", one.wave, one.ideal)?;
        }
        writeln!(f, "\n|---|{}", "---|".repeat(of(first).count()))?;
        for (client, _) in &self.versions {
            write!(f, "| {client} |")?;
            for figures in of(client) {
                write!(f, " {figures} |")?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }
}

const INTRODUCTION: &str = "\
N gets or puts of 1 KB begin at the same time, each of an object of its own, through one client. The
service admits 100 requests a second after a burst of 100, and refuses the others with 503 `SlowDown`.
Every result has a server of its own, and none runs beside another. A call is right if its bytes are
those of the object, or its object is stored. *req* are the requests that the server saw, also in
relation to N; the seconds are those until the last call ended, and if none failed also in relation to
the ideal, (N - 100) / 100 s. In Rust each call is a task, in Python a thread.
";
