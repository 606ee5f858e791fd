use std::io;
use undaunted::retry;

#[retry(max_retry = 5)]
async fn misspelt() -> io::Result<()> {
    Ok(())
}

#[retry(colour = "blue")]
async fn unheard_of() -> io::Result<()> {
    Ok(())
}

#[retry(timeout = "5s")]
async fn which_timeout() -> io::Result<()> {
    Ok(())
}

#[retry(max_attempts = 3)]
async fn attempts() -> io::Result<()> {
    Ok(())
}

#[retry(when = is_transient)]
async fn predicate() -> io::Result<()> {
    Ok(())
}

fn main() {
    // The functions are still there: each mistake is one error.
    let _ = (misspelt(), unheard_of(), which_timeout(), attempts(), predicate());
}
