//! The table, as Markdown for people and as lines of JSON for programs.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::Store;
use crate::cell::Cell;

#[derive(Serialize)]
struct Line<'c> {
    engine: &'c str,
    #[serde(flatten)]
    cell: &'c Cell,
}

pub(crate) fn append_json(path: &Path, engine: &str, cell: &Cell) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let line = serde_json::to_string(&Line { engine, cell })?;
    writeln!(file, "{line}")?;
    Ok(())
}

/// A row for each profile and store, over all seeds, and a line for each run that went wrong.
pub(crate) fn markdown(engine: &str, own: &str, cells: &[Cell]) -> String {
    let mut text = format!(
        "### {engine}\n\nIts own: {own}. Requests, faults and seconds are medians.\n\n\
         | profile | store | right | requests | faults | seconds |\n|---|---|---|---|---|---|\n"
    );
    let mut rows: Vec<(&str, Store)> = Vec::new();
    for cell in cells {
        if !rows.contains(&(&cell.profile, cell.store)) {
            rows.push((&cell.profile, cell.store));
        }
    }
    for (profile, store) in rows {
        let of_row: Vec<&Cell> = cells
            .iter()
            .filter(|cell| cell.profile == profile && cell.store == store)
            .collect();
        let right = of_row.iter().filter(|cell| cell.wrong.is_none()).count();
        let requests = median(of_row.iter().map(|cell| cell.traffic.requests), u64::cmp);
        let faults = median(of_row.iter().map(|cell| cell.traffic.faults), u64::cmp);
        let seconds = median(of_row.iter().map(|cell| cell.seconds), f64::total_cmp);
        let name = name(store);
        let _ = writeln!(
            text,
            "| {profile} | {name} | {right} of {} | {requests} | {faults} | {seconds:.1} |",
            of_row.len()
        );
    }
    text.push('\n');
    for cell in cells {
        if let Some(wrong) = &cell.wrong {
            let name = name(cell.store);
            let wrong = short(wrong);
            let _ = writeln!(
                text,
                "- {}, seed {}, {name}: {wrong}",
                cell.profile, cell.seed
            );
        }
    }
    text
}

fn name(store: Store) -> &'static str {
    match store {
        Store::Own => "its own",
        Store::Undaunted => "undaunted",
    }
}

/// Every row has a cell at least.
fn median<T: Copy + Default>(values: impl Iterator<Item = T>, order: fn(&T, &T) -> Ordering) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(order);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// One line of a length that a table's reader bears.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain("…".chars()).collect()
}

const LONGEST: usize = 400;
