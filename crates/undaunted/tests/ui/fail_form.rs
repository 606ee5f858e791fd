use std::io;
use undaunted::{RetryConfig, retry};

const CONFIG: RetryConfig = RetryConfig::storage();

#[retry(5)]
async fn positional() -> io::Result<()> {
    Ok(())
}

#[retry(CONFIG)]
async fn positional_config() -> io::Result<()> {
    Ok(())
}

#[retry(RetryConfig::storage())]
async fn positional_expression() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries(5))]
async fn brackets() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries =)]
async fn no_value() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = 5 base_delay = "1s")]
async fn no_comma() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = 5, max_retries = 6)]
async fn twice() -> io::Result<()> {
    Ok(())
}

#[retry(config = CONFIG, max_retries = 5)]
async fn config_and_more() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = 5, base_delay = "1s", config = CONFIG)]
async fn more_and_config() -> io::Result<()> {
    Ok(())
}

#[retry(max_delay = "soon")]
async fn option_and_signature() {}

fn main() {}
