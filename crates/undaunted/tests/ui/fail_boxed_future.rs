use std::future::Future;
use std::io;
use std::pin::Pin;
use undaunted::retry;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Client;

impl Client {
    // What `#[async_trait]` makes of `async fn get(&self) -> io::Result<()>`.
    #[retry]
    fn get<'life0, 'async_trait>(
        &'life0 self,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = io::Result<()>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { Ok(()) })
    }

    #[retry]
    fn put(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move { Ok(()) })
    }
}

fn main() {}
