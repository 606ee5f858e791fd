//! The lost-response matrix: every write that may not be repeated blindly, under every way in
//! which its response can be lost, with and without a conflicting write, over every store.
//!
//! Each cell says what the caller is told. Whatever the table says, two things are checked of
//! every cell: our own write is never reported as a conflict, and a conflicting write never as
//! success. The table is `testdata/lost_responses.md`; `BLESS=1` writes it anew.
#![cfg(all(feature = "aws", feature = "fs"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::ReqwestConnector;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error, GetOptions, ObjectStore, ObjectStoreExt,
    PutMode, PutOptions, PutPayload, RenameOptions, RenameTargetMode,
    RetryConfig as InnerRetryConfig, UpdateVersion,
};
use undaunted::{AttemptOutcome, RetryConfig, Rules, Verdict};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyParts, FaultyStore, Operation, Rule};
use undaunted_object_store::{Ambiguous, Backend, Capabilities, RetryConnector, RetryStore};

type Store = RetryStore<FaultyStore<Arc<dyn ObjectStore>>>;

const OURS: &[u8] = b"what we write";
const THEIRS: &[u8] = b"what another writes";

/// The storage preset, without its waits.
fn quick() -> RetryConfig {
    let storage = RetryConfig::storage().to_builder();
    storage
        .base_delay(Duration::from_millis(1))
        .build()
        .unwrap()
}

/// The writes, with the operations of theirs that the fault hits.
const WRITES: [(&str, Operation); 7] = [
    ("put Create", Operation::Put),
    ("put Update", Operation::Put),
    ("copy Create", Operation::Copy),
    ("rename Create", Operation::Rename),
    ("rename Overwrite", Operation::Rename),
    ("delete", Operation::Delete),
    ("complete", Operation::CompleteMultipart),
];

/// What happens to the first attempt, and what another writes before the second.
struct Scenario {
    name: &'static str,
    fault: Fault,
    conflicting: Option<Conflicting>,
}

/// What another writes, and whether through a `RetryStore` of its own, with its own token.
#[derive(Clone, Copy)]
struct Conflicting {
    data: &'static [u8],
    with_token: bool,
}

fn scenarios() -> Vec<Scenario> {
    let failures = [
        ("503", Failure::status(503)),
        ("reset", Failure::Reset),
        ("FIN", Failure::Closed),
        ("timeout", Failure::Timeout),
    ];
    let names = [
        ["503 after apply", "503 before apply"],
        ["reset after apply", "reset before apply"],
        ["FIN after apply", "FIN before apply"],
        ["timeout after apply", "timeout before apply"],
    ];
    let mut scenarios = Vec::new();
    for ((_, failure), [after, before]) in failures.into_iter().zip(names) {
        let scenario = |name, fault| Scenario {
            name,
            fault,
            conflicting: None,
        };
        scenarios.push(scenario(after, Fault::FailAfter(failure.clone())));
        scenarios.push(scenario(before, Fault::FailBefore(failure)));
    }
    for (name, data, with_token) in [
        ("a conflicting write of other bytes", THEIRS, false),
        ("a conflicting write of the same bytes", OURS, false),
        (
            "a conflicting write of the same bytes, with a token",
            OURS,
            true,
        ),
    ] {
        scenarios.push(Scenario {
            name,
            fault: Fault::FailBefore(Failure::Reset),
            conflicting: Some(Conflicting { data, with_token }),
        });
    }
    scenarios
}

type WriteBehind = Arc<dyn Fn(&Path, Conflicting) + Send + Sync>;

impl Conflicting {
    fn options(self) -> PutOptions {
        let name = Attribute::Metadata("undauntedputtoken".into());
        let attributes = self.with_token.then_some((name, "another"));
        PutOptions {
            attributes: Attributes::from_iter(attributes),
            ..PutOptions::default()
        }
    }
}

