//! `pacer = EXPR`.

use std::cell::Cell;
use std::sync::Arc;

use undaunted::{Pacer, RetryConfig, StorageError, StorageErrorKind, retry};

static SHARED: Pacer = Pacer::new();

/// Throttles the first attempt.
#[derive(Default)]
struct Service {
    requests: Cell<u32>,
}

impl Service {
    fn request(&self) -> Result<u32, StorageError> {
        self.requests.set(self.requests.get() + 1);
        if self.requests.get() == 1 {
            let kind = StorageErrorKind::RateLimited { retry_after: None };
            return Err(StorageError::new(kind));
        }
        Ok(self.requests.get())
    }
}

#[retry(pacer = SHARED, config = RetryConfig::storage())]
async fn of_static(service: &Service) -> Result<u32, StorageError> {
    service.request()
}

struct Client {
    pacer: Arc<Pacer>,
    calls: u32,
}

impl Client {
    #[retry(pacer = self.pacer, config = RetryConfig::storage())]
    async fn exclusive(&mut self, service: &Service) -> Result<u32, StorageError> {
        self.calls += 1;
        service.request()
    }

    #[retry(pacer = self.pacer)]
    fn blocking(&self, service: &Service) -> Result<u32, StorageError> {
        service.request()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_function_share_a_static_pacer() {
    assert_eq!(SHARED.rate(), None);
    assert_eq!(of_static(&Service::default()).await.unwrap(), 2);
    assert!(SHARED.rate().is_some());
}

#[tokio::test(start_paused = true)]
async fn methods_share_the_pacer_of_self() {
    let pacer = Arc::new(Pacer::new());
    let mut client = Client {
        pacer: Arc::clone(&pacer),
        calls: 0,
    };
    assert_eq!(client.exclusive(&Service::default()).await.unwrap(), 2);
    assert_eq!(client.calls, 2);
    assert!(pacer.is_active());
    assert_eq!(client.blocking(&Service::default()).unwrap(), 2);
}
