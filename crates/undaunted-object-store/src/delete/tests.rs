//! What becomes of each key, whatever the store says of many.

use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use undaunted::RetryConfig;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation as Call, Rule};

use super::*;
use crate::error::cause;

/// The results of deleting these, of a store whose deletes fail so.
async fn deleted(
    locations: Vec<Result<Path>>,
    faults: impl IntoIterator<Item = (u64, Fault)>,
) -> Vec<Result<Path>> {
    let rules = faults
        .into_iter()
        .map(|(count, fault)| Rule::new(Call::Delete, fault).count(count));
    let store = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
    let config = RetryConfig::builder().max_retries(2).build().unwrap();
    let policy = Arc::new(Policy::new(config));
    let locations = stream::iter(locations).boxed();
    stream(Arc::new(store), policy, locations).collect().await
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_caller_keep_their_places() {
    let error = || Err(generic("of the caller"));
    let results = deleted(vec![error(), error()], []).await;
    assert_eq!(results.len(), 2);
    let results = deleted(vec![error(), Ok(Path::from("a")), error()], []).await;
    let is_ok: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [false, true, false]);
    let empty: Vec<_> = stream::iter(deleted(Vec::new(), []).await)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(empty, Vec::<Path>::new());
}

#[tokio::test(start_paused = true)]
async fn keys_that_stay_open_fail_with_what_failed_last() {
    let fails = Fault::FailBefore(Failure::status(503));
    let keys = Vec::from(["a", "b"].map(|key| Ok(Path::from(key))));
    let results = deleted(keys, [(u64::MAX, fails)]).await;
    assert_eq!(results.len(), 2);
    for result in &results {
        let text = full_text(result.as_ref().unwrap_err());
        assert!(text.contains("503"), "{text}");
    }
    // One of them with the error itself.
    let error = results[0].as_ref().unwrap_err();
    assert!(cause::<HttpFailure>(error).is_some(), "{error:?}");
}

#[test]
fn a_key_that_is_not_there_is_not_found_whatever_the_response_says_of_it() {
    let path = Path::from("a");
    let mut seen = Observed::default();
    let failure = HttpFailure::new(200).with_code("NoSuchKey");
    seen.delete_failures.insert("a".to_owned(), failure);
    let not_found = Error::NotFound {
        path: "a".to_owned(),
        source: "gone".into(),
    };
    let explained = explain(&path, not_found, &seen);
    assert!(matches!(explained, Error::NotFound { .. }));
    let explained = explain(&path, generic("failed"), &seen);
    assert!(cause::<HttpFailure>(&explained).is_some());
    let explained = explain(&Path::from("b"), generic("failed"), &seen);
    assert!(cause::<HttpFailure>(&explained).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_gone_after_a_failure_was_deleted_unless_that_proves_the_contrary() {
    for (status, are_deleted) in [(500, true), (429, false)] {
        let says = |status| (2, Fault::FailBefore(Failure::status(status)));
        let keys = Vec::from(["a", "b"].map(|key| Ok(Path::from(key))));
        let results = deleted(keys, [says(status), says(404)]).await;
        let is_ok: Vec<_> = results.iter().map(Result::is_ok).collect();
        assert_eq!(is_ok, [are_deleted; 2], "{results:?}");
    }
}

/// A store that deletes the last of many keys, and says one error for all others.
#[derive(Debug, Default)]
struct OneError {
    memory: InMemory,
    error: std::sync::Mutex<Option<Error>>,
}

impl std::fmt::Display for OneError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneError")
    }
}

#[async_trait::async_trait]
impl ObjectStore for OneError {
    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.error.lock().unwrap().take() {
            None => locations
                .map(|location| {
                    Err(Error::NotFound {
                        path: location?.to_string(),
                        source: "gone".into(),
                    })
                })
                .boxed(),
            Some(error) => {
                let results = [Ok(Path::from("c")), Err(error)];
                stream::iter(results).boxed()
            }
        }
    }

    async fn put_opts(&self, to: &Path, data: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.memory.put_opts(to, data, opts).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.memory.put_multipart_opts(to, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.memory.get_opts(location, options).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.memory.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.memory.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.memory.copy_opts(from, to, options).await
    }
}

/// Those that one error stands for may have been deleted, unless it proves that nothing was.
#[tokio::test(start_paused = true)]
async fn an_error_for_many_keys_leaves_open_what_became_of_each() {
    for (status, are_deleted) in [(500, true), (429, false)] {
        let store = OneError::default();
        *store.error.lock().unwrap() = Some(generic(HttpFailure::new(status)));
        let policy = Policy::new(RetryConfig::storage());
        let keys = ["a", "b", "c"].map(|key| Ok(Path::from(key)));
        let keys = stream::iter(keys).boxed();
        let results: Vec<_> = stream(Arc::new(store), Arc::new(policy), keys)
            .collect()
            .await;
        let is_ok: Vec<_> = results.iter().map(Result::is_ok).collect();
        assert_eq!(is_ok, [are_deleted, are_deleted, true], "{results:?}");
    }
}