/// A store of each kind, and a way to write into it behind everybody's back.
struct Bench {
    backend: Backend,
    write_behind: WriteBehind,
    /// Where the faults happen, if not at the trait.
    server: Option<S3Server>,
    _folder: Option<tempfile::TempDir>,
}

fn memory() -> Bench {
    let memory = Arc::new(InMemory::new());
    let written = Arc::clone(&memory);
    let capabilities = Capabilities::none()
        .with_parts(memory.clone())
        .with_attributes()
        .with_lists_in_order();
    Bench {
        backend: Backend::new(memory, capabilities),
        write_behind: Arc::new(move |path, conflicting| {
            let payload = PutPayload::from_static(conflicting.data);
            let write = written.put_opts(path, payload, conflicting.options());
            write.now_or_never().unwrap().unwrap();
        }),
        server: None,
        _folder: None,
    }
}

fn files() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let files = LocalFileSystem::new_with_prefix(&root).unwrap();
    Bench {
        backend: Backend::of_files(files),
        write_behind: Arc::new(move |path, conflicting| {
            std::fs::write(root.join(path.as_ref()), conflicting.data).unwrap();
        }),
        server: None,
        _folder: Some(folder),
    }
}

/// S3 over HTTP, which is given up on after a moment and not after half a minute.
async fn s3() -> Bench {
    let server = S3Server::builder().start().await.unwrap();
    let connector = RetryConnector::new(ReqwestConnector::default());
    let builder = server.object_store_options().into_iter().fold(
        AmazonS3Builder::new().with_bucket_name("bucket"),
        |builder, (key, value)| builder.with_config(key.parse().unwrap(), value),
    );
    let s3 = builder
        .with_config("aws_copy_if_not_exists".parse().unwrap(), "multipart")
        .with_retry(InnerRetryConfig {
            max_retries: 0,
            ..InnerRetryConfig::default()
        })
        .with_http_connector(connector.head_timeout(HEAD_TIMEOUT))
        .build()
        .unwrap();
    let s3 = Arc::new(s3);
    let written = Arc::clone(&s3);
    let capabilities = Capabilities::none()
        .with_parts(s3.clone())
        .with_pages(s3.clone())
        .with_attributes();
    Bench {
        backend: Backend::new(s3, capabilities),
        write_behind: Arc::new(move |path, conflicting| {
            let payload = PutPayload::from_static(conflicting.data);
            let write = written.put_opts(path, payload, conflicting.options());
            // The hook is not async, and this runtime is the one it is called on.
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(write).unwrap()
            });
        }),
        server: Some(server),
        _folder: None,
    }
}

/// The request that the fault hits, for stores that make several of one write.
fn hit_by(bench: &Bench, name: &str) -> Operation {
    match (&bench.server, name) {
        // S3 has no conditional copy, so the client makes it a multipart upload.
        (Some(_), "copy Create" | "rename Create") => Operation::CompleteMultipart,
        (_, "rename Create" | "rename Overwrite")
            if !bench.backend.capabilities.has_native_rename() =>
        {
            Operation::Copy
        }
        _ => WRITES.iter().find(|(write, _)| *write == name).unwrap().1,
    }
}

/// The store under test: faults below, retries above, a conflicting write between two attempts.
fn store_of(
    bench: &Bench,
    operation: Operation,
    scenario: &Scenario,
    by_token: bool,
    rules: &Rules,
) -> Store {
    let rule = Rule::new(operation, scenario.fault.clone());
    let plan = match &bench.server {
        Some(server) => {
            server.plan().add(rule);
            FaultPlan::none()
        }
        None => FaultPlan::scripted([rule]),
    };
    let capabilities = bench.backend.capabilities.clone();
    let capabilities = match capabilities.parts() {
        Some(parts) => {
            let parts = FaultyParts::shared(Arc::clone(parts), plan.clone());
            capabilities.with_parts(Arc::new(parts))
        }
        None => capabilities,
    };
    let faulty = FaultyStore::new(Arc::clone(&bench.backend.store), plan);
    let write_behind = Arc::clone(&bench.write_behind);
    let write = scenario.conflicting;
    let builder = RetryStore::builder(faulty)
        .config(quick())
        .capabilities(capabilities)
        .classify(rules.clone())
        .on_event(move |event| {
            if let (AttemptOutcome::Retrying { .. }, Some(write)) = (event.event.outcome, write) {
                write_behind(event.location, write);
            }
        });
    if by_token {
        builder.build()
    } else {
        builder.without_put_token().build()
    }
}

