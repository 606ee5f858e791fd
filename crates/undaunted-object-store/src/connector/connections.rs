//! The connections to a service, and when to begin with new ones.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
};
use tokio::time::Instant;
use undaunted::TimedOut;

use super::{measured, transport};
use crate::trace::Exchange;

/// A client whose pool of connections is replaced after a timeout.
///
/// A firewall drops idle connections without a word: every request on one of them times out. A
/// client does not say whether a connection was new, and one that timed out leaves its siblings
/// in the pool, so that each of them would cost a timeout of its own.
pub(super) struct Connections<C> {
    connector: Arc<C>,
    options: ClientOptions,
    pool: RwLock<Pool>,
}

#[derive(Clone)]
struct Pool {
    client: HttpClient,
    /// Which pool it is, counted from 0.
    number: u64,
}

impl<C: HttpConnector> Connections<C> {
    pub(super) fn open(connector: Arc<C>, options: ClientOptions) -> object_store::Result<Self> {
        let client = connector.connect(&options)?;
        Ok(Self {
            connector,
            options,
            pool: RwLock::new(Pool { client, number: 0 }),
        })
    }

    /// Sends a request; the head of its response may take as long as `limit`.
    pub(super) async fn send(
        &self,
        request: HttpRequest,
        limit: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let pool = self
            .pool
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let exchange = Exchange::current();
        if let Some(exchange) = &exchange {
            exchange.sent(&request);
        }
        let began = Instant::now();
        let sent = tokio::time::timeout(limit, pool.client.execute(request));
        let Ok(sent) = sent.await else {
            self.replace(pool.number);
            let timed_out = TimedOut::Attempt { limit };
            return Err(HttpError::new(HttpErrorKind::Timeout, timed_out));
        };
        let response = sent.map_err(transport::sorted)?;
        Ok(match exchange {
            Some(exchange) => measured::response(response, exchange, began.elapsed()),
            None => response,
        })
    }

    /// Begins with new connections, unless somebody has since this pool was used.
    fn replace(&self, number: u64) {
        let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        if pool.number != number {
            return;
        }
        // The options made a client before; should they not now, the old one stays.
        if let Ok(client) = self.connector.connect(&self.options) {
            *pool = Pool {
                client,
                number: number + 1,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use object_store::client::HttpService;

    use super::*;

    /// Makes clients, and counts them.
    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);

    impl HttpConnector for Counted {
        fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(HttpClient::new(Unused))
        }
    }

    #[derive(Debug)]
    struct Unused;

    #[async_trait]
    impl HttpService for Unused {
        async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
            Err(HttpError::new(
                HttpErrorKind::Unknown,
                std::io::Error::other("unused"),
            ))
        }
    }

    #[test]
    fn of_many_requests_that_time_out_one_begins_with_new_connections() {
        let connector = Arc::new(Counted::default());
        let connections = Connections::open(connector.clone(), ClientOptions::new()).unwrap();
        for (pool, clients) in [(0, 2), (0, 2), (1, 3), (0, 3), (1, 3), (2, 4)] {
            connections.replace(pool);
            assert_eq!(connector.0.load(Ordering::Relaxed), clients);
        }
    }
}
