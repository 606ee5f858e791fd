use std::future::Future;
use std::io;
use undaunted::retry;

#[retry]
fn future() -> impl Future<Output = io::Result<()>> {
    async { Ok(()) }
}

#[retry]
async fn inside() -> io::Result<impl Iterator<Item = u8>> {
    Ok(0..3)
}

#[retry]
async fn deep() -> Result<Vec<(u8, Box<impl Sized>)>, io::Error> {
    Ok(vec![(1, Box::new(1))])
}

fn main() {}
