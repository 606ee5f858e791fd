//! Closures, borrows and `Send`: these must compile.

use std::io;
use std::sync::Arc;

use undaunted::{Retry, RetryConfig, with_retry};

use crate::support::reset;

trait Store: Send + Sync {
    fn put(&self, data: &[u8]) -> futures::future::BoxFuture<'_, io::Result<usize>>;
}

struct Memory;

impl Store for Memory {
    fn put(&self, data: &[u8]) -> futures::future::BoxFuture<'_, io::Result<usize>> {
        let length = data.len();
        Box::pin(async move { Ok(length) })
    }
}

#[tokio::test]
async fn plain_and_async_closures_over_a_trait_object_can_be_spawned() {
    let store: Arc<dyn Store> = Arc::new(Memory);
    let config = RetryConfig::default();
    let (store_2, config_2) = (Arc::clone(&store), config.clone());
    let plain = tokio::spawn(async move {
        let data = vec![1, 2, 3];
        with_retry(|| store_2.put(&data), &config_2).await
    });
    let capturing = tokio::spawn(async move {
        let data = vec![1, 2, 3, 4];
        with_retry(async || store.put(&data).await, &config).await
    });
    assert_eq!(plain.await.unwrap().unwrap(), 3);
    assert_eq!(capturing.await.unwrap().unwrap(), 4);
}

#[cfg(feature = "object_store014")]
#[tokio::test]
async fn an_object_stores_operations_can_be_retried_and_spawned() {
    use object_store014::memory::InMemory;
    use object_store014::path::Path;
    use object_store014::{ObjectStore, ObjectStoreExt};

    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let key = Path::from("a");
    let data = bytes::Bytes::from_static(b"data");
    let config = RetryConfig::default();
    let written = Arc::clone(&store);
    tokio::spawn(
        async move { with_retry(|| written.put(&key, data.clone().into()), &config).await },
    )
    .await
    .unwrap()
    .unwrap();
    let read = store
        .get(&Path::from("a"))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(&read[..], b"data");
}

#[tokio::test]
async fn calls_of_one_type_can_be_joined() {
    let config = RetryConfig::default();
    let calls = (0..3).map(|n| with_retry(move || async move { Ok::<_, io::Error>(n) }, &config));
    assert_eq!(
        futures::future::try_join_all(calls).await.unwrap(),
        [0, 1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn the_builder_can_be_spawned_with_all_that_it_can_bring() {
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let call = tokio::spawn(async move {
        let config = RetryConfig::interactive();
        Retry::new(|| async { Err::<(), _>(reset()) })
            .config(&config)
            .name("upload")
            .when(|_| true)
            .on_event(move |event| seen.lock().unwrap().push(event.to_string()))
            .run()
            .await
    });
    call.await.unwrap().unwrap_err();
    assert_eq!(
        events.lock().unwrap()[1],
        "All 1 retries exhausted for upload"
    );
}
