//! Whether a result is right: one rule for all clients, which depends on evidence only.

use bytes::Bytes;

use crate::call::{Call, Failure, Kind, Reply};
use crate::content::Content;
use crate::folder::Objects;
use crate::request::Request;
use crate::scenario::{Prepared, Right, Scenario};

/// How a call ended.
#[derive(Debug)]
pub enum Outcome {
    Replied(Reply),
    Failed(Failure),
    /// Not ended within the scenario's limit.
    Hung,
}

/// The evidence beside the outcome.
pub struct Evidence<'e> {
    /// The objects on the server afterwards.
    pub objects: &'e Objects,
    /// The number of uploads and parts that the server still keeps.
    pub uploads: usize,
    pub requests: &'e [Request],
}

/// The outcome in a word: `Ok` if it is right, `Err` if it is wrong.
pub fn judge(
    scenario: &Scenario,
    outcome: &Outcome,
    evidence: &Evidence<'_>,
) -> Result<&'static str, String> {
    match (outcome, scenario.right) {
        (Outcome::Hung, _) => Err(format!("hung over {} s", scenario.limit.as_secs())),
        (
            Outcome::Replied(reply),
            Right::Success | Right::SuccessOrError | Right::SuccessOrOtherError,
        ) => succeeded(scenario, reply, evidence),
        (Outcome::Replied(reply), Right::OneVersionOrError) => {
            one_version(scenario, reply, evidence)
        }
        (
            Outcome::Replied(_),
            Right::Failure { .. } | Right::OtherError | Right::NamedError { .. },
        ) => Err("success".to_owned()),
        (Outcome::Failed(failure), Right::Success) => Err(failure.kind.as_str().to_owned()),
        (Outcome::Failed(_), Right::SuccessOrError | Right::OneVersionOrError) => Ok("error"),
        (Outcome::Failed(failure), Right::Failure { kind, immediately }) => {
            if failure.kind != kind {
                return Err(failure.kind.as_str().to_owned());
            }
            if immediately && evidence.requests.len() > 1 {
                return Err(format!("{}, but not immediately", kind.as_str()));
            }
            unchanged(scenario, evidence)?;
            Ok(kind.as_str())
        }
        (Outcome::Failed(failure), Right::OtherError | Right::SuccessOrOtherError) => {
            other_error(scenario, failure, evidence)
        }
        (Outcome::Failed(failure), Right::NamedError { words, requests }) => {
            other_error(scenario, failure, evidence)?;
            let text = failure.text.to_lowercase();
            if !words.iter().any(|word| text.contains(&word.to_lowercase())) {
                return Err("error that does not name the cause".to_owned());
            }
            if evidence.requests.len() > requests {
                return Err("error, but not immediately".to_owned());
            }
            Ok("error")
        }
    }
}

/// Whether an error is no statement about the object, and nothing has changed.
fn other_error(
    scenario: &Scenario,
    failure: &Failure,
    evidence: &Evidence<'_>,
) -> Result<&'static str, String> {
    if failure.kind != Kind::Other {
        return Err(failure.kind.as_str().to_owned());
    }
    unchanged(scenario, evidence).map_err(|what| format!("error, but {what}"))?;
    if evidence.uploads > 0 {
        return Err("error, but the upload was not aborted".to_owned());
    }
    Ok("error")
}

fn succeeded(
    scenario: &Scenario,
    reply: &Reply,
    evidence: &Evidence<'_>,
) -> Result<&'static str, String> {
    let before = before(scenario);
    match (&scenario.call, reply) {
        (Call::Get { key } | Call::GetPausing { key, .. }, Reply::Bodies(bodies)) => {
            same_bodies(bodies, &[&before[*key]])?;
        }
        (Call::GetRange { key, range }, Reply::Bodies(bodies)) => {
            let start = usize::try_from(range.start).map_err(|error| error.to_string())?;
            let end = usize::try_from(range.end).map_err(|error| error.to_string())?;
            same_bodies(bodies, &[&before[*key].slice(start..end)])?;
        }
        (Call::GetMany { keys }, Reply::Bodies(bodies)) => {
            let expected: Vec<_> = keys.iter().map(|key| &before[*key]).collect();
            same_bodies(bodies, &expected)?;
        }
        (Call::Head { key }, Reply::Size(size)) if *size != before[*key].len() as u64 => {
            return Err("wrong size".to_owned());
        }
        (Call::List { prefix }, Reply::Keys { listed, named }) => {
            let existing = before.keys().filter(|key| key.starts_with(prefix));
            same_keys(scenario, existing, listed, named)?;
        }
        (
            Call::Get { .. }
            | Call::GetPausing { .. }
            | Call::GetRange { .. }
            | Call::GetMany { .. }
            | Call::List { .. },
            _,
        ) => return Err("nothing was returned".to_owned()),
        _ => {}
    }
    same_objects(&after(scenario), evidence.objects)
        .map_err(|what| format!("success, but {what}"))?;
    if let Call::Create { .. } | Call::Update { .. } = scenario.call {
        let applied = evidence.requests.iter().filter(|one| one.was_applied());
        let applied = applied.count();
        if applied != 1 {
            return Err(format!("success, but applied {applied} times"));
        }
    }
    Ok("")
}

