//! boto3 and obstore, each in a Python process that takes calls as lines of JSON.

mod environment;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::{Client, Endpoint, NEW_RETRIES, Session};
use crate::call::{Call, Failure, Kind, Reply};
use crate::content::Content;
use crate::provider::Provider;

/// A Python package, as one column of the report.
#[derive(Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    package: &'static str,
    /// An environment variable of its program, with its value.
    variable: Option<(&'static str, &'static str)>,
}

/// The Python packages of the matrix.
pub const COLUMNS: [Column; 3] = [
    Column {
        name: "boto3",
        package: "boto3",
        variable: None,
    },
    Column {
        name: "boto3, new retries",
        package: "boto3",
        variable: Some((NEW_RETRIES, "true")),
    },
    OBSTORE,
];

/// Those of a crowd.
pub const CROWD: [Column; 3] = [
    OBSTORE,
    Column {
        name: "boto3, standard",
        package: "boto3",
        variable: Some((RETRY_MODE, "standard")),
    },
    Column {
        name: "boto3, adaptive",
        package: "boto3",
        variable: Some((RETRY_MODE, "adaptive")),
    },
];

const OBSTORE: Column = Column {
    name: "obstore",
    package: "obstore",
    variable: None,
};

/// Makes a Python environment below `target` and starts a program in it for each column. A
/// package that cannot be installed is reported as missing.
pub async fn install(
    target: &Path,
    provider: &Provider,
    columns: &[Column],
) -> Vec<Box<dyn Client>> {
    if columns.is_empty() {
        return Vec::new();
    }
    let environment = environment::with_packages(target).await;
    let mut clients: Vec<Box<dyn Client>> = Vec::new();
    for &column in columns {
        let python = match &environment {
            Ok(python) => start(python, provider, column).await,
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        let python = python.map(Arc::new).map_err(|error| error.to_string());
        clients.push(Box::new(Package { column, python }));
    }
    clients
}

struct Package {
    column: Column,
    python: Result<Arc<Python>, String>,
}

#[async_trait]
impl Client for Package {
    fn name(&self) -> &'static str {
        self.column.name
    }

    fn version(&self) -> String {
        match (&self.python, self.column.variable) {
            (Ok(python), Some((variable, value))) => {
                format!("{}, with {variable}={value}", python.version)
            }
            (Ok(python), None) => python.version.clone(),
            (Err(_), _) => "not installed".to_owned(),
        }
    }

    fn missing(&self) -> Option<String> {
        self.python.as_ref().err().cloned()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let python = self.python.as_ref().map_err(Failure::other)?;
        let session = PythonSession {
            python: Arc::clone(python),
            endpoint: json!({
                "url": endpoint.url,
                "access_key": endpoint.access_key,
                "secret_key": endpoint.secret_key,
                "region": endpoint.region,
                "bucket": endpoint.bucket,
                "provider": endpoint.provider.as_ref().map(|provider| json!({
                    "url": provider.url,
                    "token_file": provider.token_file(),
                })),
            }),
        };
        session.ask(json!({"op": "connect"})).await?;
        Ok(Box::new(session))
    }
}

/// A Python program that is running.
struct Python {
    version: String,
    /// The lines for the program, which a task writes.
    lines: mpsc::UnboundedSender<Value>,
    waiting: Waiting,
    next_id: AtomicU64,
    /// Killed when it is dropped, with the calls that still hang in it.
    _child: Child,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Response>>>>;

#[derive(Debug, Deserialize)]
struct Response {
    id: u64,
    bodies: Option<usize>,
    keys: Option<Vec<String>>,
    size: Option<u64>,
    failed: Option<String>,
    #[serde(default)]
    text: String,
}

struct PythonSession {
    python: Arc<Python>,
    endpoint: Value,
}

impl Drop for PythonSession {
    fn drop(&mut self) {
        self.tell(json!({"op": "close"}));
    }
}

#[async_trait]
impl Session for PythonSession {
    async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::other)?;
        let line = line(call, folder.path()).map_err(Failure::other)?;
        let response = self.ask(line).await?;
        if let Some(count) = response.bodies {
            let body = |number: usize| {
                let body = std::fs::read(folder.path().join(number.to_string()));
                body.map(Bytes::from).map_err(Failure::other)
            };
            return (0..count)
                .map(body)
                .collect::<Result<_, _>>()
                .map(Reply::Bodies);
        }
        Ok(match (response.keys, response.size) {
            (Some(keys), _) => Reply::listed(keys),
            (None, Some(size)) => Reply::Size(size),
            (None, None) => Reply::Done,
        })
    }
}

