//! The report, in Markdown.

use std::fmt::{self, Write};

use chrono::Utc;

use crate::cell::Cell;
use crate::clients::Client;
use crate::scenario::Scenario;
use std::sync::Arc;

/// Everything that was measured.
pub struct Matrix {
    pub clients: Vec<Arc<dyn Client>>,
    pub scenarios: Vec<Scenario>,
    pub cells: Vec<Cell>,
}

/// A cell in which our client needed more than another one that ended in the same way.
pub struct Excess<'m> {
    pub scenario: &'m Scenario,
    pub cell: &'m Cell,
    /// The fewest that another client needed.
    pub requests: usize,
    pub bytes_again: u64,
}

impl Excess<'_> {
    /// Whether the call got what it asked for. Where every client ends in an error, the one
    /// that gives up first needs least, which is no merit.
    pub fn survived(&self) -> bool {
        self.cell.what != "error"
    }
}

impl Matrix {
    fn cell(&self, scenario: &Scenario, client: &str) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| cell.scenario == scenario.name && cell.client == client)
    }

    /// Where our client was wrong.
    pub fn wrong(&self) -> Vec<&Cell> {
        let ours = self.scenarios.iter().filter_map(|one| self.cell(one, OURS));
        ours.filter(|cell| !cell.right).collect()
    }

    /// Where our client was right, and another one was in the same way and with less.
    pub fn excess(&self) -> Vec<Excess<'_>> {
        let excess = self.scenarios.iter().filter_map(|scenario| {
            let cell = self.cell(scenario, OURS).filter(|cell| cell.right)?;
            let others = self.cells.iter().filter(|other| {
                (&other.scenario, &other.what) == (&cell.scenario, &cell.what)
                    && other.client != OURS
                    && other.right
            });
            Some(Excess {
                scenario,
                cell,
                requests: others.clone().map(|other| other.requests).min()?,
                bytes_again: others.map(|other| other.bytes_again).min()?,
            })
        });
        excess
            .filter(|one| {
                one.cell.requests > one.requests || one.cell.bytes_again > one.bytes_again
            })
            .collect()
    }

    /// Whether our client is right everywhere, and needs more than the best only where there
    /// is a reason.
    pub fn passes(&self) -> bool {
        let mut excess = self.excess().into_iter();
        self.wrong().is_empty() && excess.all(|one| !one.survived() || one.scenario.price.is_some())
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Survival\n")?;
        writeln!(f, "{INTRODUCTION}")?;
        writeln!(
            f,
            "Measured {}, with default settings:\n",
            Utc::now().date_naive()
        )?;
        for client in &self.clients {
            writeln!(f, "- {}: {}", client.name(), client.version())?;
        }
        self.totals(f)?;
        self.ours(f)?;
        self.table(f)?;
        self.meanings(f)
    }
}

impl Matrix {
    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |client: &dyn Client, which: &dyn Fn(&Scenario, &Cell) -> usize| {
            let scenarios = self.scenarios.iter();
            let counts =
                scenarios.filter_map(|one| Some(which(one, self.cell(one, client.name())?)));
            counts.sum::<usize>()
        };
        let forty = self.scenarios.iter().filter(|one| one.of_the_forty).count();
        writeln!(f, "\n## Totals\n")?;
        writeln!(
            f,
            "| client | right, of the first {forty} | right, of all {} | hung | came too early |",
            self.scenarios.len()
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        for client in &self.clients {
            let client = &**client;
            if client.missing().is_some() {
                writeln!(f, "| {} | not installed | | | |", client.name())?;
                continue;
            }
            writeln!(
                f,
                "| {} | {} | {} | {} | {} |",
                client.name(),
                of(client, &|one, cell| usize::from(
                    one.of_the_forty && cell.right
                )),
                of(client, &|_, cell| usize::from(cell.right)),
                of(client, &|_, cell| usize::from(
                    cell.what.starts_with("hung")
                )),
                of(client, &|_, cell| cell.early),
            )?;
        }
        for scenario in self.scenarios.iter().filter(|one| one.verified) {
            writeln!(f, "\n{}: {VERIFIED}", scenario.name)?;
        }
        Ok(())
    }

