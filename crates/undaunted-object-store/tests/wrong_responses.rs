//! Responses that say that a request succeeded and are not what the service sends, over HTTP.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, Result};
use undaunted::{HttpFailure, RetryConfig, Retryable, Verdict};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Clock, CutAt, Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::{
    Ambiguous, Backend, ObjectPin, RetryStore, UnexpectedResponse, cause, full_text, observe,
};

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// A server that has these objects and these faults, and a store on it.
async fn start(objects: &[&str], rules: impl IntoIterator<Item = Rule>) -> (S3Server, Store) {
    let config = RetryConfig::builder()
        .max_retries(4)
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(5))
        .build()
        .unwrap();
    let server = S3Server::builder()
        .plan(FaultPlan::scripted(rules))
        .page_size(4)
        .start()
        .await
        .unwrap();
    // Another server on the same folder, without faults.
    let writer = S3Server::builder()
        .root(server.root())
        .start()
        .await
        .unwrap();
    let (to_write, _) = Backend::open_with("s3://bucket", writer.object_store_options()).unwrap();
    for key in objects {
        let payload = (*key).as_bytes().to_vec().into();
        to_write
            .store
            .put(&Path::from(*key), payload)
            .await
            .unwrap();
    }
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    (server, backend.with_retries(config))
}

async fn listed(store: &Store) -> Result<Vec<String>> {
    let listed = store.list(Some(&Path::from("t")));
    listed
        .map_ok(|object| object.location.into())
        .try_collect()
        .await
}

fn requests(server: &S3Server, operation: Operation) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| request.operation == operation)
        .count()
}

fn always(operation: Operation, fault: Fault) -> Rule {
    Rule::new(operation, fault).always()
}

#[tokio::test]
async fn a_web_page_is_neither_an_object_nor_a_list_nor_a_success() {
    let (server, store) = start(&["t/a"], [Rule::any(Fault::HtmlPage).always()]).await;
    let path = Path::from("t/a");
    let seen = server.requests().len();
    for (what, error) in [
        ("get", store.get(&path).await.unwrap_err()),
        ("head", store.head(&path).await.unwrap_err()),
        ("put", store.put(&path, "b".into()).await.unwrap_err()),
        ("list", listed(&store).await.unwrap_err()),
        (
            "list_with_delimiter",
            store.list_with_delimiter(None).await.unwrap_err(),
        ),
        (
            "copy",
            store.copy(&path, &Path::from("b")).await.unwrap_err(),
        ),
        ("delete", store.delete(&path).await.unwrap_err()),
        ("multipart", store.put_multipart(&path).await.unwrap_err()),
    ] {
        let page = cause::<UnexpectedResponse>(&error);
        let page = page.unwrap_or_else(|| panic!("{what}: {}", full_text(&error)));
        assert_eq!(page.status(), 200, "{what}");
        assert!(
            page.content_type().unwrap().starts_with("text/html"),
            "{what}"
        );
        assert_eq!(error.verdict(), Verdict::Permanent, "{what}");
        assert!(
            full_text(&error).contains("is the endpoint right?"),
            "{what}"
        );
    }
    assert_eq!(
        server.requests().len() - seen,
        8,
        "nothing is asked for again"
    );
}

#[tokio::test]
async fn a_list_that_is_cut_is_asked_for_again() {
    for at in [
        CutAt::Byte(0),
        CutAt::Byte(30),
        CutAt::Percent(60),
        CutAt::Percent(99),
    ] {
        let cut = Rule::new(Operation::List, Fault::CutDocument { at });
        let (server, store) = start(&["t/a", "t/b"], [cut]).await;
        assert_eq!(listed(&store).await.unwrap(), ["t/a", "t/b"], "{at:?}");
        assert_eq!(requests(&server, Operation::List), 2, "{at:?}");
    }
}

#[tokio::test]
async fn a_completion_that_is_cut_is_a_lost_response() {
    let path = Path::from("t/a");
    let cut = |rule: Rule| async {
        let (server, store) = start(&[], [rule]).await;
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("abc".into()).await.unwrap();
        let completed = upload.complete().await;
        (server, store, completed)
    };
    for at in [0, 50] {
        let fault = Fault::CutDocument {
            at: CutAt::Percent(at),
        };
        // Once: the second completion is told that there is no such upload.
        let rule = Rule::new(Operation::CompleteMultipart, fault.clone());
        let (_server, store, completed) = cut(rule).await;
        completed.unwrap();
        assert_eq!(
            store.get(&path).await.unwrap().bytes().await.unwrap(),
            "abc"
        );
        // Without end: what is there tells.
        let (_server, _, completed) = cut(always(Operation::CompleteMultipart, fault)).await;
        completed.unwrap();
    }
}

