//! slatedb 0.18: a database of sorted files in S3.

use std::ops::RangeFull;
use std::sync::Arc;

use engines_common::{Engine, Result, Service, Store, ensure};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use slatedb::config::ScanOptions;
use slatedb::{Db, Settings};
use undaunted::RetryConfig;
use undaunted_object_store::Backend;

/// The recipe: a database that is read and written through retries, with slatedb's own, which have no
/// limit, off.
async fn database(options: Vec<(String, String)>) -> Result<Db> {
    let (backend, _) = Backend::open_with("s3://bucket", options)?;
    let store = backend
        .builder()
        .config(RetryConfig::storage())
        .without_budget()
        .build();
    let settings = Settings {
        object_store_max_retries: Some(0),
        ..Settings::default()
    };
    let database = Db::builder(DATABASE, Arc::new(store)).with_settings(settings);
    Ok(database.build().await?)
}

/// The same with the store that slatedb's documentation opens, and all retries at their defaults.
async fn database_of_their_own(options: Vec<(String, String)>) -> Result<Db> {
    let mut builder = AmazonS3Builder::new().with_bucket_name("bucket");
    for (name, value) in options {
        builder = builder.with_config(name.parse()?, value);
    }
    let store: Arc<dyn ObjectStore> = Arc::new(builder.build()?);
    Ok(Db::open(DATABASE, store).await?)
}

struct SlateDb;

impl Engine for SlateDb {
    const NAME: &'static str = "slatedb 0.18.0";
    const OWN: &'static str = "`AmazonS3` of object_store 0.14.2 with its default retries, and \
                               slatedb's unlimited ones around it";

    async fn prepare(_: Service) -> Result<()> {
        Ok(())
    }

    /// Half of the writes before a close, and the others before a stop without one, as of a process
    /// that is killed.
    async fn run(service: Service, store: Store) -> Result<Vec<String>> {
        let (first, second) = (0..WRITES / 2, WRITES / 2..WRITES);
        let database = open(&service, store).await?;
        write(&database, first).await?;
        database.close().await?;

        let database = open(&service, store).await?;
        write(&database, second).await?;
        drop(database);

        let database = open(&service, store).await?;
        let seen = content(&database).await?;
        database.close().await?;
        Ok(seen)
    }

    async fn verify(service: Service) -> Result<Vec<String>> {
        let database = open(&service, Store::Own).await?;
        let seen = content(&database).await?;
        database.close().await?;
        Ok(seen)
    }
}

fn main() -> Result<()> {
    engines_common::main::<SlateDb>()
}

async fn open(service: &Service, store: Store) -> Result<Db> {
    match store {
        Store::Own => database_of_their_own(service.options()).await,
        Store::Undaunted => database(service.options()).await,
    }
}

/// Every thousand writes are durable before the next.
async fn write(database: &Db, numbers: std::ops::Range<u64>) -> Result<()> {
    for number in numbers {
        database.put(key(number), value(number)).await?;
        if number % FLUSHED == FLUSHED - 1 {
            database.flush().await?;
        }
    }
    Ok(())
}

/// How many there are, and that each has its value.
async fn content(database: &Db) -> Result<Vec<String>> {
    let options = ScanOptions::new().with_read_ahead_bytes(READ_AHEAD);
    let mut all = database
        .scan_with_options::<RangeFull>(.., &options)
        .await?;
    let mut count = 0;
    while let Some(entry) = all.next().await? {
        ensure!(entry.key == key(count), "{count} is missing");
        ensure!(entry.value == value(count), "{count} has another value");
        count += 1;
    }
    for number in (0..WRITES).step_by(997) {
        let read = database.get(key(number)).await?;
        ensure!(
            read.is_some_and(|read| read == value(number)),
            "{number} is not read"
        );
    }
    Ok(vec![format!("{count} entries")])
}

fn key(number: u64) -> String {
    format!("key {number:08}")
}

fn value(number: u64) -> String {
    format!("value {number} ").repeat(8)
}

const DATABASE: &str = "database";
const WRITES: u64 = 100_000;
const FLUSHED: u64 = 1_000;
/// By default each block of 4 KiB is a request of its own.
const READ_AHEAD: usize = 1024 * 1024;
