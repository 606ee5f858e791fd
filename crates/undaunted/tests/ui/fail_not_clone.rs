use std::io;
use undaunted::retry;

struct Body;

fn send(_: Body) -> io::Result<()> {
    Ok(())
}

#[retry]
async fn upload(key: &str, body: Body) -> io::Result<()> {
    let _ = key;
    send(body)
}

#[retry]
fn blocking((body, size): (Body, usize)) -> io::Result<usize> {
    send(body)?;
    Ok(size)
}

fn main() {}
