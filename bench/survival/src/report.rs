//! The report, in Markdown.

use std::fmt;
use std::sync::Arc;

use chrono::Utc;

use crate::cell::Cell;
use crate::clients::Client;
use crate::scenario::Scenario;

/// Everything that was measured.
pub struct Matrix {
    pub clients: Vec<Arc<dyn Client>>,
    pub scenarios: Vec<Scenario>,
    pub cells: Vec<Cell>,
}

/// A result for which undaunted needed more than another client with the same outcome.
pub struct Excess<'m> {
    pub scenario: &'m Scenario,
    pub cell: &'m Cell,
    /// The minimum of the other clients.
    pub requests: usize,
    pub bytes_again: u64,
}

impl Excess<'_> {
    /// Whether the call succeeded. If every client ends in an error, the one that stops first
    /// needs least, which is no merit.
    pub fn survived(&self) -> bool {
        self.cell.what != "error"
    }
}

impl Matrix {
    fn cell(&self, scenario: &Scenario, client: &str) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| cell.scenario == scenario.name && cell.client == client)
    }

    /// The results of undaunted that are wrong.
    pub fn wrong(&self) -> Vec<&Cell> {
        let ours = self.scenarios.iter().filter_map(|one| self.cell(one, OURS));
        ours.filter(|cell| !cell.right).collect()
    }

    /// The results of undaunted that are right, if another client was right in the same way
    /// with less.
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

    /// Whether undaunted is right everywhere, and needs more than the best client only where the
    /// scenario has a reason.
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
        writeln!(f, "\n## Totals\n")?;
        writeln!(
            f,
            "| client | right, of all {} | hung | early |",
            self.scenarios.len()
        )?;
        writeln!(f, "|---|---|---|---|")?;
        for client in &self.clients {
            let client = &**client;
            if client.missing().is_some() {
                writeln!(f, "| {} | not installed | | |", client.name())?;
                continue;
            }
            writeln!(
                f,
                "| {} | {} | {} | {} |",
                client.name(),
                of(client, &|_, cell| usize::from(cell.right)),
                of(client, &|_, cell| usize::from(
                    cell.what.starts_with("hung")
                )),
                of(client, &|_, cell| cell.early),
            )?;
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
            "\n## Where {OURS} needs more than the best client that survives\n"
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
                "\nIf all clients that are right end in an error, the one that stops first needs \
                 least. These are not counted:\n"
            )?;
        }
        for one in &failed {
            writeln!(f, "- {one}")?;
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## All results\n")?;
        let names: Vec<_> = self.clients.iter().map(|client| client.name()).collect();
        writeln!(f, "| scenario | {} |", names.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(names.len()))?;
        for scenario in &self.scenarios {
            write!(f, "| {} |", scenario.name)?;
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
        writeln!(f, "\n## What is right\n")?;
        writeln!(f, "| scenario | right |")?;
        writeln!(f, "|---|---|")?;
        for scenario in &self.scenarios {
            writeln!(f, "| {} | {} |", scenario.name, scenario.says)?;
        }
        Ok(())
    }
}

impl fmt::Display for Excess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cell, requests) = (self.cell, self.requests);
        write!(
            f,
            "{}: {} requests, the best {requests}",
            cell.scenario, cell.requests
        )?;
        if cell.bytes_again > self.bytes_again {
            let (ours, best) = (Size(cell.bytes_again), Size(self.bytes_again));
            write!(f, "; {ours} sent again, the best {best}")?;
        }
        Ok(())
    }
}

/// A result in a few words.
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

/// The client that must be right everywhere.
pub const OURS: &str = "undaunted";

const INTRODUCTION: &str = "\
What S3 clients do in failure scenarios of S3. Every result is one call of one client, with a server
and a folder of its own. The server serves the folder over HTTP on a loopback port and injects the
faults of the scenario. Made by `cd bench && cargo run --release -p survival`.

A result is right if the outcome is that of the last table, judged by the returned value, the bytes,
the objects in the server's folder afterwards and the server's record of the requests. The rule is
the same for all clients. A corrupt byte may end in an error, since a stream cannot take back what it
has delivered, and an endless fault must. If only the caller can do something, such as set another
endpoint or region, the text of the error must name the cause: the text with those of its causes, or
for the SDK of AWS what its `DisplayErrorContext` shows. A call that has not ended after 60 s hangs.
With an endless fault it hangs after 200 s, since object_store and undaunted state a limit of 180 s.
(boto3 waits 60 s for a response, so its second attempt comes too late to count.)

*New retries* are those that AWS announced as the default of its SDKs from November 2026 on, and that
`AWS_NEW_RETRIES_2026=true` selects before. aws-sdk-s3 does not read the variable: aws-config does, and
passes `RetrySpec::v2_1()` on, as this program does by itself. boto3 runs with the variable, but this
version does not read it any more: its new retries are always on, so its two columns differ by chance.

A fault happens once unless the name of the scenario says otherwise. Web pages, full storage, another
region, tokens that are missing or repeated, odd keys, ignored ranges, decompressed bodies and missing
ETags of parts and of objects that are read are the same for every request. A *closed* connection ends
with a FIN, a *reset* one with a RST. If a *response is lost*, the server has applied the request.

The figures of a result are the requests that the server saw; *again*, the bytes of objects that were
sent beyond those that were needed; *early*, the requests before the time that a `Retry-After` asked
for; and the seconds of the call. Each result is one sample: the seconds depend on chance, and so do
the outcomes of faults that last for a time. The same client wrote the objects that it reads, with the
checksums that it prefers. The server responds to a repeated completion of an upload with the 404 that
S3 documents.
";

#[cfg(test)]
mod tests;