    fn ours(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## Where {OURS} is wrong\n")?;
        for cell in self.wrong() {
            writeln!(f, "- {}: {}", cell.scenario, Short(cell))?;
        }
        if self.wrong().is_empty() {
            writeln!(f, "Nowhere.")?;
        }
        let (survived, failed): (Vec<_>, Vec<_>) =
            self.excess().into_iter().partition(Excess::survived);
        writeln!(
            f,
            "\n## Where {OURS} needs more than the best of those that survive\n"
        )?;
        for one in &survived {
            writeln!(
                f,
                "- {one}. {}",
                one.scenario.price.unwrap_or("No reason is known.")
            )?;
        }
        if survived.is_empty() {
            writeln!(f, "Nowhere.")?;
        }
        if !failed.is_empty() {
            writeln!(
                f,
                "\nWhere those that are right all end in an error, the first to give up needs \
                 least; these are not counted:\n"
            )?;
        }
        for one in &failed {
            writeln!(f, "- {one}")?;
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## All cells\n")?;
        let names: Vec<_> = self.clients.iter().map(|client| client.name()).collect();
        writeln!(f, "| | scenario | {} |", names.join(" | "))?;
        writeln!(f, "|---|---|{}", "---|".repeat(names.len()))?;
        for (number, scenario) in (1..).zip(&self.scenarios) {
            write!(f, "| {number} | {} |", scenario.name)?;
            for client in &self.clients {
                match self.cell(scenario, client.name()) {
                    Some(cell) => write!(f, " {} |", Short(cell))?,
                    None => write!(f, " not installed |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn meanings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## What right is\n")?;
        writeln!(f, "| | scenario | right |")?;
        writeln!(f, "|---|---|---|")?;
        for (number, scenario) in (1..).zip(&self.scenarios) {
            let mut says = scenario.says.to_owned();
            if scenario.verified {
                let _ = write!(says, " {VERIFIED}");
            }
            writeln!(f, "| {number} | {} | {says} |", scenario.name)?;
        }
        Ok(())
    }
}

impl fmt::Display for Excess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cell, requests) = (self.cell, self.requests);
        write!(
            f,
            "{}: {} requests for {requests}",
            cell.scenario, cell.requests
        )?;
        if cell.bytes_again > self.bytes_again {
            let (ours, best) = (Size(cell.bytes_again), Size(self.bytes_again));
            write!(f, ", and {ours} sent again for {best}")?;
        }
        Ok(())
    }
}

/// A cell in a few words.
struct Short<'c>(&'c Cell);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(cell) = self;
        match (cell.right, cell.what.as_str()) {
            (true, "") => write!(f, "ok")?,
            (true, what) => write!(f, "ok, {what}")?,
            (false, what) => write!(f, "**WRONG**: {what}")?,
        }
        write!(f, "; {} req", cell.requests)?;
        if cell.bytes_again > 0 {
            write!(f, "; {} again", Size(cell.bytes_again))?;
        }
        if cell.early > 0 {
            write!(f, "; {} early", cell.early)?;
        }
        write!(f, "; {:.2} s", cell.seconds)
    }
}

/// A number of bytes.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ ..10_000 => write!(f, "{bytes} B"),
            bytes @ ..10_000_000 => write!(f, "{} kB", bytes / 1000),
            bytes => write!(f, "{} MB", bytes / 1_000_000),
        }
    }
}

/// The client that has to be right everywhere.
pub const OURS: &str = "undaunted";

const VERIFIED: &str = "undaunted runs with `verify_reads()`. That is off by default, and without it \
                        undaunted hands the wrong byte over.";

const INTRODUCTION: &str = "\
What S3 clients do when S3 does not do what it should. Every cell is one call of one client on a
server of its own, which serves a folder and has the scenario's faults in front of it, over HTTP
on a loopback port. Made by `cd bench && cargo run --release -p survival`.

A cell is right if the outcome is what the last table says, by what the call returned, by the
bytes, by the objects in the server's folder afterwards and by the server's record of the
requests; the rule is the same for all. In the first 40 scenarios that is success, but for two: a
corrupt byte may end in an error, since what a stream has handed over cannot be taken back, and an
endless fault must. A call that has not ended after 60 s hangs; where a fault is endless after
200 s, since object_store and undaunted state a limit of 180 s. (boto3 waits 60 s for an answer, so
its second attempt comes too late to count.)

What stands in a cell after that: the requests that the server saw; *again*, the bytes of objects
that went over the wire beyond those that had to; *early*, requests that came before the time that
a `Retry-After` had asked for; and the seconds of the call. Each cell is one sample: seconds have
chance in them, and so do outcomes where a fault lasts for a time. What is read was written by the
same client before, with the checksums that it likes. The server answers a repeated completion of
an upload with 403, as its S3 implementation does, and where the scenario says so with the 404 that
S3 documents.
";

#[cfg(test)]
mod tests;
