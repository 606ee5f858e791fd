use std::io;
use undaunted::retry;

#[retry]
struct Client;

#[retry]
enum Kind {
    A,
}

#[retry]
impl Client {
    async fn get(&self) -> io::Result<()> {
        Ok(())
    }
}

#[retry]
trait Fetch {
    fn fetch(&self) -> io::Result<()>;
}

trait Store {
    #[retry]
    fn put(&self) -> io::Result<()>;

    #[retry(max_retries = 5)]
    async fn get(&self) -> io::Result<()>;
}

#[retry]
const LIMIT: u32 = 3;

#[retry]
static mut COUNT: u32 = 3;

#[retry]
mod inner {}

#[retry]
pub type Result = io::Result<()>;

fn main() {
    // The items are still there.
    let _ = (Client.get(), Kind::A, LIMIT);
}