#[tokio::test]
async fn a_completion_of_which_nothing_can_be_learned_is_ambiguous() {
    let path = Path::from("t/a");
    let fail = Fault::FailBefore(Failure::status(500));
    let (_server, store) = start(&[], [always(Operation::CompleteMultipart, fail)]).await;
    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.put_part("abc".into()).await.unwrap();
    let error = upload.complete().await.unwrap_err();
    assert!(cause::<Ambiguous>(&error).is_some(), "{error}");
    assert_eq!(error.verdict(), Verdict::Permanent);
    assert!(full_text(&error).contains("500"), "{}", full_text(&error));
}

#[tokio::test]
async fn a_create_whose_responses_are_all_lost_is_found() {
    let path = Path::from("t/a");
    let lost = Fault::FailAfter(Failure::status(500));
    let (_server, store) = start(&[], [always(Operation::Put, lost)]).await;
    let (created, observed) =
        observe(store.put_opts(&path, "abc".into(), PutMode::Create.into())).await;
    created.unwrap();
    assert!(observed.report.attempts() > 1);
}

#[tokio::test]
async fn a_write_without_an_etag_is_an_error_and_a_read_goes_without() {
    let path = Path::from("t/a");
    let (_server, store) = start(&["t/a"], [Rule::any(Fault::NoEtag).always()]).await;
    let error = store.put(&path, "b".into()).await.unwrap_err();
    assert!(cause::<UnexpectedResponse>(&error).is_some());
    assert!(
        full_text(&error).contains("has no ETag"),
        "{}",
        full_text(&error)
    );
    let mut upload = store.put_multipart(&path).await.unwrap();
    assert!(upload.put_part("abc".into()).await.is_err());
    // As object_store does: some services leave it out.
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "b");
}

#[tokio::test]
async fn a_list_that_does_not_say_where_it_goes_on_is_an_error() {
    let keys = ["t/a", "t/b", "t/c", "t/d", "t/e"];
    let no_token = always(Operation::List, Fault::TruncatedWithoutToken);
    let (server, store) = start(&keys, [no_token]).await;
    let text = full_text(&listed(&store).await.unwrap_err());
    assert!(text.contains("no continuation token"), "{text}");
    assert_eq!(requests(&server, Operation::List), 1);

    let (server, store) = start(&keys, [always(Operation::List, Fault::RepeatToken)]).await;
    let text = full_text(&listed(&store).await.unwrap_err());
    assert!(text.contains("the same continuation token twice"), "{text}");
    assert!(requests(&server, Operation::List) <= 3);
}