/// Writes what is there beforehand, and returns the version that an update expects.
async fn prepare(bench: &Bench, name: &str) -> UpdateVersion {
    let put = |path, data| {
        let payload = PutPayload::from_static(data);
        let store = &bench.backend.store;
        async move { UpdateVersion::from(store.put(&Path::from(path), payload).await.unwrap()) }
    };
    match name {
        "put Update" => put("to", b"before").await,
        "delete" => put("to", OURS).await,
        "put Create" | "complete" => UpdateVersion {
            e_tag: None,
            version: None,
        },
        _ => put("from", OURS).await,
    }
}

/// Makes the write.
async fn write(store: &Store, name: &str, before: UpdateVersion) -> object_store::Result<()> {
    let (from, to) = (Path::from("from"), Path::from("to"));
    let payload = PutPayload::from_static(OURS);
    match name {
        "put Create" => create(store).await,
        "put Update" => {
            let mode = PutMode::Update(before);
            store.put_opts(&to, payload, mode.into()).await.map(drop)
        }
        "copy Create" => {
            let options = CopyOptions::new().with_mode(CopyMode::Create);
            store.copy_opts(&from, &to, options).await
        }
        "rename Create" | "rename Overwrite" => {
            let mode = match name {
                "rename Create" => RenameTargetMode::Create,
                _ => RenameTargetMode::Overwrite,
            };
            let options = RenameOptions::new().with_target_mode(mode);
            store.rename_opts(&from, &to, options).await
        }
        "delete" => store.delete(&to).await,
        "complete" => {
            let id = store.create_multipart(&to).await?;
            let part = store.put_part(&to, &id, 0, payload).await?;
            store
                .complete_multipart(&to, &id, vec![part])
                .await
                .map(drop)
        }
        other => panic!("{other} is no write"),
    }
}

async fn create(store: &Store) -> object_store::Result<()> {
    let payload = PutPayload::from_static(OURS);
    let to = Path::from("to");
    store
        .put_opts(&to, payload, PutMode::Create.into())
        .await
        .map(drop)
}

/// What the caller is told.
async fn told(
    bench: Bench,
    name: &str,
    scenario: &Scenario,
    by_token: bool,
    rules: &Rules,
) -> &'static str {
    let operation = hit_by(&bench, name);
    let before = prepare(&bench, name).await;
    let store = store_of(&bench, operation, scenario, by_token, rules);
    match write(&store, name, before).await {
        Ok(()) => {
            if name != "delete" {
                check_content(&bench, name, scenario).await;
            }
            "success"
        }
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => "conflict",
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => "-",
        Err(error) => {
            let source = std::error::Error::source(&error);
            let undecided = source.and_then(|source| source.downcast_ref::<Ambiguous>());
            assert!(undecided.is_some(), "{name}, {}: {error}", scenario.name);
            "ambiguous"
        }
    }
}

async fn check_content(bench: &Bench, name: &str, scenario: &Scenario) {
    let read = bench
        .backend
        .store
        .get_opts(&Path::from("to"), GetOptions::default())
        .await
        .unwrap();
    let content = read.bytes().await.unwrap();
    assert_eq!(&content[..], OURS, "{name}, {}", scenario.name);
}

/// Whether another write can conflict with this one at all: one that comes before an
/// unconditional write is simply overwritten.
fn has_condition(name: &str) -> bool {
    matches!(
        name,
        "put Create" | "put Update" | "copy Create" | "rename Create"
    )
}

