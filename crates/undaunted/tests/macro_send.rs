//! The future of a function with `#[retry]` is `Send` where its body is, and costs little more.

#![cfg(all(feature = "macros", feature = "tokio"))]

use std::fmt;
use std::io;
use std::mem::size_of_val;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use undaunted::{RetryConfig, retry};

trait Store: Send + Sync {
    fn put(&self, key: &str, data: Vec<u8>) -> io::Result<usize>;
}

/// Fails twice.
#[derive(Default)]
struct Memory(AtomicU32);

impl Store for Memory {
    fn put(&self, _: &str, data: Vec<u8>) -> io::Result<usize> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(data.len()),
        }
    }
}

struct Client<S> {
    store: S,
    config: RetryConfig,
    attempts: u32,
}

impl<S: Store> Client<S> {
    #[retry]
    async fn shared(&self, key: &str, data: Vec<u8>) -> io::Result<usize> {
        tokio::task::yield_now().await;
        self.store.put(key, data)
    }

    #[retry(config = self.config)]
    async fn exclusive(&mut self, key: &str, data: Vec<u8>) -> io::Result<usize> {
        self.attempts += 1;
        let this = &mut *self;
        tokio::task::yield_now().await;
        this.attempts += 1;
        this.store.put(key, data)
    }

    #[retry]
    async fn nested(&mut self, lines: &mut Vec<String>, key: String) -> io::Result<usize> {
        lines.push(key.clone());
        let size = self.exclusive(&key, key.clone().into_bytes()).await?;
        lines.push(key);
        Ok(size)
    }
}

#[retry(total_timeout = "1m", attempt_timeout = "1s")]
async fn upload(store: &dyn Store, key: &str, data: Vec<u8>) -> io::Result<usize> {
    tokio::task::yield_now().await;
    store.put(key, data)
}

#[retry]
async fn generic<S, F>(
    store: Arc<S>,
    on_size: F,
    items: impl Iterator<Item = u8> + Clone + Send,
) -> io::Result<usize>
where
    S: Store + ?Sized,
    F: Fn(usize) + Clone + Send + Sync,
{
    let data: Vec<u8> = items.collect();
    tokio::task::yield_now().await;
    let size = store.put("key", data)?;
    on_size(size);
    Ok(size)
}

fn client() -> Client<Memory> {
    Client {
        store: Memory::default(),
        config: RetryConfig::default(),
        attempts: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn functions_can_be_spawned() {
    let task = tokio::spawn(async { upload(&Memory::default(), "key", vec![1, 2]).await });
    assert_eq!(task.await.unwrap().unwrap(), 2);

    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let task = tokio::spawn(generic(store, |size| assert_eq!(size, 3), 0..3));
    assert_eq!(task.await.unwrap().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn methods_can_be_spawned() {
    let shared = Arc::new(client());
    let task = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move { shared.shared("key", vec![1]).await }
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);

    let task = tokio::spawn(async {
        let mut client = client();
        let size = client.exclusive("key", vec![1, 2]).await;
        (size, client.attempts)
    });
    let (size, attempts) = task.await.unwrap();
    assert_eq!((size.unwrap(), attempts), (2, 6));

    let task = tokio::spawn(async {
        let mut lines = Vec::new();
        let size = client().nested(&mut lines, "key".to_owned()).await;
        (size, lines)
    });
    let (size, lines) = task.await.unwrap();
    assert_eq!(size.unwrap(), 3);
    assert_eq!(lines, ["key", "key"]);
}

#[tokio::test(start_paused = true)]
async fn the_type_itself_is_send_and_static_enough_for_a_set() {
    let client: &'static mut Client<Memory> = Box::leak(Box::new(client()));
    let mut set = tokio::task::JoinSet::new();
    set.spawn(client.exclusive("key", vec![]));
    assert_eq!(set.join_next().await.unwrap().unwrap().unwrap(), 0);
}

/// A body that is not `Send` is still fine where nobody asks.
#[tokio::test(start_paused = true)]
async fn a_body_need_not_be_send() {
    #[retry]
    async fn local(
        calls: &std::cell::Cell<u32>,
        name: std::rc::Rc<str>,
    ) -> Result<String, NotSend> {
        calls.set(calls.get() + 1);
        tokio::task::yield_now().await;
        match calls.get() {
            1 => Err(NotSend(name)),
            _ => Ok(name.to_string()),
        }
    }

    #[derive(Debug)]
    struct NotSend(std::rc::Rc<str>);

    impl fmt::Display for NotSend {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl undaunted::Retryable for NotSend {
        fn verdict(&self) -> undaunted::Verdict {
            undaunted::Verdict::TRANSIENT
        }

        fn timed_out(_: undaunted::TimedOut) -> Self {
            Self("timed out".into())
        }
    }

    let calls = std::cell::Cell::new(0);
    assert_eq!(local(&calls, "name".into()).await.unwrap(), "name");
    assert_eq!(calls.get(), 2);
}

/// What the attribute adds does not grow with the body: the attempt is kept once.
#[test]
fn the_future_is_little_larger_than_its_body() {
    async fn plain() -> io::Result<usize> {
        let buffer = [1_u8; 4096];
        tokio::task::yield_now().await;
        Ok(buffer.iter().map(|byte| usize::from(*byte)).sum())
    }

    #[retry]
    async fn retried() -> io::Result<usize> {
        let buffer = [1_u8; 4096];
        tokio::task::yield_now().await;
        Ok(buffer.iter().map(|byte| usize::from(*byte)).sum())
    }

    let (plain, retried) = (size_of_val(&plain()), size_of_val(&retried()));
    println!("{plain} became {retried}");
    assert!(retried <= plain + 300, "{plain} became {retried}");
}