#[tokio::test]
async fn an_odd_key_spoils_nothing_and_is_named() {
    let names = ["t/b//x", "t/../y", "t/c\u{1}"].map(str::to_owned);
    let insert = Fault::InsertKeys {
        names: names.to_vec(),
        size: 3,
    };
    let (server, _) = start(&["t/a", "t/z"], [always(Operation::List, insert)]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    let store = RetryStore::builder(backend.store)
        .capabilities(backend.capabilities)
        .on_skipped_key(move |key| listener.lock().unwrap().push(key.key().to_owned()))
        .build();
    let (keys, observed) = observe(listed(&store)).await;
    assert_eq!(keys.unwrap(), ["t/a", "t/z"]);
    let mut found: Vec<_> = observed
        .skipped_keys
        .iter()
        .map(|key| key.key().to_owned())
        .collect();
    found.sort();
    let mut expected = names.to_vec();
    expected.sort();
    assert_eq!(found, expected);
    let mut told = told.lock().unwrap().clone();
    told.sort();
    assert_eq!(told, expected);
    // A caller that asks for pages hears of them, too.
    let page = store.list_paginated(Some("t/"), PaginatedListOptions::default());
    let (page, observed) = observe(page).await;
    assert_eq!(page.unwrap().result.objects.len(), 2);
    assert_eq!(observed.skipped_keys.len(), 3);
}

#[tokio::test]
async fn markers_of_folders_are_no_objects() {
    let names = ["t/", "t/g/"].map(str::to_owned).to_vec();
    let insert = Fault::InsertKeys { names, size: 0 };
    let (_server, store) = start(&["t/g/x", "t/y"], [always(Operation::List, insert)]).await;
    let (keys, observed) = observe(listed(&store)).await;
    assert_eq!(keys.unwrap(), ["t/g/x", "t/y"]);
    assert!(observed.skipped_keys.is_empty());
    assert_eq!(observed.folder_markers, 2);
    let page = store.list_paginated(Some("t/"), PaginatedListOptions::default());
    assert_eq!(observe(page).await.1.folder_markers, 2);
    let prefix = Path::from("t");
    let listed = store.list_with_delimiter(Some(&prefix)).await.unwrap();
    let objects: Vec<_> = listed
        .objects
        .iter()
        .map(|object| object.location.as_ref())
        .collect();
    assert_eq!(objects, ["t/y"]);
    assert_eq!(listed.common_prefixes, [Path::from("t/g")]);
}

#[tokio::test]
async fn another_region_is_named_with_what_to_set() {
    for status in [301, 400] {
        let wrong = Fault::WrongRegion {
            region: "eu-west-1".into(),
            status,
        };
        let (_server, store) = start(&["t/a"], [Rule::any(wrong).always()]).await;
        for error in [
            store.head(&Path::from("t/a")).await.unwrap_err(),
            store.get(&Path::from("t/a")).await.unwrap_err(),
            listed(&store).await.unwrap_err(),
        ] {
            let failure = cause::<HttpFailure>(&error).unwrap();
            assert_eq!(failure.region(), Some("eu-west-1"));
            let text = full_text(&error);
            assert!(text.contains("set aws_region=eu-west-1"), "{text}");
        }
    }
}

#[tokio::test]
async fn no_storage_left_is_permanent() {
    let full = Fault::FailBefore(Failure::status(507));
    let (server, store) = start(&[], [always(Operation::Put, full)]).await;
    let error = store.put(&Path::from("a"), "b".into()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Permanent);
    assert_eq!(requests(&server, Operation::Put), 1);
}

#[tokio::test]
async fn a_date_to_wait_for_counts_by_the_services_clock() {
    for clock in [
        Clock::Ahead(Duration::from_secs(3600)),
        Clock::Behind(Duration::from_secs(3600)),
    ] {
        let later = Fault::RetryAfterDate {
            retry_after: Duration::from_secs(1),
            clock,
        };
        let (_server, store) = start(&["t/a"], [Rule::new(Operation::Get, later)]).await;
        let (got, observed) = observe(store.get(&Path::from("t/a"))).await;
        got.unwrap();
        let delay = observed.report.delays()[0];
        // The hint has whole seconds and is spread upwards by a quarter.
        assert!(
            delay >= Duration::from_secs(1) && delay <= Duration::from_millis(2500),
            "{delay:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_was_decompressed_on_its_way_is_an_error_that_names_content_encoding() {
    let fault = Fault::DecompressBody {
        length: 100,
        keep_headers: false,
    };
    let (_server, store) = start(&["t/a"], [always(Operation::Get, fault)]).await;
    let error = store.get(&Path::from("t/a")).await;
    let error = match error {
        Ok(result) => result.bytes().await.unwrap_err(),
        Err(error) => error,
    };
    let text = full_text(&error);
    assert!(text.contains("Content-Encoding"), "{text}");

    let path = Path::from("t/a");
    let fault = Fault::DecompressBody {
        length: 100,
        keep_headers: false,
    };
    let (_server, store) = start(&["t/a"], [always(Operation::Get, fault)]).await;
    let pin = ObjectPin::of(&store.head(&path).await.unwrap());
    let error = store.read_range(&path, 0..3, &pin).await.unwrap_err();
    let text = full_text(&error);
    assert!(text.contains("Content-Encoding"), "{text}");
}

#[tokio::test]
async fn a_copy_or_a_rename_onto_itself_changes_nothing() {
    let (_server, store) = start(&["t/a"], []).await;
    let (path, missing) = (Path::from("t/a"), Path::from("t/b"));
    store.rename(&path, &path).await.unwrap();
    store.copy(&path, &path).await.unwrap();
    for onto_itself in [
        store.rename_if_not_exists(&path, &path).await.unwrap_err(),
        store.copy_if_not_exists(&path, &path).await.unwrap_err(),
    ] {
        assert!(
            matches!(onto_itself, Error::AlreadyExists { .. }),
            "{onto_itself}"
        );
    }
    for not_there in [
        store.rename(&missing, &missing).await.unwrap_err(),
        store
            .copy_if_not_exists(&missing, &missing)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(not_there, Error::NotFound { .. }), "{not_there}");
    }
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "t/a"
    );
}

#[cfg(all(feature = "fs", unix))]
#[tokio::test]
async fn a_file_is_not_renamed_onto_itself_through_a_link() {
    use undaunted_object_store::open;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("a"), "content").unwrap();
    std::os::unix::fs::symlink(file("a"), file("soft")).unwrap();
    std::fs::hard_link(file("a"), file("hard")).unwrap();
    let (store, root) = open(folder.path().to_str().unwrap(), RetryConfig::storage()).unwrap();
    let path = |name: &str| root.clone().join(name);
    for (from, to) in [
        ("a", "soft"),
        ("soft", "a"),
        ("a", "hard"),
        ("hard", "a"),
        ("a", "a"),
    ] {
        store.rename(&path(from), &path(to)).await.unwrap();
        store.copy(&path(from), &path(to)).await.unwrap();
        assert_eq!(
            std::fs::read(file("a")).unwrap(),
            b"content",
            "{from} to {to}"
        );
    }
    store.rename(&path("a"), &path("b")).await.unwrap();
    assert_eq!(std::fs::read(file("b")).unwrap(), b"content");
}
