//! One result of the report: one client in one scenario, with a server and a folder of its own.
//!
//! Thousands of files are written and read here while the calls of other results are measured on the
//! same runtime, so it is told of that: where the disk was slow, calls seemed to hang.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use serde::Serialize;
use tokio::task::block_in_place;
use undaunted_chaos::server::S3Server;

use crate::call::{Call, Failure};
use crate::clients::{Client, Endpoint};
use crate::folder;
use crate::provider::Provider;
use crate::request::Request;
use crate::scenario::{Prepared, Scenario};
use crate::traffic::Traffic;
use crate::verdict::{self, Evidence, FILE, Outcome, judge};

/// The result.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    pub scenario: String,
    pub client: &'static str,
    pub right: bool,
    /// The outcome in a word; empty for a plain success.
    pub what: String,
    /// The text of the error, if there was one.
    pub error: Option<String>,
    pub requests: usize,
    /// Bytes of objects that were sent beyond those that were needed.
    pub bytes_again: u64,
    /// Requests before the time that the server asked for.
    pub early: usize,
    pub seconds: f64,
}

/// Runs one client in one scenario.
///
/// # Errors
///
/// If the bench itself fails, which says nothing about the client.
pub async fn run(
    client: &dyn Client,
    scenario: &Scenario,
    provider: &Arc<Provider>,
) -> io::Result<Cell> {
    let root = tempfile::tempdir()?;
    prepare(client, scenario, root.path()).await?;
    let mut server = S3Server::builder()
        .root(root.path())
        .plan(scenario.faults.plan());
    if let Some(entries) = scenario.page_size {
        server = server.page_size(entries);
    }
    let server = server.start().await?;
    if let Some(rule) = scenario.faults.rule_for(server.address().port()) {
        server.plan().add(rule);
    }
    let mut endpoint = Endpoint::of(&server);
    endpoint.provider = scenario.temporary_keys.then(|| provider.clone());
    let session = client.connect(&endpoint).await.map_err(broken)?;

    let start = Instant::now();
    let ended = tokio::time::timeout(scenario.limit, session.run(&scenario.call)).await;
    let seconds = start.elapsed().as_secs_f64();
    let outcome = match ended {
        Ok(Ok(reply)) => Outcome::Replied(reply),
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(_) => Outcome::Hung,
    };

    let requests = settled(&server).await;
    let (objects, uploads) = block_in_place(|| {
        let found = (folder::objects(root.path())?, folder::uploads(root.path())?);
        drop((server, root));
        io::Result::Ok(found)
    })?;
    let evidence = Evidence {
        objects: &objects,
        uploads,
        requests: &requests,
    };
    let verdict = judge(scenario, &outcome, &evidence);
    let traffic = Traffic::of(&requests, needed(scenario), scenario.hint);
    Ok(Cell {
        scenario: scenario.name.clone(),
        client: client.name(),
        right: verdict.is_ok(),
        what: verdict.map_or_else(|wrong| wrong, str::to_owned),
        error: match outcome {
            Outcome::Failed(failure) => Some(failure.text),
            Outcome::Replied(_) | Outcome::Hung => None,
        },
        requests: traffic.requests,
        bytes_again: traffic.again,
        early: traffic.early,
        seconds,
    })
}

/// Creates the objects of the scenario through another server on the same folder, without
/// faults, so that the record of the first server has the requests of the call only.
async fn prepare(
    client: &dyn Client,
    scenario: &Scenario,
    root: &std::path::Path,
) -> io::Result<()> {
    fs::create_dir_all(root.join(crate::clients::BUCKET))?;
    let server = S3Server::builder().root(root).start().await?;
    let mut session = None;
    for prepared in &scenario.prepared {
        match *prepared {
            Prepared::Object(key, content) => {
                if session.is_none() {
                    let endpoint = Endpoint::of(&server);
                    session = Some(client.connect(&endpoint).await.map_err(broken)?);
                }
                if let Some(session) = &session {
                    let put = Call::Put { key, content };
                    let put = tokio::time::timeout(PREPARING, session.run(&put)).await?;
                    put.map_err(broken)?;
                }
            }
            Prepared::Files(prefix, count) => {
                let put = |number| folder::put(root, &format!("{prefix}{number:05}"), &FILE);
                block_in_place(|| (0..count).try_for_each(put))?;
            }
            Prepared::Many(keys, content) => {
                block_in_place(|| folder::put_many(root, keys, content))?;
            }
        }
    }
    Ok(())
}

/// The requests, once all of them have ended or a moment has passed.
pub async fn settled(server: &S3Server) -> Vec<Request> {
    for _ in 0..20 {
        if server.requests().iter().all(|one| !one.lasted.is_zero()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.requests().into_iter().map(Request::from).collect()
}

/// The bytes of objects that the call must send or receive.
fn needed(scenario: &Scenario) -> u64 {
    let before = verdict::before(scenario);
    let size = |key: &str| before.get(key).map_or(0, |bytes| bytes.len() as u64);
    match &scenario.call {
        Call::Create { content, .. }
        | Call::Put { content, .. }
        | Call::Update { content, .. }
        | Call::Upload { content, .. } => content.size as u64,
        Call::Get { key } | Call::GetPausing { key, .. } => size(key),
        Call::GetMany { keys } => keys.iter().map(|key| size(key)).sum(),
        Call::GetRange { range, .. } => range.end - range.start,
        Call::PutMany { keys, content } => (keys.len() * content.size) as u64,
        Call::Copy { .. }
        | Call::Delete { .. }
        | Call::DeleteMany { .. }
        | Call::Head { .. }
        | Call::List { .. }
        | Call::Rename { .. } => 0,
    }
}

fn broken(failure: Failure) -> io::Error {
    io::Error::other(failure.text)
}

/// A put without faults takes milliseconds.
const PREPARING: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients;
    use crate::content::Content;
    use undaunted_chaos::{Fault, Operation};

    /// Otherwise no client could survive a redirect or keys that expire.
    #[tokio::test]
    async fn another_name_of_the_server_and_temporary_keys_work() {
        let provider = Arc::new(Provider::start().await.unwrap());
        let target = std::env::temp_dir();
        let call = Call::Put {
            key: "a",
            content: Content::new(1, 10),
        };
        let faults = Scenario::new("redirect", "", call.clone()).redirect(Operation::Put);
        let server = S3Server::builder().start().await.unwrap();
        let rule = faults.faults.rule_for(server.address().port()).unwrap();
        let Fault::TemporaryRedirect { location } = rule.fault() else {
            panic!("no redirect");
        };
        let other_name = location.clone().unwrap();
        for client in clients::all(&target, &provider, is_rust).await {
            let mut endpoint = Endpoint::of(&server);
            endpoint.url.clone_from(&other_name);
            endpoint.provider = Some(Arc::clone(&provider));
            let session = client.connect(&endpoint).await.unwrap();
            let put = session.run(&call).await;
            assert!(put.is_ok(), "{}: {put:?}", client.name());
        }
    }

    fn is_rust(name: &str) -> bool {
        !name.starts_with("boto3") && name != "obstore"
    }
}