impl PythonSession {
    async fn ask(&self, mut line: Value) -> Result<Response, Failure> {
        let id = self.python.next_id.fetch_add(1, Ordering::Relaxed);
        line["id"] = id.into();
        let (sender, receiver) = oneshot::channel();
        lock(&self.python.waiting).insert(id, sender);
        self.tell(line);
        let response = receiver.await;
        let response = response.map_err(|_| Failure::other("the Python program ended"))?;
        match response.failed {
            Some(kind) => Err(Failure {
                kind: kind_of(&kind),
                text: response.text,
            }),
            None => Ok(response),
        }
    }

    fn tell(&self, mut line: Value) {
        line["endpoint"] = self.endpoint.clone();
        // If the program has ended, the call that waits for a response fails.
        let _ = self.python.lines.send(line);
    }
}

/// A call as the program reads it; its bytes go through files.
fn line(call: &Call, folder: &Path) -> io::Result<Value> {
    let file = |content: &Content| {
        let path = folder.join("content");
        std::fs::write(&path, content.bytes())?;
        Ok::<_, io::Error>(path)
    };
    let into = folder;
    Ok(match call {
        Call::Create { key, content } => {
            json!({"op": "create", "key": key, "content": file(content)?})
        }
        Call::Copy { from, to } => json!({"op": "copy", "from": from, "to": to}),
        Call::Delete { key } => json!({"op": "delete", "key": key}),
        Call::DeleteMany { keys } => json!({"op": "delete_many", "keys": keys}),
        Call::Get { key } => json!({"op": "get", "key": key, "into": into}),
        Call::GetMany { keys } => json!({"op": "get_many", "keys": keys, "into": into}),
        Call::GetPausing { key, pause } => {
            json!({"op": "get_pausing", "key": key, "pause": pause.as_secs(), "into": into})
        }
        Call::GetRange { key, range } => {
            let (start, end) = (range.start, range.end);
            json!({"op": "get_range", "key": key, "start": start, "end": end, "into": into})
        }
        Call::Head { key } => json!({"op": "head", "key": key}),
        Call::List { prefix } => json!({"op": "list", "prefix": prefix}),
        Call::Put { key, content } => json!({"op": "put", "key": key, "content": file(content)?}),
        Call::PutMany { keys, content } => {
            for number in 0..keys.len() {
                let bytes = content.numbered(number).bytes();
                std::fs::write(folder.join(number.to_string()), bytes)?;
            }
            json!({"op": "put_many", "keys": keys, "from": folder})
        }
        Call::Rename { from, to } => json!({"op": "rename", "from": from, "to": to}),
        Call::Update {
            key,
            content,
            instead_of,
        } => {
            let e_tag = instead_of.e_tag();
            json!({"op": "update", "key": key, "content": file(content)?, "e_tag": e_tag})
        }
        Call::Upload { key, content } => {
            json!({"op": "upload", "key": key, "content": file(content)?})
        }
    })
}

fn kind_of(word: &str) -> Kind {
    [Kind::Conflict, Kind::NotFound, Kind::Denied]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or(Kind::Other)
}

async fn start(python: &Path, provider: &Provider, column: Column) -> io::Result<Python> {
    let mut program = Command::new(python);
    program
        .arg(Path::new(SOURCE).join("survive.py"))
        .arg(column.package)
        // boto3 has no setting for these. Without keys of its own, a client asks the provider.
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &provider.url)
        .env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            provider.token_file(),
        )
        .env_remove(NEW_RETRIES)
        .env_remove(RETRY_MODE)
        .envs(column.variable);
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the Python program has no pipes"));
    };
    let mut lines = BufReader::new(stdout).lines();
    let first = lines.next_line().await?;
    let first: Value = serde_json::from_str(&first.unwrap_or_default())?;
    let version = first["version"].as_str().unwrap_or("?").to_owned();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(hand_over(receiver, stdin));
    let waiting = Waiting::default();
    tokio::spawn(hand_out(lines, Arc::clone(&waiting)));
    Ok(Python {
        version,
        lines: sender,
        waiting,
        next_id: AtomicU64::new(0),
        _child: child,
    })
}

async fn hand_over(mut lines: mpsc::UnboundedReceiver<Value>, mut stdin: ChildStdin) {
    while let Some(line) = lines.recv().await {
        if stdin
            .write_all(format!("{line}\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Passes every response to the call that waits for it, until the program ends.
async fn hand_out(mut lines: tokio::io::Lines<BufReader<ChildStdout>>, waiting: Waiting) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(response) = serde_json::from_str::<Response>(&line) else {
            continue;
        };
        if let Some(sender) = lock(&waiting).remove(&response.id) {
            // A call that hung does not wait any more.
            let _ = sender.send(response);
        }
    }
    // Dropping the senders fails the calls that still wait.
    lock(&waiting).clear();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The environment variable for the retries of boto3, with which its users need no code.
const RETRY_MODE: &str = "AWS_RETRY_MODE";

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
