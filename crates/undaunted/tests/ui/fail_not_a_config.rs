use std::io;
use std::time::Duration;
use undaunted::retry;

#[retry(config = Duration::from_secs(5))]
async fn upload() -> io::Result<()> {
    Ok(())
}

#[retry(budget = 500)]
async fn paid() -> io::Result<()> {
    Ok(())
}

fn main() {}