/// Whether the body is the whole of one version, the old or the new.
fn one_version(
    scenario: &Scenario,
    reply: &Reply,
    evidence: &Evidence<'_>,
) -> Result<&'static str, String> {
    let (Call::Get { key }, Reply::Bodies(bodies)) = (&scenario.call, reply) else {
        return Err("nothing was returned".to_owned());
    };
    let before = before(scenario);
    let versions = [before.get(*key), evidence.objects.get(*key)];
    if versions.contains(&bodies.first()) {
        Ok("")
    } else {
        Err("a mixture of two versions".to_owned())
    }
}

fn unchanged(scenario: &Scenario, evidence: &Evidence<'_>) -> Result<(), String> {
    same_objects(&before(scenario), evidence.objects)
}

/// The objects before the call.
pub fn before(scenario: &Scenario) -> Objects {
    let mut objects = Objects::new();
    for prepared in &scenario.prepared {
        match *prepared {
            Prepared::Object(key, content) => {
                objects.insert(key.to_owned(), content.bytes());
            }
            Prepared::Files(prefix, count) => {
                let files = (0..count).map(|n| (format!("{prefix}{n:05}"), FILE));
                objects.extend(files);
            }
            Prepared::Many(keys, content) => objects.extend(numbered(keys, content)),
        }
    }
    objects
}

/// The objects after a successful call.
fn after(scenario: &Scenario) -> Objects {
    let mut objects = before(scenario);
    match &scenario.call {
        Call::Create { key, content }
        | Call::Put { key, content }
        | Call::Update { key, content, .. }
        | Call::Upload { key, content } => {
            objects.insert((*key).to_owned(), content.bytes());
        }
        Call::PutMany { keys, content } => objects.extend(numbered(keys, *content)),
        Call::Copy { from, to } => {
            let copied = objects[*from].clone();
            objects.insert((*to).to_owned(), copied);
        }
        Call::Rename { from, to } => {
            let moved = objects.remove(*from).unwrap_or_default();
            objects.insert((*to).to_owned(), moved);
        }
        Call::Delete { key } => {
            objects.remove(*key);
        }
        Call::DeleteMany { keys } => objects.retain(|key, _| !keys.contains(&key.as_str())),
        Call::Get { .. }
        | Call::GetMany { .. }
        | Call::GetPausing { .. }
        | Call::GetRange { .. }
        | Call::Head { .. }
        | Call::List { .. } => {}
    }
    objects
}

fn numbered(keys: &[&str], content: Content) -> impl Iterator<Item = (String, Bytes)> {
    let keys = keys.iter().enumerate();
    keys.map(move |(number, key)| ((*key).to_owned(), content.numbered(number).bytes()))
}

fn same_bodies(bodies: &[Bytes], expected: &[&Bytes]) -> Result<(), String> {
    if bodies.iter().eq(expected.iter().copied()) {
        return Ok(());
    }
    let length: usize = bodies.iter().map(Bytes::len).sum();
    let wanted: usize = expected.iter().map(|bytes| bytes.len()).sum();
    Err(if length == wanted {
        "wrong bytes".to_owned()
    } else {
        format!("{length} bytes of {wanted}")
    })
}

/// Whether every key is listed once, and no other. A key that no object of the folder can have
/// may be named instead, and the marker of a folder may be left out.
fn same_keys<'k>(
    scenario: &'k Scenario,
    existing: impl Iterator<Item = &'k String>,
    listed: &'k [String],
    named: &'k [String],
) -> Result<(), String> {
    let (markers, odd): (Vec<&str>, Vec<&str>) =
        scenario.inserted_keys().partition(|key| key.ends_with('/'));
    let named = named.iter().map(String::as_str);
    let named = named.filter(|key| odd.contains(key));
    let listed = listed.iter().map(String::as_str);
    let listed = listed.filter(|key| !markers.contains(key));
    let mut found: Vec<&str> = listed.chain(named).collect();
    let mut wanted: Vec<&str> = existing.map(String::as_str).chain(odd.clone()).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    if found == wanted {
        return Ok(());
    }
    let other = found.iter().find(|key| !wanted.contains(key));
    Err(match other {
        Some(key) => format!("{key:?} is listed, and no such object exists"),
        None => format!("{} keys listed of {}", found.len(), wanted.len()),
    })
}

fn same_objects(expected: &Objects, found: &Objects) -> Result<(), String> {
    if let Some(key) = expected.keys().find(|key| !found.contains_key(*key)) {
        return Err(format!("{key} is missing"));
    }
    if let Some(key) = found.keys().find(|key| !expected.contains_key(*key)) {
        return Err(format!("{key} exists"));
    }
    match expected.iter().find(|(key, bytes)| found[*key] != **bytes) {
        Some((key, _)) => Err(format!("{key} has other bytes")),
        None => Ok(()),
    }
}

/// The content of files of which only the keys matter.
pub const FILE: Bytes = Bytes::from_static(b"file");

#[cfg(test)]
mod tests;
