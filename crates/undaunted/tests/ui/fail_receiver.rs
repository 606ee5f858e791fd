use std::io;
use std::pin::Pin;
use std::sync::Arc;
use undaunted::retry;

#[derive(Clone)]
struct Client;

impl Client {
    #[retry]
    async fn by_value(self) -> io::Result<()> {
        Ok(())
    }

    #[retry]
    fn mutable(mut self) -> io::Result<()> {
        self = Client;
        drop(self);
        Ok(())
    }

    #[retry]
    async fn shared(self: Arc<Self>) -> io::Result<()> {
        Ok(())
    }

    #[retry]
    async fn pinned(self: Pin<&mut Self>) -> io::Result<()> {
        Ok(())
    }

    #[retry]
    async fn changed(mut self: &Self) -> io::Result<()> {
        self = &Client;
        let _ = self;
        Ok(())
    }
}

fn main() {}
