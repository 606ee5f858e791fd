use std::io;
use undaunted::retry;

#[retry(max_retries = 5, attempt_timeout = "10s")]
fn read(path: &str) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

fn main() {}
