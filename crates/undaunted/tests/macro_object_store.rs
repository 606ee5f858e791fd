//! `#[retry]` on functions that use an object store.

#![cfg(all(feature = "macros", feature = "tokio", feature = "object_store014"))]
// Tests read clocks.
#![allow(clippy::disallowed_methods)]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutResult};
use object_store014 as object_store;
use undaunted::{RetryConfig, retry};

/// Breaks connections until it is used up.
struct Weather(AtomicU32);

impl Weather {
    fn bad_for(attempts: u32) -> Self {
        Self(AtomicU32::new(attempts))
    }

    fn check(&self) -> object_store::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            left => {
                self.0.store(left - 1, Ordering::Relaxed);
                Err(object_store::Error::Generic {
                    store: "weather",
                    source: io::Error::from(io::ErrorKind::ConnectionReset).into(),
                })
            }
        }
    }
}

#[retry]
async fn upload(
    store: &dyn ObjectStore,
    weather: &Weather,
    key: &Path,
    data: Bytes,
) -> object_store::Result<PutResult> {
    weather.check()?;
    store.put(key, data.into()).await
}

#[retry(config = RetryConfig::storage())]
async fn download(
    store: &dyn ObjectStore,
    weather: &Weather,
    key: &Path,
) -> object_store::Result<Bytes> {
    let found = store.get(key).await?;
    weather.check()?;
    found.bytes().await
}

#[tokio::test(start_paused = true)]
async fn a_store_survives_the_weather() {
    let store = InMemory::new();
    let key = Path::from("avatars/7.jpg");
    upload(&store, &Weather::bad_for(3), &key, Bytes::from("jpeg"))
        .await
        .unwrap();
    let bytes = download(&store, &Weather::bad_for(10), &key).await.unwrap();
    assert_eq!(bytes, "jpeg");

    let weather = Weather::bad_for(4);
    let error = upload(&store, &weather, &key, Bytes::new())
        .await
        .unwrap_err();
    assert!(matches!(error, object_store::Error::Generic { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_asked_for_again() {
    let store = InMemory::new();
    let start = tokio::time::Instant::now();
    let error = download(&store, &Weather::bad_for(0), &Path::from("none")).await;
    assert!(matches!(error, Err(object_store::Error::NotFound { .. })));
    assert!(start.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_retried_transfer_can_be_spawned() {
    let task = tokio::spawn(async {
        let key = Path::from("key");
        let store = InMemory::new();
        upload(&store, &Weather::bad_for(1), &key, Bytes::from("data")).await?;
        download(&store, &Weather::bad_for(1), &key).await
    });
    assert_eq!(task.await.unwrap().unwrap(), "data");
}
