//! The rows, the queries and what they return. Ballista is asked the same.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{DataFrame, SessionContext};
use engines_common::{Context as _, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder};

/// The store and the retries that the documentation of both registers.
pub fn store_of_their_own(options: Vec<(String, String)>) -> Result<AmazonS3> {
    let mut builder = AmazonS3Builder::new().with_bucket_name("bucket");
    for (name, value) in options {
        builder = builder.with_config(name.parse()?, value);
    }
    Ok(builder.build()?)
}

/// Writes the 20 files.
pub async fn write_rows(session: &SessionContext) -> Result<()> {
    for file in 0..FILES {
        let rows = session.read_batch(rows(file)?)?;
        let path = format!("{ROWS}{file:02}.parquet");
        let options = DataFrameWriteOptions::new();
        rows.write_parquet(&path, options, None).await?;
    }
    Ok(())
}

/// The rows of one file. They depend on their number only.
fn rows(file: i64) -> Result<RecordBatch> {
    let ids = || file * ROWS_OF_A_FILE..(file + 1) * ROWS_OF_A_FILE;
    let spread = |id: i64| id.wrapping_mul(0x9E37_79B9) % 1_000_003;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids()))),
        (
            "day",
            Arc::new(Int64Array::from_iter_values(ids().map(|id| id / 5_000))),
        ),
        (
            "amount",
            Arc::new(Float64Array::from_iter_values(
                ids().map(|id| spread(id) as f64 / 4.0),
            )),
        ),
        (
            "city",
            Arc::new(StringArray::from_iter_values(
                ids().map(|id| format!("city {}", spread(id) % 97)),
            )),
        ),
    ];
    RecordBatch::try_from_iter(columns).context("the rows")
}

/// A line for each row of the result.
pub async fn lines(result: DataFrame) -> Result<Vec<String>> {
    let options = FormatOptions::default();
    let mut lines = Vec::new();
    for batch in result.collect().await? {
        let columns = batch.columns().iter();
        let columns = columns.map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        lines.extend((0..batch.num_rows()).map(|row| {
            let values: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
            values.join(" ")
        }));
    }
    Ok(lines)
}

/// Filters that skip files and row groups, aggregates over everything, a join and a sort. Sums are of
/// quarters, which add up exactly in any order.
pub const QUERIES: [&str; 5] = [
    "select count(*), sum(id), sum(amount), min(city), max(city) from rows",
    "select city, count(*), sum(amount) from rows where day between 37 and 311 group by city order by city",
    "select count(*), sum(amount) from rows where amount < 1000 and city = 'city 13'",
    "select day, max(amount) from rows where id % 7 = 3 group by day order by 2 desc, 1 limit 20",
    "select count(*), sum(a.amount) from rows a join rows b on a.id = b.id + 1 where b.day = 200",
];
const FILES: i64 = 20;
const ROWS_OF_A_FILE: i64 = 100_000;
/// Where the files are.
pub const ROWS: &str = "s3://bucket/rows/";
