//! delta-rs 1.1: a Delta table in S3 that several writers append to.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, Int64Array, StringArray};
use deltalake::arrow::record_batch::RecordBatch;
use deltalake::arrow::util::display::{ArrayFormatter, FormatOptions};
use deltalake::datafusion::prelude::SessionContext;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake::{DeltaResult, DeltaTable, DeltaTableError, Path};
use engines_common::{Context as _, Engine, Result, Service, Store, chain};
use undaunted::RetryConfig;
use undaunted_object_store_013::open_with;
use url::Url;

/// The recipe: stores of `s3://` that retry, and a log whose commits are conditional puts.
#[derive(Clone, Debug)]
struct Undaunted;

impl ObjectStoreFactory for Undaunted {
    fn parse_url_opts(
        &self,
        url: &Url,
        config: &StorageConfig,
    ) -> DeltaResult<(ObjectStoreRef, Path)> {
        let (store, path) = open_with(url.as_str(), config.raw.clone(), RetryConfig::storage())
            .map_err(|error| DeltaTableError::generic(error.to_string()))?;
        Ok((Arc::new(store), path))
    }
}

impl LogStoreFactory for Undaunted {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(
            prefixed_store,
            root_store,
            location,
            options,
        ))
    }
}

/// Once, before the first table is opened.
fn register() -> Result<()> {
    let s3 = Url::parse("s3://")?;
    object_store_factories().insert(s3.clone(), Arc::new(Undaunted));
    logstore_factories().insert(s3, Arc::new(Undaunted));
    Ok(())
}

struct Delta;

impl Engine for Delta {
    const NAME: &'static str = "delta-rs 1.1.2";
    const OWN: &'static str =
        "deltalake-aws 1.0.0 on `AmazonS3` of object_store 0.13.2 with its default retries";

    async fn prepare(service: Service) -> Result<()> {
        let (url, options) = (url()?, options(&service));
        let table = DeltaTable::try_from_url_with_storage_options(url, options).await?;
        // Checkpoints are written while others append.
        let checkpoints = [("delta.checkpointInterval", Some("10"))];
        let first = table.write([rows(WRITERS, 0)?]);
        first.with_configuration(checkpoints).await?;
        Ok(())
    }

    async fn run(service: Service, store: Store) -> Result<Vec<String>> {
        if store == Store::Undaunted {
            register()?;
        }
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(append(service.clone(), writer)))
            .collect();
        let mut failed = Vec::new();
        for (number, writer) in writers.into_iter().enumerate() {
            if let Err(error) = writer.await? {
                failed.push(format!("writer {number}: {}", chain(error.as_ref())));
            }
        }
        if !failed.is_empty() {
            return Err(DeltaTableError::generic(failed.join("; "))).context("appends failed");
        }
        let mut seen = content(&open(&service).await?, "after the appends").await?;

        let mut then = open(&service).await?;
        then.load_version(WRITERS as u64 * APPENDS as u64 / 2)
            .await?;
        seen.extend(count(&then, "in the middle").await?);

        let (compacted, metrics) = open(&service).await?.optimize().await?;
        let (removed, added) = (metrics.num_files_removed, metrics.num_files_added);
        seen.push(format!(
            "compaction: {removed} files removed, {added} added"
        ));
        let vacuum = compacted.vacuum().with_enforce_retention_duration(false);
        let (vacuumed, metrics) = vacuum
            .with_retention_period(chrono::Duration::zero())
            .await?;
        seen.push(format!("vacuum: {} files", metrics.files_deleted.len()));
        seen.extend(content(&vacuumed, "after vacuum").await?);
        Ok(seen)
    }

    async fn verify(service: Service) -> Result<Vec<String>> {
        content(&open(&service).await?, "in the end").await
    }
}

fn main() -> Result<()> {
    engines_common::main::<Delta>()
}

/// One writer with a table of its own.
async fn append(service: Service, writer: i64) -> Result<()> {
    let mut table = open(&service).await?;
    for append in 0..APPENDS {
        let batch = rows(writer, append)?;
        // One of four writers can lose more races in a row than the 15 of the default.
        let patient = CommitProperties::default().with_max_retries(100);
        let appended = table.write([batch]).with_commit_properties(patient).await;
        table = appended.with_context(|| format!("append {append}"))?;
    }
    Ok(())
}

async fn open(service: &Service) -> Result<DeltaTable> {
    Ok(deltalake::open_table_with_storage_options(url()?, options(service)).await?)
}

fn url() -> Result<Url> {
    Ok(Url::parse("s3://bucket/tables/appended")?)
}

fn options(service: &Service) -> HashMap<String, String> {
    service.options().into_iter().collect()
}

/// Which rows there are, and by how many commits they were written.
async fn content(table: &DeltaTable, when: &str) -> Result<Vec<String>> {
    use futures::TryStreamExt as _;
    let history: Vec<_> = table.history(None).try_collect().await?;
    let writes = history
        .iter()
        .filter(|commit| commit.operation.as_deref() == Some("WRITE"))
        .count();
    let mut lines = vec![format!("{when}: {writes} appends committed")];
    lines.extend(count(table, when).await?);
    Ok(lines)
}

async fn count(table: &DeltaTable, when: &str) -> Result<Vec<String>> {
    let session = SessionContext::new();
    session.register_table("rows", table.table_provider().await?)?;
    let query = "select count(*) || ' rows, ' || count(distinct writer * 1000000 + number) || \
                 ' different' from rows";
    let mut lines = Vec::new();
    for batch in session.sql(query).await?.collect().await? {
        let column = ArrayFormatter::try_new(batch.column(0), &FormatOptions::default())?;
        lines.extend((0..batch.num_rows()).map(|row| format!("{when}: {}", column.value(row))));
    }
    Ok(lines)
}

fn rows(writer: i64, append: i64) -> Result<RecordBatch> {
    let numbers = append * ROWS..(append + 1) * ROWS;
    let text = numbers
        .clone()
        .map(|number| format!("{writer} wrote {number}"));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "writer",
            Arc::new(Int64Array::from_iter_values(
                numbers.clone().map(|_| writer),
            )),
        ),
        ("number", Arc::new(Int64Array::from_iter_values(numbers))),
        ("text", Arc::new(StringArray::from_iter_values(text))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

const WRITERS: i64 = 4;
const APPENDS: i64 = 12;
const ROWS: i64 = 100;
