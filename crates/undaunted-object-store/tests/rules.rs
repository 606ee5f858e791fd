//! Rules of the caller's own, on stores over HTTP: a gateway with words of its own in front of S3.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod wire;

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use undaunted::{HttpFailure, RetryConfig, Retryable, Rules, RulesBuilder, StopReason, Verdict};
use undaunted_object_store::{Ambiguous, Backend, RetryStore, observe};
use wire::{Request, Response, Server, serve};

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// A store on this server, under these rules.
fn store_on(server: &Server, rules: RulesBuilder) -> Store {
    let options = [
        ("aws_endpoint", &*server.url),
        ("aws_allow_http", "true"),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "id"),
        ("aws_secret_access_key", "secret"),
    ];
    let (backend, _) = Backend::open_with("s3://bucket", options).unwrap();
    let config = RetryConfig::storage().to_builder();
    RetryStore::builder(backend.store)
        .capabilities(backend.capabilities)
        .config(
            config
                .max_retries(3)
                .base_delay(Duration::from_millis(1))
                .build()
                .unwrap(),
        )
        .classify(rules.build().unwrap())
        .build()
}

/// A server that gives these responses, and success after them.
async fn gateway(first: Vec<fn() -> Response>) -> Server {
    let next = AtomicUsize::new(0);
    serve(move |_: &Request| {
        let place = next.fetch_add(1, Ordering::Relaxed);
        Some(first.get(place).map_or_else(stored, |response| response()))
    })
    .await
}

fn stored() -> Response {
    Response::of(200, "").with("etag", "\"e\"")
}

fn locked() -> Response {
    Response::of(423, "<html>locked by the gateway</html>")
}

fn lock_held() -> Response {
    Response::code(409, "LockHeld")
}

/// The rules that decided about failed attempts.
fn decided(report: &undaunted::RetryReport) -> Vec<&str> {
    let failures = report.failures().iter();
    failures
        .map(|failure| failure.rule.as_deref().unwrap_or("-"))
        .collect()
}

const KEY: &str = "a";

