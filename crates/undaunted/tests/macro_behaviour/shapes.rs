//! Methods, traits, generics, lifetimes, and names that could clash.

use std::fmt;
use std::io;
use std::sync::Arc;

use undaunted::retry;

use crate::Flaky;

#[derive(Debug)]
struct Client<T> {
    log: Vec<T>,
    attempts: u32,
}

impl<T: Clone + fmt::Debug> Client<T> {
    #[retry]
    async fn shared(&self, flaky: &Flaky) -> io::Result<Option<&T>> {
        flaky.call()?;
        Ok(self.log.last())
    }

    #[retry]
    async fn exclusive(&mut self, flaky: &Flaky, item: T) -> io::Result<usize> {
        self.attempts += 1;
        self.log.push(item);
        flaky.call()?;
        Ok(self.log.len())
    }

    #[retry]
    async fn typed(self: &Arc<Self>, flaky: &Flaky) -> io::Result<u32> {
        Ok(flaky.call()? + self.attempts)
    }

    #[retry]
    async fn associated<const N: usize>(flaky: &Flaky, items: [T; N]) -> io::Result<Self>
    where
        T: Send,
    {
        flaky.call()?;
        Ok(Self {
            log: items.into(),
            attempts: 0,
        })
    }
}

#[allow(async_fn_in_trait)]
trait Fetch {
    type Item;

    async fn fetch(&mut self, flaky: &Flaky) -> io::Result<Self::Item>;

    #[retry]
    async fn twice(&mut self, flaky: &Flaky) -> io::Result<(Self::Item, Self::Item)> {
        Ok((self.fetch(flaky).await?, self.fetch(flaky).await?))
    }
}

impl Fetch for Client<u8> {
    type Item = u32;

    #[retry(max_retries = 1)]
    async fn fetch(&mut self, flaky: &Flaky) -> io::Result<u32> {
        self.attempts += 1;
        flaky.call()
    }
}

#[retry]
async fn longest<'a, 'b: 'a>(flaky: &Flaky, a: &'a str, b: &'b str) -> io::Result<&'a str> {
    flaky.call()?;
    Ok(if a.len() > b.len() { a } else { b })
}

#[retry]
async fn elided<'a>(flaky: &'a Flaky, _out: &mut Vec<u8>) -> io::Result<&'a Flaky> {
    flaky.call()?;
    Ok(flaky)
}

/// The body sees none of the names that the expansion uses.
#[retry(max_retries = 2)]
async fn names(session: &Flaky, config: u32, error: u32, attempt: u32) -> io::Result<u32> {
    session.call()?;
    Ok(config + error + attempt + CONFIG)
}

const CONFIG: u32 = 1000;

macro_rules! fetcher {
    ($name:ident, $retries:literal, $ty:ty) => {
        #[retry(max_retries = $retries, base_delay = "1s")]
        async fn $name(flaky: &Flaky, arg: $ty) -> io::Result<u32> {
            let arg: $ty = arg;
            let _ = arg;
            flaky.call()
        }
    };
}
fetcher!(made_by_a_macro, 1, Vec<u8>);
fetcher!(made_with_a_reference, 1, &mut Vec<u8>);

#[tokio::test(start_paused = true)]
async fn methods() {
    let mut client = Client {
        log: vec!["a"],
        attempts: 0,
    };
    assert_eq!(client.shared(&Flaky::new(2)).await.unwrap(), Some(&"a"));
    assert_eq!(client.exclusive(&Flaky::new(2), "b").await.unwrap(), 4);
    assert_eq!(client.attempts, 3);
    let client = Arc::new(client);
    assert_eq!(client.typed(&Flaky::new(1)).await.unwrap(), 5);
    let client = Client::associated(&Flaky::new(1), [1, 2]).await.unwrap();
    assert_eq!(client.log, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn traits() {
    let mut client = Client {
        log: vec![0_u8],
        attempts: 0,
    };
    assert_eq!(client.twice(&Flaky::new(5)).await.unwrap(), (6, 7));
    assert_eq!(client.attempts, 7);
}

#[tokio::test(start_paused = true)]
async fn lifetimes() {
    assert_eq!(longest(&Flaky::new(1), "ab", "c").await.unwrap(), "ab");
    let flaky = Flaky::new(1);
    assert_eq!(elided(&flaky, &mut Vec::new()).await.unwrap().calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn hygiene() {
    assert_eq!(names(&Flaky::new(1), 1, 20, 300).await.unwrap(), 1321);
    assert_eq!(made_by_a_macro(&Flaky::new(1), vec![1]).await.unwrap(), 2);
    let mut vec = vec![1];
    assert_eq!(
        made_with_a_reference(&Flaky::new(1), &mut vec)
            .await
            .unwrap(),
        2
    );
}
