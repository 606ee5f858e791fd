//! Faults on purpose, for code that talks to object stores: [`FaultyStore`] wraps any
//! [`ObjectStore`](object_store::ObjectStore) and makes its calls fail as a [`FaultPlan`] says.
//!
//! ```
//! use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
//! use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> object_store::Result<()> {
//! let plan = FaultPlan::scripted([
//!     // The first write is applied, but its response is lost.
//!     Rule::new(Operation::Put, Fault::FailAfter(Failure::Timeout)),
//!     // The second read below `logs/` breaks after three bytes.
//!     Rule::new(Operation::Get, Fault::BreakBody { at: 3, failure: Failure::Reset })
//!         .key("logs/*")
//!         .from_call(2),
//! ]);
//! let store = FaultyStore::new(InMemory::new(), plan);
//!
//! let key = Path::from("logs/1");
//! assert!(store.put(&key, "hello".into()).await.is_err());
//! assert_eq!(store.get(&key).await?.bytes().await?, "hello");
//! assert!(store.get(&key).await?.bytes().await.is_err());
//! assert!(store.plan().unused().is_empty(), "all of the script was played");
//! # Ok(())
//! # }
//! ```
//!
//! # Two ways to choose faults
//!
//! *Scripted*, for tests: a list of [`Rule`]s, each with one fault and the calls that it is
//! meant for. [`FaultPlan::unused`] tells which of them never took effect.
//!
//! *Seeded*, for soaks: a seed and the rate of each family of faults ([`Rates`]), or one line
//! of text for a command line ([`ChaosSpec`]); both together, as a TOML file, are a `ChaosFile`
//! (feature `file`). The same seed draws the same faults on every
//! machine and whatever the order in which concurrent calls arrive, and a bound on faults in
//! a row makes sure that an operation with enough attempts gets through.
//!
//! # The faults
//!
//! | [`Fault`] | hits | what happens |
//! | --- | --- | --- |
//! | [`FailBefore`](Fault::FailBefore) | anything | the call fails, the store never hears of it |
//! | [`FailAfter`](Fault::FailAfter) | anything | the call is applied, its response is lost |
//! | [`Delay`](Fault::Delay) | anything | the call waits, then continues |
//! | [`BreakBody`](Fault::BreakBody) | `get`, `get_ranges` | the body fails after exactly n bytes |
//! | [`ShortBody`](Fault::ShortBody) | `get`, `get_ranges` | the body ends cleanly after exactly n bytes |
//! | [`StallBody`](Fault::StallBody) | `get`, `get_ranges` | the body stops for a while after n bytes |
//! | [`CorruptBody`](Fault::CorruptBody) | `get`, `get_ranges` | byte n arrives changed |
//! | [`ReplaceObject`](Fault::ReplaceObject) | `get`, `get_ranges` | the object is replaced after n bytes, and the body fails |
//! | [`RateLimit`](Fault::RateLimit) | anything | calls beyond a rate are told to slow down |
//! | [`BreakList`](Fault::BreakList) | `list` | the list fails after up to n entries |
//! | [`RetryAfterDate`](Fault::RetryAfterDate) | anything | 503, with a date to retry after by a clock that is wrong |
//! | [`TemporaryRedirect`](Fault::TemporaryRedirect) | anything | 307, with a `Location` |
//! | [`WrongRegion`](Fault::WrongRegion) | anything | 301 or 400, with `x-amz-bucket-region` |
//! | [`NoEtag`](Fault::NoEtag) | `get`, `head`, `put`, `complete_multipart`; on a server also `put_part`, `copy` | the response says no ETag |
//! | [`IgnoreRange`](Fault::IgnoreRange) | `get` | a range is asked for, the whole comes |
//! | [`DecompressBody`](Fault::DecompressBody) | `get`, `get_ranges` | a body of another length arrives, as if it had been decompressed |
//! | [`HtmlPage`](Fault::HtmlPage) | anything, on a server | a web page comes with status 200, nothing is done |
//! | [`CutDocument`](Fault::CutDocument) | `list`, `copy`, `delete` of many keys, `create_multipart`, `complete_multipart`, on a server | the XML document ends cleanly after n bytes or a share of them; at 0 it is empty |
//! | [`InsertKeys`](Fault::InsertKeys) | `list`, on a server | a page has more keys, such as `a//b` or a folder marker |
//! | [`TruncatedWithoutToken`](Fault::TruncatedWithoutToken) | `list`, on a server | a page says that there are more, and gives no token |
//! | [`RepeatToken`](Fault::RepeatToken) | `list`, on a server | a page gives the token again that it was asked with |
//!
//! Where "on a server" is said, a [`FaultyStore`] has nothing to change: a call that such a
//! fault is meant for fails there with `NotSupported`, and the fault stays unused.
//!
//! How a call fails is a [`Failure`]: connection refused, reset or closed, timeout, or an HTTP
//! status with code and hint. It reaches the caller as the `object_store::Error` that a real
//! client would give, with the typed cause behind it.
//!
//! What a plan did is in [`FaultPlan::log`], [`FaultPlan::injected`] and
//! [`FaultPlan::calls`].

mod body;
mod call;
mod capabilities;
mod failure;
mod fault;
mod fault_kind;
#[cfg(feature = "file")]
mod file;
mod injection;
mod list;
mod names;
mod operation;
mod pending;
mod plan;
mod random;
mod rates;
mod reach;
mod rule;
mod script;
mod seeded;
#[cfg(feature = "server")]
pub mod server;
mod spec;
mod store;
mod upload;

pub use capabilities::{FaultyPages, FaultyParts};
pub use failure::Failure;
pub use fault::{Clock, CutAt, Fault};
pub use fault_kind::FaultKind;
#[cfg(feature = "file")]
pub use file::ChaosFile;
#[cfg(feature = "file")]
pub use file::error::FileError;
pub use injection::Injection;
pub use operation::Operation;
pub use plan::FaultPlan;
pub use rates::Rates;
pub use rule::Rule;
pub use spec::ChaosSpec;
pub use spec::error::SpecError;
pub use store::FaultyStore;
pub use undaunted::HttpFailure;
