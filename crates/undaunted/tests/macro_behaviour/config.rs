//! `config = EXPR`.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use undaunted::{RetryConfig, retry};

use crate::Flaky;

const fn fixed(max_retries: u32) -> RetryConfig {
    match RetryConfig::builder().max_retries(max_retries).build() {
        Ok(config) => config,
        Err(_) => panic!(),
    }
}

static STATIC: RetryConfig = fixed(1);
static LAZY: LazyLock<RetryConfig> = LazyLock::new(|| fixed(4));

struct Client {
    config: RetryConfig,
    shared: Arc<RetryConfig>,
    locked: Mutex<Settings>,
    attempts: u32,
}

struct Settings {
    config: RetryConfig,
}

fn client() -> Client {
    Client {
        config: fixed(2),
        shared: Arc::new(fixed(3)),
        locked: Mutex::new(Settings { config: fixed(4) }),
        attempts: 0,
    }
}

impl Client {
    const CONFIG: RetryConfig = fixed(5);

    fn config(&self) -> &RetryConfig {
        &self.config
    }

    #[retry(config = self.config)]
    async fn field(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(config = &self.config, name = "reference")]
    async fn reference(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(config = self.config())]
    async fn getter(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(config = self.shared)]
    async fn shared(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    /// The lock must not be held while attempts run.
    #[retry(config = self.locked.lock().unwrap().config)]
    async fn locked(&self, flaky: &Flaky) -> io::Result<u32> {
        assert!(self.locked.try_lock().is_ok());
        flaky.call()
    }

    #[retry(config = Self::CONFIG)]
    async fn constant(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(config = self.config)]
    async fn exclusive(&mut self, flaky: &Flaky) -> io::Result<u32> {
        self.attempts += 1;
        self.config = fixed(100);
        flaky.call()
    }

    #[retry(config = &self.shared)]
    async fn exclusive_shared(&mut self, flaky: &Flaky) -> io::Result<u32> {
        self.attempts += 1;
        flaky.call()
    }

    #[retry(config = self.config())]
    fn blocking(&mut self, flaky: &Flaky) -> io::Result<u32> {
        self.attempts += 1;
        flaky.call()
    }
}

#[retry(config = STATIC)]
async fn of_static(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = *LAZY)]
async fn of_lazy(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = LAZY)]
async fn of_lazy_itself(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = RetryConfig::storage())]
async fn of_preset(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = if urgent { fixed(1) } else { fixed(2) })]
async fn of_argument(flaky: &Flaky, urgent: bool) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = config)]
async fn of_owned_argument(flaky: &Flaky, config: RetryConfig) -> io::Result<u32> {
    flaky.call()
}

#[retry(config = client.config)]
async fn of_exclusive_argument(flaky: &Flaky, client: &mut Client) -> io::Result<u32> {
    client.attempts += 1;
    flaky.call()
}

#[tokio::test(start_paused = true)]
async fn any_expression_will_do() {
    macro_rules! assert_retries {
        ($retries:expr, |$flaky:ident| $call:expr) => {{
            let $flaky = &Flaky::new(u32::MAX);
            $call.await.unwrap_err();
            assert_eq!($flaky.calls() - 1, $retries, "{}", stringify!($call));
        }};
    }
    let mut client = client();
    assert_retries!(1, |flaky| of_static(flaky));
    assert_retries!(4, |flaky| of_lazy(flaky));
    assert_retries!(4, |flaky| of_lazy_itself(flaky));
    assert_retries!(10, |flaky| of_preset(flaky));
    assert_retries!(1, |flaky| of_argument(flaky, true));
    assert_retries!(2, |flaky| of_argument(flaky, false));
    assert_retries!(7, |flaky| of_owned_argument(flaky, fixed(7)));
    assert_retries!(2, |flaky| of_exclusive_argument(flaky, &mut client));
    assert_retries!(2, |flaky| client.field(flaky));
    assert_retries!(2, |flaky| client.reference(flaky));
    assert_retries!(2, |flaky| client.getter(flaky));
    assert_retries!(3, |flaky| client.shared(flaky));
    assert_retries!(4, |flaky| client.locked(flaky));
    assert_retries!(5, |flaky| client.constant(flaky));
    assert_retries!(3, |flaky| client.exclusive_shared(flaky));
    assert_retries!(2, |flaky| client.exclusive(flaky));
    assert_eq!(client.attempts, 3 + 4 + 3);
}

#[test]
fn of_a_blocking_method() {
    let mut client = client();
    client.config = RetryConfig::builder()
        .base_delay(Duration::ZERO)
        .max_retries(2)
        .build()
        .unwrap();
    client.blocking(&Flaky::new(9)).unwrap_err();
    assert_eq!(client.attempts, 3);
}
