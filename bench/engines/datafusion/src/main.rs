//! DataFusion 55: SQL over Parquet files in S3.

use std::sync::Arc;

use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionContext};
use engine_datafusion::{QUERIES, ROWS, lines, store_of_their_own, write_rows};
use engines_common::{Engine, Result, Service, Store};
use undaunted::RetryConfig;
use undaunted_object_store_013::open_with;
use url::Url;

/// The recipe: a session whose `s3://bucket/` is read and written through retries.
fn session(options: Vec<(String, String)>) -> Result<SessionContext> {
    let (store, _) = open_with("s3://bucket", options, RetryConfig::storage())?;
    let session = SessionContext::new();
    session.register_object_store(&Url::parse("s3://bucket")?, Arc::new(store));
    Ok(session)
}

/// The same with the store and the retries that DataFusion's own documentation registers.
fn session_of_their_own(options: Vec<(String, String)>) -> Result<SessionContext> {
    let store = store_of_their_own(options)?;
    let session = SessionContext::new();
    session.register_object_store(&Url::parse("s3://bucket")?, Arc::new(store));
    Ok(session)
}

struct DataFusion;

impl Engine for DataFusion {
    const NAME: &'static str = "DataFusion 55.2.0";
    const OWN: &'static str = "`AmazonS3` of object_store 0.13.2 with its default retries";

    async fn prepare(service: Service) -> Result<()> {
        write_rows(&session_of_their_own(service.options())?).await
    }

    async fn run(service: Service, store: Store) -> Result<Vec<String>> {
        let session = match store {
            Store::Own => session_of_their_own(service.options())?,
            Store::Undaunted => session(service.options())?,
        };
        let options = ParquetReadOptions::default();
        session.register_parquet("rows", ROWS, options).await?;
        let mut seen = Vec::new();
        for query in QUERIES {
            seen.extend(lines(session.sql(query).await?).await?);
        }
        let write = || DataFrameWriteOptions::new();
        let some = session.sql("select * from rows where id % 10 = 0").await?;
        some.clone().write_parquet(PARQUET, write(), None).await?;
        some.write_csv(CSV, write(), None).await?;
        Ok(seen)
    }

    async fn verify(service: Service) -> Result<Vec<String>> {
        let session = session_of_their_own(service.options())?;
        let written = ParquetReadOptions::default();
        session
            .register_parquet("parquet", PARQUET, written)
            .await?;
        let written = CsvReadOptions::default();
        session.register_csv("csv", CSV, written).await?;
        let mut seen = Vec::new();
        for table in ["parquet", "csv"] {
            let query = format!(
                "select '{table}', count(*), count(distinct id), sum(id), sum(length(city)), \
                 round(sum(amount), 2) from {table}"
            );
            seen.extend(lines(session.sql(&query).await?).await?);
        }
        Ok(seen)
    }
}

fn main() -> Result<()> {
    engines_common::main::<DataFusion>()
}

const PARQUET: &str = "s3://bucket/written/parquet/";
const CSV: &str = "s3://bucket/written/csv/";
