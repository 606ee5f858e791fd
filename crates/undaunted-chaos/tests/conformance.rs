//! Without faults a faulty store is like any other: object_store's own tests pass over it.

use object_store::integration;
use object_store::memory::InMemory;
use undaunted_chaos::{FaultKind, FaultPlan, FaultyStore, Operation};

mod common;

fn store() -> FaultyStore<InMemory> {
    FaultyStore::new(InMemory::new(), FaultPlan::none())
}

#[tokio::test]
async fn objects_pass() {
    let store = store();
    integration::put_get_delete_list(&store).await;
    integration::get_opts(&store).await;
    integration::put_get_attributes(&store).await;
    assert!(store.plan().calls(Operation::GetRanges) > 0);
    assert!(store.plan().calls(Operation::Head) > 0);
    for kind in FaultKind::ALL {
        assert_eq!(store.plan().injected(*kind), 0);
    }
}

#[tokio::test]
async fn streams_and_conditional_writes_pass() {
    let (streams, writes) = (store(), store());
    integration::stream_get(&streams).await;
    integration::put_opts(&writes, true).await;
    assert!(streams.plan().calls(Operation::Get) > 0);
    assert!(writes.plan().calls(Operation::Put) > 0);
}

#[tokio::test]
async fn lists_pass() {
    let store = store();
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    assert!(store.plan().calls(Operation::List) > 0);
}

#[tokio::test]
async fn copies_and_missing_objects_pass() {
    let store = store();
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    let missing = integration::get_nonexistent_object(&store, None).await;
    assert!(matches!(missing, Err(object_store::Error::NotFound { .. })));
    assert!(store.plan().calls(Operation::Rename) > 0);
}

#[tokio::test]
async fn multipart_passes() {
    let store = store();
    integration::multipart(&store, &store).await;
    integration::multipart_with_opts(&store, &store).await;
    integration::multipart_put_part_out_of_order(&store, &store).await;
    integration::multipart_out_of_order(&store).await;
    integration::multipart_race_condition(&store, true).await;
    assert!(store.plan().calls(Operation::PutPart) > 0);
}

#[tokio::test]
async fn a_local_store_passes() {
    let (local, _folder) = common::local();
    let store = FaultyStore::new(local, FaultPlan::none());
    integration::put_get_delete_list(&store).await;
    integration::get_opts(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    assert!(store.plan().log().is_empty());
}

#[test]
fn it_shows_what_it_wraps() {
    assert_eq!(store().to_string(), "FaultyStore(InMemory)");
}