#[tokio::test]
async fn a_status_that_the_client_passes_through_is_retried() {
    // 400, 401 and 403 have meanings for object_store, 423 has none.
    let refused: fn() -> Response = || Response::of(403, "not yet");
    let unknown: fn() -> Response = || Response::of(401, "not yet");
    let server = gateway(vec![locked, refused, unknown]).await;
    let rules = Rules::builder()
        .retryable_status([423])
        .retryable_status([401, 403]);
    let store = store_on(&server, rules);
    let (put, seen) = observe(store.put(&Path::from(KEY), "x".into())).await;
    put.unwrap();
    assert_eq!(
        decided(&seen.report),
        [
            "retryable_status 423",
            "retryable_status 403",
            "retryable_status 401"
        ]
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn without_the_rule_the_same_status_is_permanent() {
    let server = gateway(vec![locked]).await;
    let store = store_on(&server, Rules::builder());
    let (put, seen) = observe(store.put(&Path::from(KEY), "x".into())).await;
    let error = put.unwrap_err();
    assert!(
        error.to_string().contains("locked by the gateway"),
        "{error}"
    );
    assert_eq!(seen.report.stop_reason(), Some(StopReason::Permanent));
    assert_eq!(decided(&seen.report), ["-"]);
}

#[tokio::test]
async fn the_last_error_is_the_services_and_says_which_rule_decided() {
    let server = gateway(vec![locked; 9]).await;
    let store = store_on(&server, Rules::builder().throttled_status([423]));
    let (put, seen) = observe(store.put(&Path::from(KEY), "x".into())).await;
    let error = put.unwrap_err();
    assert!(
        error.to_string().contains("locked by the gateway"),
        "{error}"
    );
    assert_eq!(seen.report.failures()[0].verdict, Verdict::THROTTLED);
    assert_eq!(
        seen.report.stop_reason(),
        Some(StopReason::RetriesExhausted)
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_conflict_with_a_code_of_its_own_is_retried_and_a_plain_one_is_not() {
    let rules = || Rules::builder().retryable_codes(["LockHeld"]);
    let server = gateway(vec![lock_held, lock_held]).await;
    let put = |store: Store| async move {
        let mode = PutMode::Create.into();
        store.put_opts(&Path::from(KEY), "x".into(), mode).await
    };
    put(store_on(&server, rules())).await.unwrap();
    assert_eq!(server.requests().len(), 3);

    let conflict: fn() -> Response = || Response::code(409, "BlobAlreadyExists");
    let server = gateway(vec![conflict]).await;
    let error = put(store_on(&server, rules())).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn facts_come_back_after_one_request_whatever_a_rule_says() {
    let everything = || {
        Rules::builder()
            .classify("everything", |_| Some(Verdict::TRANSIENT))
            .retryable_status(300..=599)
            .retryable_text(["status"])
    };
    for (status, code) in [
        (404, "NoSuchKey"),
        (409, "Conflict"),
        (412, "PreconditionFailed"),
    ] {
        let server = serve(move |_| Some(Response::code(status, code))).await;
        let store = store_on(&server, everything());
        let mode = PutMode::Create.into();
        let put = store.put_opts(&Path::from(KEY), "x".into(), mode).await;
        assert_eq!(put.unwrap_err().verdict(), Verdict::Permanent, "{status}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_success_is_never_judged() {
    let server = gateway(Vec::new()).await;
    let everything = Rules::builder()
        .classify("everything", |_| Some(Verdict::Permanent))
        .permanent_text(["e"]);
    let store = store_on(&server, everything);
    let (put, seen) = observe(store.put(&Path::from(KEY), "x".into())).await;
    put.unwrap();
    assert_eq!(seen.report.failures(), []);
}

#[tokio::test]
async fn a_permanent_code_ends_a_conditional_put_with_the_services_own_error() {
    let full: fn() -> Response = || Response::code(503, "QuotaExceeded");
    let server = gateway(vec![full]).await;
    let store = store_on(&server, Rules::builder().permanent_codes(["quotaexceeded"]));
    let mode = PutMode::Create.into();
    let (put, seen) = observe(store.put_opts(&Path::from(KEY), "x".into(), mode)).await;
    let error = put.unwrap_err();
    let failure = undaunted_object_store::cause::<HttpFailure>(&error).unwrap();
    assert_eq!(failure.code(), Some("QuotaExceeded"));
    assert_eq!(decided(&seen.report), ["permanent_codes quotaexceeded"]);
    assert_eq!(server.requests().len(), 1);
}

/// A server that stores what is put, loses the first response, says that it is locked, and then that
/// the object exists.
#[tokio::test]
async fn a_write_whose_response_was_lost_is_found_behind_failures_that_a_rule_retries() {
    let token = Arc::new(Mutex::new(None));
    let puts = AtomicUsize::new(0);
    let seen = Arc::clone(&token);
    let server = serve(move |request: &Request| {
        if request.method == "HEAD" {
            let token = seen.lock().unwrap().clone().unwrap_or_default();
            let found = stored()
                .with("content-length", "1")
                .with("last-modified", "Thu, 26 Nov 2026 08:00:00 GMT")
                .with("x-amz-meta-undauntedputtoken", token);
            return Some(found);
        }
        match puts.fetch_add(1, Ordering::Relaxed) {
            0 => {
                let sent = request.header("x-amz-meta-undauntedputtoken");
                *seen.lock().unwrap() = sent.map(str::to_owned);
                None
            }
            1 => Some(locked()),
            _ => Some(Response::code(412, "PreconditionFailed")),
        }
    })
    .await;
    let store = store_on(&server, Rules::builder().retryable_status([423]));
    let mode = PutMode::Create.into();
    let put = store.put_opts(&Path::from(KEY), "x".into(), mode).await;
    let written = put.unwrap();
    assert!(token.lock().unwrap().is_some());
    assert_eq!(written.e_tag.as_deref(), Some("\"e\""));
    assert_eq!(server.count(|request| request.method == "PUT"), 3);
}

#[tokio::test]
async fn the_response_to_an_object_that_is_there_is_behind_the_error() {
    for (status, code) in [(412, "PreconditionFailed"), (409, "BucketAlreadyExists")] {
        let server = serve(move |_: &Request| Some(Response::code(status, code))).await;
        let store = store_on(&server, Rules::builder());
        let mode = PutMode::Create.into();
        let put = store.put_opts(&Path::from(KEY), "x".into(), mode).await;
        let error = put.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
        let failure = undaunted_object_store::cause::<HttpFailure>(&error).unwrap();
        assert_eq!((failure.status(), failure.code()), (status, Some(code)));
    }
}

#[tokio::test]
async fn a_conflict_behind_failures_that_a_rule_retries_is_a_conflict() {
    let server = serve(move |request: &Request| {
        Some(
            match (
                &*request.method,
                request.header("x-amz-meta-undauntedputtoken"),
            ) {
                ("HEAD", _) => stored()
                    .with("content-length", "1")
                    .with("last-modified", "Thu, 26 Nov 2026 08:00:00 GMT")
                    .with("x-amz-meta-undauntedputtoken", "another"),
                _ => Response::code(412, "PreconditionFailed"),
            },
        )
    })
    .await;
    let rules = Rules::builder().classify("everything", |_| Some(Verdict::TRANSIENT));
    let store = store_on(&server, rules);
    let mode = PutMode::Create.into();
    let put = store.put_opts(&Path::from(KEY), "x".into(), mode).await;
    let error = put.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert!(
        error
            .source()
            .is_none_or(|source| !source.is::<Ambiguous>())
    );
}

#[tokio::test]
async fn each_key_of_a_bulk_delete_is_judged_by_its_code() {
    let requests = AtomicUsize::new(0);
    let server = serve(move |_: &Request| {
        let key = |name: &str, code: &str| {
            format!("<Error><Key>{name}</Key><Code>{code}</Code><Message>m</Message></Error>")
        };
        let deleted = |name: &str| format!("<Deleted><Key>{name}</Key></Deleted>");
        let body = match requests.fetch_add(1, Ordering::Relaxed) {
            0 => key("a", "LegalHold") + &key("b", "LockHeld") + &deleted("c"),
            _ => deleted("b"),
        };
        Some(Response::of(
            200,
            format!("<DeleteResult>{body}</DeleteResult>"),
        ))
    })
    .await;
    let rules = Rules::builder()
        .retryable_codes(["LockHeld"])
        .permanent_codes(["LegalHold"]);
    let store = store_on(&server, rules);
    let keys = ["a", "b", "c"].map(|key| Ok(Path::from(key)));
    let deleted = store.delete_stream(stream::iter(keys).boxed());
    let (results, seen) = observe(deleted.collect::<Vec<_>>()).await;
    let [Err(held), Ok(_), Ok(_)] = &results[..] else {
        panic!("{results:?}");
    };
    let failure = undaunted_object_store::cause::<HttpFailure>(held).unwrap();
    assert_eq!(failure.code(), Some("LegalHold"));
    assert_eq!(decided(&seen.report), ["retryable_codes LockHeld"]);
    assert_eq!(server.requests().len(), 2);
}

/// Stale credentials are worth one more attempt, unless a rule says that they are not.
#[tokio::test]
async fn a_rule_may_make_stale_credentials_final() {
    for (rules, requests) in [
        (Rules::builder().retryable_status([423]), 2),
        (Rules::builder().permanent_codes(["ExpiredToken"]), 1),
    ] {
        let server = gateway(vec![|| Response::code(400, "ExpiredToken")]).await;
        let store = store_on(&server, rules);
        let put = store.put(&Path::from(KEY), "x".into()).await;
        assert_eq!(put.is_ok(), requests == 2, "{put:?}");
        assert_eq!(server.requests().len(), requests);
    }
}

/// The request that asks for the last key again is judged as one for many is.
#[tokio::test]
async fn a_bulk_delete_of_what_is_left_is_judged_by_its_status() {
    let requests = AtomicUsize::new(0);
    let server = serve(move |_: &Request| {
        let body = match requests.fetch_add(1, Ordering::Relaxed) {
            0 => concat!(
                "<Deleted><Key>a</Key></Deleted>",
                "<Error><Key>b</Key><Code>SlowDown</Code><Message>m</Message></Error>"
            ),
            1 => return Some(locked()),
            _ => "<Deleted><Key>b</Key></Deleted>",
        };
        let body = format!("<DeleteResult>{body}</DeleteResult>");
        Some(Response::of(200, body))
    })
    .await;
    let store = store_on(&server, Rules::builder().retryable_status([423]));
    let keys = ["a", "b"].map(|key| Ok(Path::from(key)));
    let deleted = store.delete_stream(stream::iter(keys).boxed());
    let results = deleted.collect::<Vec<_>>().await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_broken_body_is_resumed_under_rules_as_without() {
    let requests = AtomicUsize::new(0);
    let server = serve(move |_: &Request| {
        let head = |response: Response| {
            response
                .with("etag", "\"e\"")
                .with("last-modified", "Thu, 26 Nov 2026 08:00:00 GMT")
        };
        Some(match requests.fetch_add(1, Ordering::Relaxed) {
            0 => locked(),
            1 => head(Response::of(200, "abcd")),
            _ => Response::of(500, ""),
        })
    })
    .await;
    let store = store_on(&server, Rules::builder().retryable_status([423]));
    let got = store.get(&Path::from(KEY)).await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), "abcd");
}

/// S3 says 404 to an update of what is not there. It may have been ours that somebody deleted.
#[tokio::test]
async fn an_update_whose_response_was_lost_is_not_said_to_have_found_nothing() {
    let puts = AtomicUsize::new(0);
    let server = serve(move |request: &Request| match &*request.method {
        "PUT" if puts.fetch_add(1, Ordering::Relaxed) == 0 => None,
        _ => Some(Response::code(404, "NoSuchKey")),
    })
    .await;
    let store = store_on(&server, Rules::builder());
    let version = UpdateVersion {
        e_tag: Some("\"e\"".to_owned()),
        version: None,
    };
    let mode = PutMode::Update(version).into();
    let put = store.put_opts(&Path::from(KEY), "x".into(), mode).await;
    let error = put.unwrap_err();
    assert!(
        undaunted_object_store::cause::<Ambiguous>(&error).is_some(),
        "{error}"
    );
}

/// A retry around a store, whose rules see what the store returns.
#[tokio::test]
async fn rules_around_a_store_see_every_status() {
    for status in [
        302, 400, 401, 402, 403, 404, 405, 409, 413, 423, 425, 451, 501, 507,
    ] {
        let code = &*format!("GatewayCode{status}");
        let answered = code.to_owned();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let server = serve(move |_: &Request| {
            Some(match count.fetch_add(1, Ordering::Relaxed) {
                0 => Response::code(status, &answered),
                _ => stored(),
            })
        })
        .await;
        let store = store_on(&server, Rules::builder());
        let path = Path::from(KEY);
        let plain = store.put(&path, "x".into()).await.unwrap_err();
        let failure = undaunted_object_store::cause::<HttpFailure>(&plain);
        let failure = failure.unwrap_or_else(|| panic!("{status}: {plain:?}"));
        assert_eq!((failure.status(), failure.code()), (status, Some(code)));
        assert_eq!(plain.verdict(), Verdict::Permanent, "{status}");
        let text = undaunted_object_store::full_text(&plain);
        assert_eq!(text.matches(code).count(), 1, "{text}");

        asked.store(0, Ordering::Relaxed);
        let rules = Rules::builder().retryable_codes([code]).build().unwrap();
        let put = || store.put(&path, "x".into());
        let config = RetryConfig::builder().base_delay(Duration::ZERO).build();
        let call = undaunted::Retry::new(put).rules(&rules);
        let (result, report) = call.config(&config.unwrap()).run_with_report().await;
        result.unwrap_or_else(|error| panic!("{status}: {error}"));
        assert_eq!(decided(&report), [format!("retryable_codes {code}")]);
    }
}
