//! `--print`: the scenario as a file, with what flags change.

use std::path::Path;
use std::time::Duration;

use undaunted_sim::ScenarioFile;

use super::SimulateArgs;
use super::setup::Setup;
use crate::error::UsageError;
use crate::policies::{self, PolicyText};

/// The text of the scenario with the seed, the duration and the policies of the flags. What the file says
/// besides, its comments too, stays as it is.
pub(super) fn text(setup: &Setup, args: &SimulateArgs) -> Result<String, UsageError> {
    let mut blocks = blocks(&format!("{}\n", setup.text.trim_end()));
    if let Some(seed) = args.seed {
        set(&mut blocks[0], "seed", &seed.to_string());
    }
    if let Some(duration) = args.duration {
        set(&mut blocks[0], "duration", &written(duration));
    }
    if !args.policy.is_empty() {
        choose(&mut blocks, setup, &args.policy)?;
    }
    let text = blocks.concat();
    // Tables may be written in ways that are not found here.
    let is_right = text
        .parse::<ScenarioFile>()
        .is_ok_and(|file| file.scenario == setup.scenario && file.policies == setup.policies);
    if !is_right {
        return Err(UsageError::NotPrinted);
    }
    Ok(text)
}

/// Puts the named policies in the place of those of the file.
fn choose(blocks: &mut Vec<String>, setup: &Setup, names: &[String]) -> Result<(), UsageError> {
    let (own, mut rest): (Vec<String>, Vec<String>) = blocks
        .drain(..)
        .partition(|block| header(block) == Some(POLICY));
    for name in names {
        let place = setup.own.iter().position(|own| own == name);
        let mut added = match place {
            Some(place) => {
                let text = own.get(place).cloned();
                // A file without policies has the default.
                vec![text.unwrap_or_else(|| table("default", ""))]
            }
            None => match policies::text_of(name)? {
                PolicyText::Preset(fields) => vec![table(name, fields)],
                PolicyText::File(text) => of_file(name, &text),
            },
        };
        for block in &mut added {
            block.truncate(block.trim_end().len());
            block.push('\n');
        }
        for block in added {
            if let Some(before) = rest.last_mut() {
                before.truncate(before.trim_end().len());
                before.push_str(if before.is_empty() { "" } else { "\n\n" });
            }
            rest.push(block);
        }
    }
    *blocks = rest;
    Ok(())
}

/// The policies of a file of policies, as tables of a scenario.
fn of_file(path: &str, text: &str) -> Vec<String> {
    let blocks = blocks(text);
    let of = |name: &str| -> Vec<String> {
        let those = blocks.iter().filter(|block| header(block) == Some(name));
        those.cloned().collect()
    };
    let several = of(POLICY);
    if !several.is_empty() {
        return several;
    }
    let name = Path::new(path)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let one = of("[retry]");
    let fields = one.first().map_or(text, String::as_str);
    let fields: Vec<&str> = fields
        .lines()
        .filter(|line| line.trim() != "[retry]")
        .collect();
    vec![table(&name, &fields.join("\n"))]
}

/// A policy of these fields. It is called so, unless they have a name.
fn table(name: &str, fields: &str) -> String {
    let is_named = fields.lines().any(|line| is_key(line, "name"));
    let name = if is_named {
        String::new()
    } else {
        // What JSON has in quotes, TOML reads too.
        format!("name = {}\n", serde_json::Value::from(name))
    };
    format!("{POLICY}\n{name}{fields}\n")
}

/// The lines before the first table, and each table with the comments above it.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    let mut comments = String::new();
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        if start.starts_with('#') && blocks.last().is_some_and(|block| ends_paragraph(block)) {
            comments.push_str(line);
            continue;
        }
        let goes_on = !start.starts_with(['#', '[']);
        if let Some(block) = blocks.last_mut().filter(|_| goes_on) {
            block.push_str(&std::mem::take(&mut comments));
        }
        if start.starts_with('[') {
            blocks.push(std::mem::take(&mut comments));
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
        }
    }
    if let Some(block) = blocks.last_mut() {
        block.push_str(&comments);
    }
    blocks
}

fn ends_paragraph(block: &str) -> bool {
    block.is_empty() || block.ends_with("\n\n")
}

/// The line with which a table begins.
fn header(block: &str) -> Option<&str> {
    let mut lines = block
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.find(|line| !line.is_empty())
}

/// Sets a field at the top of a file.
fn set(block: &mut String, key: &str, value: &str) {
    let new = format!("{key} = {value}\n");
    let mut lines: Vec<&str> = block.split_inclusive('\n').collect();
    if let Some(line) = lines.iter_mut().find(|line| is_key(line, key)) {
        *line = &new;
    } else {
        let end = lines.iter().rposition(|line| !line.trim().is_empty());
        lines.insert(end.map_or(0, |end| end + 1), &new);
    }
    *block = lines.concat();
}

fn is_key(line: &str, key: &str) -> bool {
    let rest = line.trim_start().strip_prefix(key);
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn written(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        return duration.as_secs().to_string();
    }
    duration.as_secs_f64().to_string()
}

const POLICY: &str = "[[policy]]";