fn check(name: &str, scenario: &Scenario, told: &str) {
    let story = format!("{name}, {}: {told}", scenario.name);
    if scenario.conflicting.is_some() && has_condition(name) {
        assert_ne!(
            told, "success",
            "a conflicting write was reported as ours: {story}"
        );
    } else {
        assert_ne!(
            told, "conflict",
            "our own write was called a conflict: {story}"
        );
    }
}

/// The matrix, under these rules.
async fn matrix(rules: &Rules) -> String {
    let mut table = String::from(
        "| write | what happens | S3 | memory | memory, no token | local files |\n|---|---|---|---|---|---|\n",
    );
    for (name, _) in WRITES {
        for scenario in scenarios() {
            let cells = [
                told(s3().await, name, &scenario, true, rules).await,
                told(memory(), name, &scenario, true, rules).await,
                told(memory(), name, &scenario, false, rules).await,
                told(files(), name, &scenario, true, rules).await,
            ];
            for cell in cells {
                check(name, &scenario, cell);
            }
            let [s3, memory, bare, files] = cells;
            writeln!(
                table,
                "| {name} | {} | {s3} | {memory} | {bare} | {files} |",
                scenario.name
            )
            .unwrap();
        }
    }
    table
}

fn table_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/lost_responses.md")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix() {
    let table = matrix(&Rules::NONE).await;
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(table_file(), &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(table_file()).unwrap(), table);
}

/// The worst rules that anybody could write: everything is to be retried, in every way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rule_changes_the_matrix() {
    let rules = Rules::builder()
        .classify("everything", |_| Some(Verdict::TRANSIENT))
        .retryable_codes(["AlreadyExists", "NoSuchUpload", "InternalError"])
        .retryable_text(["error", "exists", "not found"])
        .retryable_status(300..=599)
        .build()
        .unwrap();
    let table = matrix(&rules).await;
    assert_eq!(std::fs::read_to_string(table_file()).unwrap(), table);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_at_the_first_attempt_is_a_fact() {
    let bench = memory();
    let conflicting = Conflicting {
        data: OURS,
        with_token: false,
    };
    (bench.write_behind)(&Path::from("to"), conflicting);
    let harmless = Scenario {
        name: "none",
        fault: Fault::FailBefore(Failure::Connect),
        conflicting: None,
    };
    // Even where connecting failed first: that proves that nothing was sent.
    for operation in [Operation::Get, Operation::Put] {
        let store = store_of(&bench, operation, &harmless, true, &Rules::NONE);
        assert!(matches!(
            create(&store).await,
            Err(Error::AlreadyExists { .. })
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn content_counts_where_the_caller_says_so() {
    let bench = files();
    let scenario = Scenario {
        name: "reset after apply",
        fault: Fault::FailAfter(Failure::Reset),
        conflicting: None,
    };
    let plan = FaultPlan::scripted([Rule::new(Operation::Put, scenario.fault.clone())]);
    let store = RetryStore::builder(FaultyStore::new(Arc::clone(&bench.backend.store), plan))
        .resolve_by_content()
        .build();
    create(&store).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_token_is_not_shown_and_the_callers_own_attributes_are() {
    let bench = memory();
    let scenario = Scenario {
        name: "reset after apply",
        fault: Fault::FailAfter(Failure::Reset),
        conflicting: None,
    };
    let store = store_of(&bench, Operation::Put, &scenario, true, &Rules::NONE);
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
    let options = PutOptions {
        mode: PutMode::Create,
        attributes: attributes.clone(),
        ..PutOptions::default()
    };
    let path = Path::from("to");
    store.put_opts(&path, OURS.into(), options).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().attributes, attributes);
    // An overwrite needs no token and gets none.
    store.put(&path, OURS.into()).await.unwrap();
    let raw = bench.backend.store.get(&path).await.unwrap();
    assert!(raw.attributes.is_empty());
}

/// How long a server that is busy with other tests may take. A response that came later would
/// count as lost, and its write as ambiguous.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);
