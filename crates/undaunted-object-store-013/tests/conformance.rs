//! The conformance functions of object_store 0.13, over stores of every kind, with and without
//! faults.
//!
//! Each function gets a fresh store: some leave objects behind and others expect none.
#![cfg(all(feature = "aws", feature = "fs"))]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use object_store013::memory::InMemory;
use object_store013::{Error, ObjectStore, integration};
use tempfile::TempDir;
use undaunted::RetryConfig;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{FaultPlan, FaultyStore, Rates};
use undaunted_object_store_013::{Capabilities, RetryStore, open, open_with, v014};

type Opened = RetryStore<Arc<dyn ObjectStore>>;

/// A store in memory, opened.
fn over_memory() -> Opened {
    open("memory:///", RetryConfig::storage()).unwrap().0
}

/// A store in memory of object_store 0.13, without its parts by number: they take only the next
/// one, and drop those behind one that is sent again.
fn over_memory_of_013() -> RetryStore<InMemory> {
    let capabilities = Capabilities::none().with_attributes().with_lists_in_order();
    RetryStore::builder(InMemory::new())
        .capabilities(capabilities)
        .build()
}

/// Local files, opened in a folder of their own.
fn over_files() -> (TempDir, Opened) {
    let folder = tempfile::tempdir().unwrap();
    let files = object_store014::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store = v014::Backend::of_files(files).with_retries(RetryConfig::storage());
    (folder, store.into())
}

/// S3 over HTTP, opened.
async fn over_s3() -> (S3Server, Opened) {
    let server = S3Server::builder().start().await.unwrap();
    let options = server.object_store_options();
    let store = open_with("s3://bucket/", options, RetryConfig::storage());
    (server, store.unwrap().0)
}

/// A third of all calls fail in one way or another.
fn over_faults(seed: u64) -> Opened {
    let rates = Rates {
        before: 0.1,
        error: 0.05,
        throttle: 0.05,
        after: 0.1,
        delay: 0.05,
        break_body: 0.05,
        short_body: 0.05,
        break_list: 0.1,
        ..Rates::default()
    };
    of_014(&faulty(seed, rates))
}

/// The same below a store that is of 0.13: what is thrown there is shown twice.
fn over_faults_of_013(seed: u64) -> Opened {
    let rates = Rates {
        before: 0.1,
        throttle: 0.1,
        break_body: 0.05,
        short_body: 0.05,
        ..Rates::default()
    };
    let shown = of_014(&faulty(seed, rates));
    let capabilities = Capabilities::none()
        .with_parts(shown.capabilities().parts().unwrap().clone())
        .with_attributes()
        .with_lists_in_order();
    RetryStore::builder(shown.inner().clone())
        .config(patient())
        .capabilities(capabilities)
        .without_budget()
        .build()
}

/// A third of all calls fail, and all failures prove that nothing was applied.
fn over_throttling(seed: u64) -> Opened {
    let rates = Rates {
        throttle: 0.3,
        ..Rates::default()
    };
    of_014(&faulty(seed, rates))
}

fn faulty(seed: u64, rates: Rates) -> FaultyStore<object_store014::memory::InMemory> {
    let memory = object_store014::memory::InMemory::new();
    FaultyStore::new(memory, FaultPlan::seeded(seed, rates))
}

fn of_014(faulty: &FaultyStore<object_store014::memory::InMemory>) -> Opened {
    let store: Arc<dyn object_store014::ObjectStore> = Arc::new(faulty.clone());
    let capabilities = v014::Capabilities::none()
        .with_parts(Arc::new(faulty.clone()))
        .with_attributes()
        .with_lists_in_order();
    let store = v014::RetryStore::builder(store)
        .config(patient())
        .capabilities(capabilities)
        .without_budget()
        .build();
    store.into()
}

fn patient() -> RetryConfig {
    let storage = RetryConfig::storage().to_builder();
    storage.max_retries(30).build().unwrap()
}

/// Runs every function that a store with user metadata passes, over faults too.
macro_rules! conformance {
    ($store:expr) => {
        integration::put_get_delete_list(&$store).await;
        integration::get_opts(&$store).await;
        integration::list_uses_directories_correctly(&$store).await;
        integration::list_with_delimiter(&$store).await;
        integration::list_with_offset_exclusivity(&$store).await;
        integration::rename_and_copy(&$store).await;
        integration::copy_rename_nonexistent_object(&$store).await;
        let missing = integration::get_nonexistent_object(&$store, None).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })));
        integration::stream_get(&$store).await;
        integration::multipart_race_condition(&$store, true).await;
        integration::multipart_out_of_order(&$store).await;
    };
}

#[tokio::test]
async fn over_stores_in_memory() {
    conformance!(over_memory());
    let store = over_memory();
    integration::multipart(&store, &store).await;
    integration::put_get_attributes(&over_memory()).await;
    integration::put_opts(&over_memory(), true).await;
    integration::copy_if_not_exists(&over_memory()).await;
    conformance!(over_memory_of_013());
    integration::put_get_attributes(&over_memory_of_013()).await;
    integration::put_opts(&over_memory_of_013(), true).await;
    integration::copy_if_not_exists(&over_memory_of_013()).await;
}

#[tokio::test]
async fn over_the_local_file_system() {
    // What local files can do: no user metadata, no update by version.
    let (_folder, store) = over_files();
    integration::put_get_delete_list(&store).await;
    let (_folder, store) = over_files();
    integration::get_opts(&store).await;
    let (_folder, store) = over_files();
    integration::list_uses_directories_correctly(&store).await;
    let (_folder, store) = over_files();
    integration::list_with_delimiter(&store).await;
    let (_folder, store) = over_files();
    integration::rename_and_copy(&store).await;
    let (_folder, store) = over_files();
    integration::copy_if_not_exists(&store).await;
    let (_folder, store) = over_files();
    integration::copy_rename_nonexistent_object(&store).await;
    let (_folder, store) = over_files();
    integration::stream_get(&store).await;
    let (_folder, store) = over_files();
    integration::put_opts(&store, false).await;
    let (_folder, store) = over_files();
    integration::multipart(&store, &store).await;
    let (_folder, store) = over_files();
    integration::multipart_out_of_order(&store).await;
}

#[tokio::test]
async fn over_s3_by_http() {
    // What the server can do.
    let (_server, store) = over_s3().await;
    integration::put_get_delete_list(&store).await;
    let (_server, store) = over_s3().await;
    integration::list_with_delimiter(&store).await;
    let (_server, store) = over_s3().await;
    integration::rename_and_copy(&store).await;
    let (_server, store) = over_s3().await;
    integration::put_opts(&store, true).await;
    let (_server, store) = over_s3().await;
    integration::multipart(&store, &store).await;
}

#[tokio::test(start_paused = true)]
async fn over_seeded_faults() {
    for seed in 0..30 {
        conformance!(over_faults(seed));
        let store = over_faults(seed);
        integration::multipart(&store, &store).await;
        integration::put_get_attributes(&over_faults(seed)).await;
        // A conflict after a lost response may be undecided, which these two do not expect.
        integration::put_opts(&over_throttling(seed), true).await;
        integration::copy_if_not_exists(&over_throttling(seed)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn over_a_store_of_013_that_fails() {
    for seed in 0..30 {
        // Its uploads with attributes cannot send a part again, so they have no place here.
        conformance!(over_faults_of_013(seed));
        let store = over_faults_of_013(seed);
        integration::multipart(&store, &store).await;
    }
}
