//! reqwest 0.12 and 0.13.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use undaunted::{CheckStatus, Retry, RetryConfig, Retryable, TimedOut, Verdict, retry};

use crate::places::{GETS, faulty, place, says, throttling, verdict, with_crypto};

macro_rules! table {
    ($table:ident, $version:ident) => {
        mod $table {
            use std::error::Error;

            use $version::{Body, Client, Error as ReqwestError};

            use super::*;

            type BoxError = Box<dyn Error + Send + Sync>;

            fn client() -> Client {
                with_crypto();
                Client::builder()
                    .no_proxy()
                    .timeout(Duration::from_millis(500))
                    .build()
                    .unwrap()
            }

            async fn get(url: &str) -> Result<Bytes, ReqwestError> {
                client()
                    .get(url)
                    .send()
                    .await?
                    .error_for_status()?
                    .bytes()
                    .await
            }

            /// As a caller would write it who wants the hint.
            async fn get_with_hint(url: &str) -> Result<Bytes, BoxError> {
                Ok(client()
                    .get(url)
                    .send()
                    .await?
                    .check_status()?
                    .bytes()
                    .await?)
            }

            #[tokio::test]
            async fn every_failure_of_a_get_has_its_verdict() {
                for (name, want) in GETS {
                    let place = place(name).await;
                    let result = get(&place.url).await;
                    assert_eq!(verdict(&result), *want, "{name}: {result:?}");
                    let result = get_with_hint(&place.url).await;
                    assert_eq!(verdict(&result), *want, "{name}, boxed: {result:?}");
                }
            }

            #[tokio::test]
            async fn what_no_attempt_can_change_is_permanent() {
                let is_permanent = |name: &str, result: Result<Bytes, ReqwestError>| {
                    assert_eq!(verdict(&result), "permanent", "{name}: {result:?}");
                };
                is_permanent("a URL that is none", get("http://").await);
                is_permanent("a scheme that is unknown", get("s3://bucket/key").await);
                let invalid = client().get("http://localhost/").header("a", "\n").send();
                is_permanent(
                    "a header that is invalid",
                    invalid.await.map(|_| Bytes::new()),
                );
                let turns = "HTTP/1.1 302 Found\r\nlocation: /\r\nconnection: close\r\n\r\n";
                is_permanent("a redirect to itself", get(&says(turns).await).await);
            }

            #[tokio::test]
            async fn whole_json_that_is_something_else_is_permanent() {
                let place = faulty(None).await;
                let response = client().get(&place.url).send().await.unwrap();
                let error = response.json::<Vec<String>>().await.unwrap_err();
                assert!(error.is_decode());
                assert_eq!(error.verdict(), Verdict::Permanent);
            }

            #[tokio::test]
            async fn a_body_of_the_callers_has_the_verdict_of_its_error() {
                let place = faulty(None).await;
                for (kind, want) in [
                    (io::ErrorKind::NotFound, "permanent"),
                    (io::ErrorKind::ConnectionReset, "transient"),
                ] {
                    let frames = stream::iter([Err::<Frame<Bytes>, _>(io::Error::from(kind))]);
                    let body = Body::wrap(StreamBody::new(frames));
                    let result = client().put(&place.url).body(body).send().await;
                    assert_eq!(verdict(&result), want, "{kind}: {result:?}");
                }
            }

            #[tokio::test]
            async fn the_wait_that_a_service_asks_for_is_kept() {
                let retry_after = Duration::from_secs(7);
                let place = throttling(retry_after).await;
                let error = get_with_hint(&place.url).await.unwrap_err();
                let hint = Some(retry_after);
                assert_eq!(error.verdict(), Verdict::Throttled { retry_after: hint });
                assert_eq!(
                    get(&place.url).await.unwrap_err().verdict(),
                    Verdict::THROTTLED
                );
            }

            #[tokio::test]
            async fn a_limit_is_a_timeout() {
                let place = place("no response in time").await;
                let limit = Duration::from_millis(50);
                let config = RetryConfig::builder()
                    .attempt_timeout(Some(limit))
                    .max_retries(0);
                let config = config.build().unwrap();
                let error = Retry::new(|| get(&place.url)).config(&config).run().await;
                let error = error.unwrap_err();
                assert!(error.is_timeout());
                assert_eq!(error.verdict(), TimedOut::Attempt { limit }.verdict());
            }

            #[retry(max_retries = 1, base_delay = "1ms")]
            async fn get_retried(url: &str) -> Result<Bytes, ReqwestError> {
                get(url).await
            }

            #[tokio::test]
            async fn a_retried_function_needs_no_more_than_the_attribute() {
                let place = place("503").await;
                let error = get_retried(&place.url).await.unwrap_err();
                assert_eq!(error.status().unwrap(), 503);
                let place = faulty(None).await;
                assert_eq!(get_retried(&place.url).await.unwrap(), "0123456789");
            }
        }
    };
}

table!(v012, reqwest012);
table!(v013, reqwest013);
