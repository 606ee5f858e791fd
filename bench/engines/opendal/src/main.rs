//! OpenDAL 0.59: its `Operator`, over a store of object_store.

use std::sync::Arc;

use engines_common::{Engine, Result, Service, Store, ensure};
use object_store_opendal::ObjectStoreBuilder;
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::services::S3;
use opendal::{ErrorKind, Operator};
use undaunted::RetryConfig;
use undaunted_object_store::Backend;

/// The recipe: an operator of OpenDAL whose requests are made by undaunted's store. It has no
/// `RetryLayer` and no `TimeoutLayer`: the store retries, and limits the time.
fn operator(options: Vec<(String, String)>) -> Result<Operator> {
    let (backend, _) = Backend::open_with("s3://bucket", options)?;
    let store = backend
        .builder()
        .config(RetryConfig::storage())
        .without_budget()
        .build();
    Ok(Operator::new(ObjectStoreBuilder::new(Arc::new(store)))?)
}

/// OpenDAL's own client for S3, with its own retries and time limits.
fn operator_of_their_own(service: &Service) -> Result<Operator> {
    let s3 = S3::default()
        .bucket("bucket")
        .endpoint(&service.endpoint)
        .region(&service.region)
        .access_key_id(&service.access_key_id)
        .secret_access_key(&service.secret_access_key);
    let operator = Operator::new(s3)?
        .layer(TimeoutLayer::default())
        .layer(RetryLayer::default());
    Ok(operator)
}

struct OpenDal;

impl Engine for OpenDal {
    const NAME: &'static str = "OpenDAL 0.59.5 by object_store_opendal 0.60.5";
    const OWN: &'static str =
        "OpenDAL's `S3` with `TimeoutLayer` within `RetryLayer`, both with defaults";

    async fn prepare(service: Service) -> Result<()> {
        let operator = operator_of_their_own(&service)?;
        for number in 0..OBJECTS {
            operator
                .write(&format!("read/{number:04}"), content(number, SIZE))
                .await?;
        }
        operator
            .write("read-large", content(OBJECTS, LARGE))
            .await?;
        Ok(())
    }

    async fn run(service: Service, store: Store) -> Result<Vec<String>> {
        let operator = match store {
            Store::Own => operator_of_their_own(&service)?,
            Store::Undaunted => operator(service.options())?,
        };
        let listed = operator.list("read/").await?;
        for number in 0..OBJECTS {
            let read = operator.read(&format!("read/{number:04}")).await?;
            ensure!(read.to_vec() == content(number, SIZE), "{number} differs");
            let path = format!("written/{number:04}");
            operator.write(&path, content(number, SIZE)).await?;
            let found = operator.stat(&path).await?;
            ensure!(found.content_length() == SIZE as u64, "{path} is cut");
        }
        let reader = operator
            .reader_with("read-large")
            .concurrent(4)
            .chunk(CHUNK)
            .await?;
        let large = reader.read(..).await?;
        ensure!(
            large.to_vec() == content(OBJECTS, LARGE),
            "the large object differs"
        );
        // In one piece: the parts of a `Writer` over a store of object_store can change places.
        operator.write("written-large", large).await?;
        operator
            .delete_iter((0..OBJECTS).map(|number| format!("read/{number:04}")))
            .await?;
        let missing = operator.read("read/0000").await.err();
        ensure!(
            missing.is_some_and(|error| error.kind() == ErrorKind::NotFound),
            "a deleted object is there"
        );
        Ok(vec![format!("{} listed", listed.len())])
    }

    async fn verify(service: Service) -> Result<Vec<String>> {
        let operator = operator_of_their_own(&service)?;
        for number in 0..OBJECTS {
            let read = operator.read(&format!("written/{number:04}")).await?;
            ensure!(read.to_vec() == content(number, SIZE), "{number} differs");
        }
        let large = operator.read("written-large").await?;
        ensure!(
            large.to_vec() == content(OBJECTS, LARGE),
            "the large object differs"
        );
        let left = operator.list("read/").await?.len();
        let written = operator.list("written/").await?.len();
        Ok(vec![format!("{left} left, {written} written")])
    }
}

fn main() -> Result<()> {
    engines_common::main::<OpenDal>()
}

/// Bytes that depend on the number of the object and on their place.
fn content(number: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| ((at / 7).wrapping_mul(number + 31) % 251) as u8)
        .collect()
}

const OBJECTS: usize = 200;
const SIZE: usize = 100_000;
const LARGE: usize = 24 * 1024 * 1024;
const CHUNK: usize = 6 * 1024 * 1024;
