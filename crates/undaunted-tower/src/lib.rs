//! A [tower](https://docs.rs/tower) layer that retries requests by the policy of [`undaunted`].
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use undaunted::RetryConfig;
//! use undaunted_tower::RetryLayer;
//!
//! # use std::sync::atomic::{AtomicBool, Ordering};
//! # static HAS_FAILED: AtomicBool = AtomicBool::new(false);
//! # let client = tower::service_fn(async |_: Request<String>| {
//! #     let mut response = http::Response::new("hello".to_owned());
//! #     if !HAS_FAILED.swap(true, Ordering::Relaxed) {
//! #         *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
//! #     }
//! #     Ok::<_, std::io::Error>(response)
//! # });
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn get(client: impl tower::Service<Request<String>, Response = http::Response<String>, Error = std::io::Error, Future: Send> + Clone + Send + 'static) -> std::io::Result<()> {
//! // `client` is your HTTP client, such as hyper-util's.
//! let client = ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryConfig::default()))
//!     .service(client);
//!
//! let response = client.oneshot(Request::new(String::new())).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! # get(client).unwrap();
//! ```
//!
//! # What is retried
//!
//! - An error is judged by [`Retryable`](undaunted::Retryable), and a response by its status: 429,
//!   408 and the 5xx that pass. [Rules](HttpProtocol::rules) of your own come before. The wait is at least what its `Retry-After` asks for. If no attempt
//!   succeeds, the caller gets the last response or error as it came.
//! - A request is repeated only if that does no harm, see [`HttpProtocol`]: by default those of
//!   idempotent methods, and others only if the failure shows that they were not processed.
//! - A request is repeated only if its body can be cloned. [`HttpProtocol`] asks for a body that is
//!   `Clone`, such as `Full<Bytes>` or `String`; [`HttpProtocol::clone_body_with`] takes a function.
//! - For other requests than those of HTTP, implement [`Protocol`].
//!
//! The layer ends with the head of the response: a body that breaks while the caller reads it is
//! the caller's, who may retry the whole with [`undaunted::with_retry`]. gRPC's status comes at the
//! end of a body, so calls of tonic are retried with that, too.
//!
//! # Where the layer belongs
//!
//! Outside of limits of rate and concurrency, so that each attempt takes its own place, and so that
//! a request which waits for its next attempt holds none. Outside of layers that sign requests, so
//! that each attempt is signed anew. A timeout layer inside limits an attempt and one outside the
//! whole call; [`RetryConfig`](undaunted::RetryConfig) has both limits, too.
//!
//! # Cost
//!
//! A copy of the request and one allocation for each call.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `hyper-util` | yes | the errors of hyper-util's client, and whether it had a connection |
//! | `spans` | no | a span for each call and each attempt, with method, host and status |
//! | `metrics` | no | metrics, see [monitoring](undaunted::guide::monitoring) |

mod body;
mod call;
mod failure;
mod http_protocol;
mod judge;
mod layer;
mod protocol;
mod service;
mod span;
mod unsent;

pub use http_protocol::{ByClone, ByFunction, CloneBody, HttpProtocol, HttpSubject};
pub use judge::{ByRules, ByVerdict, Judge};
pub use layer::RetryLayer;
pub use protocol::Protocol;
pub use service::{ResponseFuture, Retry};
