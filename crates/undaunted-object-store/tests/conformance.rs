#![cfg(feature = "fs")]
#![allow(clippy::unwrap_used)]
//! object_store's own conformance functions, over a `RetryStore` with and without faults.
//!
//! Each function gets a fresh store: some leave objects behind and others expect none.

use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{ObjectStore, integration};
use tempfile::TempDir;
use undaunted::RetryConfig;
use undaunted_chaos::{FaultPlan, FaultyStore, Rates};
use undaunted_object_store::{Backend, Capabilities, RetryStore};

fn over_memory() -> RetryStore<Arc<InMemory>> {
    let memory = Arc::new(InMemory::new());
    let capabilities = Capabilities::none()
        .with_parts(memory.clone())
        .with_attributes()
        .with_lists_in_order();
    RetryStore::builder(memory)
        .capabilities(capabilities)
        .build()
}

/// A third of all calls fail in one way or another.
fn over_faults(seed: u64) -> RetryStore<FaultyStore<InMemory>> {
    over(FaultPlan::seeded(
        seed,
        Rates {
            before: 0.1,
            error: 0.05,
            throttle: 0.05,
            after: 0.1,
            delay: 0.05,
            break_body: 0.05,
            short_body: 0.05,
            break_list: 0.1,
            ..Rates::default()
        },
    ))
}

/// A third of all calls fail, and all failures prove that nothing was applied.
fn over_throttling(seed: u64) -> RetryStore<FaultyStore<InMemory>> {
    over(FaultPlan::seeded(
        seed,
        Rates {
            throttle: 0.3,
            ..Rates::default()
        },
    ))
}

fn over(plan: FaultPlan) -> RetryStore<FaultyStore<InMemory>> {
    let faulty = FaultyStore::new(InMemory::new(), plan);
    let capabilities = Capabilities::none()
        .with_parts(Arc::new(faulty.clone()))
        .with_attributes()
        .with_lists_in_order();
    RetryStore::builder(faulty)
        .config(
            RetryConfig::storage()
                .to_builder()
                .max_retries(30)
                .build()
                .unwrap(),
        )
        .capabilities(capabilities)
        .without_budget()
        .build()
}

/// Runs every function that a store with user metadata and conditional updates passes.
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
        assert!(matches!(missing, Err(object_store::Error::NotFound { .. })));
        integration::stream_get(&$store).await;
        integration::put_get_attributes(&$store).await;
        integration::multipart_race_condition(&$store, true).await;
        integration::multipart_out_of_order(&$store).await;
        let store = $store;
        integration::multipart(&store, &store).await;
        let store = $store;
        integration::multipart_with_opts(&store, &store).await;
        let store = $store;
        integration::multipart_put_part_out_of_order(&store, &store).await;
    };
}

#[tokio::test]
async fn over_the_memory_store() {
    conformance!(over_memory());
    integration::put_opts(&over_memory(), true).await;
    integration::copy_if_not_exists(&over_memory()).await;
}

// In quarters, so that they can run side by side.
#[tokio::test(start_paused = true)]
async fn over_seeded_faults_1() {
    over_seeds(0..50).await;
}

#[tokio::test(start_paused = true)]
async fn over_seeded_faults_2() {
    over_seeds(50..100).await;
}

#[tokio::test(start_paused = true)]
async fn over_seeded_faults_3() {
    over_seeds(100..150).await;
}

#[tokio::test(start_paused = true)]
async fn over_seeded_faults_4() {
    over_seeds(150..200).await;
}

async fn over_seeds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        conformance!(over_faults(seed));
        // A conflict after a lost response may be undecided, which these two do not expect.
        integration::put_opts(&over_throttling(seed), true).await;
        integration::copy_if_not_exists(&over_throttling(seed)).await;
    }
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
    let (_folder, store) = over_files();
    integration::multipart_put_part_out_of_order(&store, &store).await;
}

/// Local files as `open()` sets them up, in a folder of their own.
fn over_files() -> (TempDir, RetryStore<Arc<dyn ObjectStore>>) {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store = Backend::of_files(files).with_retries(RetryConfig::storage());
    (folder, store)
}
