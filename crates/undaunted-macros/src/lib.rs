//! Implementation detail of the `undaunted` crate: the `#[retry]` attribute.

mod arguments;
mod expand;
mod function;
mod nearest;
mod options;
mod returned;
mod settings;
mod valid;
mod value;

use proc_macro::TokenStream;

use crate::function::Function;
use crate::options::Options;

/// Retries a function that returns a `Result`: its body is run again after a failure that
/// may pass.
///
/// ```
/// use undaunted::{StorageError, retry};
/// # use bytes::Bytes;
/// # #[derive(Default)]
/// # struct Store(std::cell::Cell<u32>);
/// # impl Store {
/// #     async fn put(&self, _: &str, data: Bytes) -> Result<usize, StorageError> {
/// #         self.0.set(self.0.get() + 1);
/// #         match self.0.get() {
/// #             1 | 2 => Err(StorageError::new(undaunted::StorageErrorKind::Connection)),
/// #             _ => Ok(data.len()),
/// #         }
/// #     }
/// # }
///
/// #[retry] // 3 retries after 1 s, 2 s and 4 s, each ±25 %
/// async fn upload(store: &Store, key: &str, data: Bytes) -> Result<usize, StorageError> {
///     store.put(key, data).await
/// }
///
/// #[retry(max_retries = 5, base_delay = "500ms", max_delay = "30s")]
/// async fn upload_receipt(store: &Store, id: u32, pdf: Bytes) -> Result<usize, StorageError> {
///     let key = format!("receipts/{id}.pdf");
///     store.put(&key, pdf).await
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), StorageError> {
/// assert_eq!(upload(&Store::default(), "avatars/7.jpg", Bytes::from("jpeg")).await?, 4);
/// assert_eq!(upload_receipt(&Store::default(), 7, Bytes::from("pdf")).await?, 3);
/// # Ok(())
/// # }
/// ```
///
/// The error says by its `Retryable` implementation whether another attempt may help;
/// the caller gets the last error back, unchanged. Before each retry a line like
/// `Retry attempt 1/3 for upload after 1.23s: Connection timed out` is logged.
///
/// It stands on free functions and methods (`&self`, `&mut self`), in trait impls and on
/// provided trait methods, with generics and lifetimes, `async` or not. In the body `?` and
/// `return` mean what they always do, and end the attempt. An `async fn` needs the crate's
/// feature `tokio`, and its future is `Send` wherever the body is. A plain `fn` lets its
/// thread sleep.
///
/// # Options
///
/// They are checked when the function is compiled: a bad value is a compile error that names
/// it. A duration is a string such as `"500ms"`, `"1.5s"` or `"2m 30s"`, or a number of seconds.
///
/// | option | what it sets | default | values |
/// | --- | --- | --- | --- |
/// | `max_retries` | attempts after the first | `3` | 0 to 4294967295 |
/// | `base_delay` | the delay before the first retry | `"1s"` | a duration; 0 retries immediately |
/// | `max_delay` | the cap on delays, before jitter | `"60s"` | a duration |
/// | `exponential_base` | what each delay is multiplied by | `2.0` | a finite number of at least 1 |
/// | `jitter` | the random part of each delay | `0.25` | a fraction from 0 to 1 (of the delay, both ways), `"full"`, `"equal"`, `"decorrelated"`, `"none"`; `true` is 0.25, `false` is `"none"` |
/// | `throttled_base_delay` | `base_delay` after a failure by throttling | as `base_delay` | a duration |
/// | `total_timeout` | the time for all attempts and waits | none | a duration above 0 |
/// | `attempt_timeout` | the time for each attempt, `async fn` only | none | a duration above 0 |
/// | `max_retry_after` | the longest wait that a service may ask for | `"5m"` | a duration |
/// | `name` | the name in logs and events | the function's | a string |
/// | `config` | the whole policy, in place of all of the above but `name` | | an expression |
/// | `budget` | the `RetryBudget` that retries are paid from | none | an expression |
/// | `pacer` | the `Pacer` at which attempts wait for their turns once the service throttles | none | an expression |
/// | `rules` | the `Rules` that say what failures mean, before the error itself does | none | an expression |
///
/// `config` takes any expression that gives a `RetryConfig`, a reference to one or something
/// that derefs to one: a constant, a `LazyLock`, a preset, `self.config`. `budget`, `pacer` and
/// `rules` likewise. All are evaluated once for each call, before the first attempt; they may use
/// `self` and arguments that have a name.
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use undaunted::{RetryBudget, RetryConfig, retry};
///
/// struct Client {
///     config: RetryConfig,
///     budget: Arc<RetryBudget>,
///     sent: usize,
/// }
///
/// impl Client {
///     #[retry(config = self.config, budget = self.budget, name = "client.send")]
///     async fn send(&mut self, message: String) -> io::Result<usize> {
///         self.sent += message.len();
///         Ok(self.sent)
///     }
/// }
///
/// #[retry(config = RetryConfig::interactive())]
/// fn read(path: &str) -> io::Result<String> {
///     std::fs::read_to_string(path)
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// # let (config, budget) = (RetryConfig::storage(), Arc::new(RetryBudget::new()));
/// # let mut client = Client { config, budget, sent: 0 };
/// # assert_eq!(client.send("hello".to_owned()).await?, 5);
/// # assert!(read("Cargo.toml")?.contains("undaunted"));
/// # Ok(())
/// # }
/// ```
///
/// In a method that takes `&mut self`, a `config` that uses `self` is cloned, so that the body
/// can have `self`; a `budget`, `pacer` or `rules` that uses it is cloned too, and so has to be
/// an `Arc`.
///
/// # Arguments
///
/// Every attempt finds the arguments as the first one did:
///
/// * One that is passed by value is cloned for each attempt, so its type has to be `Clone`
///   (an `impl Trait` argument says so: `impl Into<String> + Clone`). Prefer types that are
///   cheap to clone, such as `Bytes` and `Arc`. Patterns are matched again.
/// * One that the body does not name is neither cloned nor has to be `Clone`: a permit that
///   is held meanwhile, say.
/// * A `&T` is used as it is. A `&mut T` and `&mut self` are lent to each attempt, and keep
///   what a failed attempt did to them.
///
/// `self` by value (`self: Arc<Self>` too) would be used up by the first attempt, and is
/// refused; so is a return type that borrows from `&mut self` or a `&mut` argument.
///
/// The whole body is run again. What must happen once, such as choosing a unique key, belongs
/// into the caller, or into a function around this one.
///
/// # Cost
///
/// A call that succeeds at its first attempt costs the clones and a few instructions: no allocation, no
/// clock unless a time limit is set. The future is some 150 bytes larger than the body's.
///
/// # Layers
///
/// Retries multiply. With r retries in each of n layers, an operation that keeps failing is
/// attempted (1 + r)ⁿ times: this attribute on a function that uses a store which makes 10
/// retries of its own sends up to 4 × 11 = 44 requests, and delays the final error by 44
/// waits. Retry in one layer, the one nearest to the fault, or switch the other off
/// (`max_retries = 0`).
///
/// # With `#[async_trait]`
///
/// By the time this attribute sees a method of such an impl it is no longer an `async fn`, but
/// returns a boxed future, whatever the order of attributes. Put the body into a function of
/// its own:
///
/// ```
/// use std::io;
/// use async_trait::async_trait;
/// use undaunted::retry;
///
/// #[async_trait]
/// trait Fetch {
///     async fn fetch(&self, key: &str) -> io::Result<Vec<u8>>;
/// }
///
/// struct Files;
///
/// #[async_trait]
/// impl Fetch for Files {
///     async fn fetch(&self, key: &str) -> io::Result<Vec<u8>> {
///         self.fetch_retried(key).await
///     }
/// }
///
/// impl Files {
///     #[retry(name = "fetch")]
///     async fn fetch_retried(&self, key: &str) -> io::Result<Vec<u8>> {
///         std::fs::read(key)
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() { assert!(Files.fetch("Cargo.toml").await.is_ok()); }
/// ```
///
/// # When it does not fit
///
/// For a part of a function, a policy that is known only when it runs, or an error that is
/// not `Retryable`, there are `with_retry` and the builder `Retry`; for a loop of one's own,
/// `Session`, which is what this attribute expands to.
#[proc_macro_attribute]
pub fn retry(options: TokenStream, item: TokenStream) -> TokenStream {
    retried(options, item.clone()).unwrap_or_else(|error| {
        // The function as it was written, so that its callers are not in error too.
        let mut fallback = TokenStream::from(error.into_compile_error());
        fallback.extend(item);
        fallback
    })
}

fn retried(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: Function = syn::parse(item)?;
    let options = syn::parse::<Options>(options);
    let checked = valid::check(&function.signature, options.as_ref().ok());
    match (options, checked) {
        (Ok(options), Ok(())) => Ok(expand::expand(&function, &options).into()),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            Err(error)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}
