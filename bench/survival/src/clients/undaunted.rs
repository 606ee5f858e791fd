//! undaunted: what `open_with()` opens, with the configuration that its documentation shows.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use undaunted::RetryConfig;
use undaunted_object_store::{Backend, RetryStore};
use undaunted_object_store_013::RetryStore as RetryStore013;

use super::trait_calls::{of_013, of_014};
use super::{Client, Endpoint, Session};
use crate::call::{Call, Failure, Reply};
use crate::versions;

pub struct Undaunted {
    paced: bool,
    through_013: bool,
}

impl Undaunted {
    /// As it is by default.
    pub const PACED: Self = Self {
        paced: true,
        through_013: false,
    };
    pub const UNPACED: Self = Self {
        paced: false,
        through_013: false,
    };
    /// Through the trait of object_store 0.13: not a column of its own, but each of its results
    /// has to be that of the other.
    pub const THROUGH_013: Self = Self {
        paced: true,
        through_013: true,
    };
}

#[async_trait]
impl Client for Undaunted {
    fn name(&self) -> &'static str {
        if self.through_013 {
            THROUGH_013
        } else if self.paced {
            "undaunted"
        } else {
            "undaunted, without pacer"
        }
    }

    fn version(&self) -> String {
        format!(
            "{}, over object_store {}",
            versions::of("undaunted-object-store"),
            versions::of("object_store")
        )
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let url = format!("s3://{}", endpoint.bucket);
        let options = endpoint.object_store_options();
        let (backend, _) = Backend::open_with(&url, options).map_err(Failure::other)?;
        let named = Names::default();
        let name = Arc::clone(&named);
        // As `open_with()` builds it, and with a listener for the keys that no `Path` can hold.
        let mut store = RetryStore::builder(backend.store)
            .config(RetryConfig::storage())
            .capabilities(backend.capabilities)
            .on_skipped_key(move |skipped| lock(&name).push(skipped.key().to_owned()));
        if !self.paced {
            store = store.without_pacer();
        }
        let store = store.build();
        let calls: Box<dyn Session> = if self.through_013 {
            Box::new(of_013::TraitSession(Arc::new(RetryStore013::from(store))))
        } else {
            Box::new(of_014::TraitSession(Arc::new(store)))
        };
        Ok(Box::new(NamingSession { calls, named }))
    }
}

/// A session whose lists name the keys that they leave out.
struct NamingSession {
    calls: Box<dyn Session>,
    named: Names,
}

type Names = Arc<Mutex<Vec<String>>>;

#[async_trait]
impl Session for NamingSession {
    async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        Ok(match self.calls.run(call).await? {
            Reply::Keys { listed, .. } => {
                let named = lock(&self.named).clone();
                Reply::Keys { listed, named }
            }
            reply => reply,
        })
    }
}

fn lock(names: &Names) -> std::sync::MutexGuard<'_, Vec<String>> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of [`Undaunted::THROUGH_013`].
pub const THROUGH_013: &str = "undaunted-013";
