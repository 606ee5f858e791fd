//! Lance 14: a dataset in S3 that is appended to, scanned and read at random.

use std::collections::HashMap;
use std::sync::Arc;

use engines_common::{Engine, Result, Service, Store, chain, ensure};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::{ProjectionRequest, WriteMode, WriteParams};
use lance::deps::arrow_array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use lance_io::object_store::{ObjectStoreParams, StorageOptionsAccessor, WrappingObjectStore};
use object_store::ObjectStore;
use object_store::list::PaginatedListStore;
use undaunted::RetryConfig;
use undaunted_object_store::open_with;

/// The recipe: in place of the store that Lance has built, it gets one that retries. The URL is the
/// dataset's, and the wrapper is used for its bucket only.
#[derive(Clone, Debug)]
struct Undaunted(Arc<dyn ObjectStore>);

impl Undaunted {
    fn open(url: &str, options: Vec<(String, String)>) -> Result<Self> {
        let (store, _) = open_with(url, options, RetryConfig::storage())?;
        Ok(Self(Arc::new(store)))
    }
}

impl WrappingObjectStore for Undaunted {
    fn wrap(&self, _: &str, _: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0)
    }

    /// Lists go through the store too.
    fn wrap_paginated(
        &self,
        _: &str,
        _: Arc<dyn PaginatedListStore>,
    ) -> Option<Arc<dyn PaginatedListStore>> {
        None
    }
}

/// Lance looks for credentials when it builds its own store, so it has the options in any case.
fn store(options: Vec<(String, String)>, store: Store) -> Result<ObjectStoreParams> {
    let wrapper = match store {
        Store::Own => None,
        Store::Undaunted => Some(Undaunted::open(DATASET, options.clone())?),
    };
    let options: HashMap<_, _> = options.into_iter().collect();
    Ok(ObjectStoreParams {
        object_store_wrapper: wrapper.map(|wrapper| Arc::new(wrapper) as _),
        storage_options_accessor: Some(Arc::new(StorageOptionsAccessor::with_static_options(
            options,
        ))),
        ..ObjectStoreParams::default()
    })
}

struct Lance;

impl Engine for Lance {
    const NAME: &'static str = "Lance 14.0.2";
    const OWN: &'static str = "Lance's `s3://`: `AmazonS3` of object_store 0.14.2 with Lance's own limits \
                               and retries";

    async fn prepare(service: Service) -> Result<()> {
        let store = store(service.options(), Store::Own)?;
        write(&store, WriteMode::Create, 0).await?;
        Ok(())
    }

    async fn run(service: Service, which: Store) -> Result<Vec<String>> {
        let store = store(service.options(), which)?;
        for batch in 1..BATCHES / 2 {
            write(&store, WriteMode::Append, batch).await?;
        }
        // Two at a time: one of them commits later, onto the version of the other.
        for batch in (BATCHES / 2..BATCHES).step_by(2) {
            let one = write(&store, WriteMode::Append, batch);
            let other = write(&store, WriteMode::Append, batch + 1);
            futures::future::try_join(one, other).await?;
        }
        let dataset = open(&store).await?;
        let mut seen = content(&dataset).await?;
        for at in 0..20_u64 {
            let rows: Vec<u64> = (0..50)
                .map(|row| (at * 7_919 + row * 3_571) % TOTAL)
                .collect();
            let columns = ProjectionRequest::from_columns(["number", "text"], dataset.schema());
            let taken = dataset.take(&rows, columns).await?;
            ensure!(
                taken.num_rows() == rows.len(),
                "{} rows taken",
                taken.num_rows()
            );
            for (number, text) in rows_of(&taken)? {
                ensure!(text == text_of(number), "{number} has the text {text}");
            }
        }
        let first = dataset.checkout_version(1).await?;
        seen.push(format!(
            "{} rows in the first version",
            first.count_rows(None).await?
        ));
        Ok(seen)
    }

    async fn verify(service: Service) -> Result<Vec<String>> {
        content(&open(&store(service.options(), Store::Own)?).await?).await
    }
}

fn main() -> Result<()> {
    engines_common::main::<Lance>()
}

async fn write(store: &ObjectStoreParams, mode: WriteMode, batch: u64) -> Result<()> {
    let params = WriteParams {
        mode,
        store_params: Some(store.clone()),
        ..WriteParams::default()
    };
    let numbers = (batch * ROWS) as i64..((batch + 1) * ROWS) as i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "text",
            Arc::new(StringArray::from_iter_values(numbers.clone().map(text_of))),
        ),
        ("number", Arc::new(Int64Array::from_iter_values(numbers))),
    ];
    let rows = RecordBatch::try_from_iter(columns)?;
    let schema = rows.schema();
    let rows = RecordBatchIterator::new([Ok(rows)], schema);
    let written = Dataset::write(rows, DATASET, Some(params)).await;
    written.map_err(|error| {
        let text = chain(&error);
        engines_common::Error::msg(format!("batch {batch}: {text}"))
    })?;
    Ok(())
}

async fn open(store: &ObjectStoreParams) -> Result<Dataset> {
    let builder = DatasetBuilder::from_uri(DATASET).with_store_params(store.clone());
    Ok(builder.load().await?)
}

/// How many rows there are and how many versions, and what a scan with a filter finds.
async fn content(dataset: &Dataset) -> Result<Vec<String>> {
    let rows = rows_of(&dataset.scan().try_into_batch().await?)?;
    let sum: i64 = rows.iter().map(|(number, _)| number).sum();
    let found = dataset
        .count_rows(Some("text like '%77%' and number > 1000".to_owned()))
        .await?;
    let versions = dataset.versions().await?.len();
    Ok(vec![format!(
        "{} rows, sum {sum}, {found} found, {versions} versions",
        rows.len()
    )])
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<(i64, String)>> {
    let numbers = batch
        .column_by_name("number")
        .and_then(|c| c.as_any().downcast_ref::<Int64Array>());
    let texts = batch
        .column_by_name("text")
        .and_then(|c| c.as_any().downcast_ref::<StringArray>());
    let (Some(numbers), Some(texts)) = (numbers, texts) else {
        engines_common::bail!("columns are missing");
    };
    let rows = (0..batch.num_rows()).map(|row| (numbers.value(row), texts.value(row).to_owned()));
    Ok(rows.collect())
}

fn text_of(number: i64) -> String {
    format!("text of {number}, {}", "and more ".repeat(10))
}

const DATASET: &str = "s3://bucket/dataset.lance";
const BATCHES: u64 = 12;
const ROWS: u64 = 5_000;
const TOTAL: u64 = BATCHES * ROWS;
