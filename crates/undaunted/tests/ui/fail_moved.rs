// A body that gives `self` away cannot run twice; the compiler points into the body.

use std::io;
use undaunted::retry;

struct Client;

fn consume<T>(_: T) {}

impl Client {
    #[retry]
    async fn upload(&mut self) -> io::Result<()> {
        consume(self);
        Ok(())
    }
}

fn main() {}
