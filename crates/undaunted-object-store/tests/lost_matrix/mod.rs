//! The lost-response matrix: writes, ways to lose their responses, and stores to do it over; for
//! the tests of this crate and of its bridge to object_store 0.13.
#![allow(dead_code)] // in the one of them that needs less

use std::fmt::Write as _;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::ReqwestConnector;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
    RetryConfig as InnerRetryConfig, UpdateVersion,
};
use undaunted::{AttemptOutcome, RetryConfig, Rules};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyParts, FaultyStore, Operation, Rule};
use undaunted_object_store::{Backend, Capabilities, RetryConnector, RetryStore, StoreEvent};

pub(crate) type Store = RetryStore<Arc<dyn ObjectStore>>;

pub(crate) const OURS: &[u8] = b"what we write";
pub(crate) const THEIRS: &[u8] = b"what another writes";

/// The storage preset, without its waits.
pub(crate) fn quick() -> RetryConfig {
    let storage = RetryConfig::storage().to_builder();
    storage
        .base_delay(Duration::from_millis(1))
        .build()
        .unwrap()
}

/// The writes, with the operations of theirs that the fault hits.
pub(crate) const WRITES: [(&str, Operation); 7] = [
    ("put Create", Operation::Put),
    ("put Update", Operation::Put),
    ("copy Create", Operation::Copy),
    ("rename Create", Operation::Rename),
    ("rename Overwrite", Operation::Rename),
    ("delete", Operation::Delete),
    ("complete", Operation::CompleteMultipart),
];

/// What happens to the first attempt, and what another writes before the second.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    pub(crate) conflicting: Option<Conflicting>,
}

/// What another writes, and whether through a `RetryStore` of its own, with its own token.
#[derive(Clone, Copy)]
pub(crate) struct Conflicting {
    pub(crate) data: &'static [u8],
    pub(crate) with_token: bool,
}

pub(crate) fn scenarios() -> Vec<Scenario> {
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

pub(crate) type WriteBehind = Arc<dyn Fn(&Path, Conflicting) + Send + Sync>;

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
pub(crate) struct Bench {
    pub(crate) backend: Backend,
    pub(crate) write_behind: WriteBehind,
    /// Where the faults happen, if not at the trait.
    server: Option<S3Server>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) fn memory() -> Bench {
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

pub(crate) fn files() -> Bench {
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
pub(crate) async fn s3() -> Bench {
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
pub(crate) fn hit_by(bench: &Bench, name: &str) -> Operation {
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

/// A bench's store with the scenario's fault in it.
pub(crate) fn faulty(bench: &Bench, operation: Operation, scenario: &Scenario) -> Backend {
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
    Backend::new(Arc::new(faulty), capabilities)
}

/// Makes the conflicting write between two attempts.
pub(crate) fn conflicting_write(
    bench: &Bench,
    scenario: &Scenario,
) -> impl Fn(&StoreEvent<'_>) + Send + Sync + 'static {
    let write_behind = Arc::clone(&bench.write_behind);
    let write = scenario.conflicting;
    move |event| {
        if let (AttemptOutcome::Retrying { .. }, Some(write)) = (event.event.outcome, write) {
            write_behind(event.location, write);
        }
    }
}

/// The store under test: faults below, retries above, a conflicting write between two attempts.
pub(crate) fn store_of(
    bench: &Bench,
    operation: Operation,
    scenario: &Scenario,
    by_token: bool,
    rules: &Rules,
) -> Store {
    let faulty = faulty(bench, operation, scenario);
    let builder = RetryStore::builder(faulty.store)
        .config(quick())
        .capabilities(faulty.capabilities)
        .classify(rules.clone())
        .on_event(conflicting_write(bench, scenario));
    if by_token {
        builder.build()
    } else {
        builder.without_put_token().build()
    }
}

/// Writes what is there beforehand, and returns the version that an update expects.
pub(crate) async fn prepare(bench: &Bench, name: &str) -> UpdateVersion {
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

/// A write through the traits of `$object_store`, and what its caller is told.
macro_rules! told {
    ($object_store:ident) => {
        use $object_store::multipart::MultipartStore;
        use $object_store::path::Path;
        use $object_store::{
            CopyMode, CopyOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
            RenameOptions, RenameTargetMode, Result, UpdateVersion,
        };

        /// Makes the write; an update expects what was there before.
        pub(crate) async fn write<S: ObjectStore + MultipartStore>(
            store: &S,
            name: &str,
            before: ::object_store::UpdateVersion,
        ) -> Result<()> {
            let (from, to) = (Path::from("from"), Path::from("to"));
            let payload = PutPayload::from_static($crate::lost_matrix::OURS);
            match name {
                "put Create" => create(store).await,
                "put Update" => {
                    let mode = PutMode::Update(UpdateVersion {
                        e_tag: before.e_tag,
                        version: before.version,
                    });
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
                    let completed = store.complete_multipart(&to, &id, vec![part]);
                    completed.await.map(drop)
                }
                other => panic!("{other} is no write"),
            }
        }

        pub(crate) async fn create<S: ObjectStore>(store: &S) -> Result<()> {
            let payload = PutPayload::from_static($crate::lost_matrix::OURS);
            let to = Path::from("to");
            let created = store.put_opts(&to, payload, PutMode::Create.into());
            created.await.map(drop)
        }

        /// What the result of a write tells the caller.
        pub(crate) fn told(result: Result<()>) -> &'static str {
            match result {
                Ok(()) => "success",
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => "conflict",
                Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => "-",
                Err(error) => {
                    let source = std::error::Error::source(&error);
                    let undecided = source
                        .is_some_and(|source| source.is::<undaunted_object_store::Ambiguous>());
                    assert!(undecided, "{error}");
                    "ambiguous"
                }
            }
        }
    };
}
pub(crate) use told;

/// Through the traits of object_store 0.14.
pub(crate) mod of_014 {
    super::told!(object_store);
}

/// Fills in the table, whose cells `tell` finds out, and compares it with `lost_responses.md`.
pub(crate) async fn check_matrix<Fut: Future<Output = &'static str>>(
    tell: impl Fn(Bench, &'static str, Scenario, bool) -> Fut,
) {
    let table = matrix(tell).await;
    assert_eq!(std::fs::read_to_string(table_file()).unwrap(), table);
}

/// The table of what callers are told.
pub(crate) async fn matrix<Fut: Future<Output = &'static str>>(
    tell: impl Fn(Bench, &'static str, Scenario, bool) -> Fut,
) -> String {
    let mut table = String::from(
        "| write | what happens | S3 | memory | memory, no token | local files |\n|---|---|---|---|---|---|\n",
    );
    for (name, _) in WRITES {
        for scenario in scenarios() {
            let cells = [
                tell(s3().await, name, scenario.clone(), true).await,
                tell(memory(), name, scenario.clone(), true).await,
                tell(memory(), name, scenario.clone(), false).await,
                tell(files(), name, scenario.clone(), true).await,
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

/// Where the table is, for those who come to the same one.
pub(crate) fn table_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/lost_responses.md")
}

/// Whether what a caller took for written is there.
pub(crate) async fn check_content(bench: &Bench, name: &str, scenario: &Scenario, told: &str) {
    if told != "success" || name == "delete" {
        return;
    }
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
pub(crate) fn has_condition(name: &str) -> bool {
    matches!(
        name,
        "put Create" | "put Update" | "copy Create" | "rename Create"
    )
}

pub(crate) fn check(name: &str, scenario: &Scenario, told: &str) {
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

/// How long a server that is busy with other tests may take. A response that came later would
/// count as lost, and its write as ambiguous.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);
