use std::io;
use undaunted::retry;

const LIMIT: u32 = 3;

#[retry(max_retries = -1)]
async fn negative_count() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = 4294967296)]
async fn too_large_a_count() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = "5")]
async fn count_as_text() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = LIMIT)]
async fn count_in_a_constant() -> io::Result<()> {
    Ok(())
}

#[retry(base_delay = "500")]
async fn no_unit() -> io::Result<()> {
    Ok(())
}

#[retry(base_delay = 500ms)]
async fn no_quotes() -> io::Result<()> {
    Ok(())
}

#[retry(base_delay = "5 parsecs")]
async fn unknown_unit() -> io::Result<()> {
    Ok(())
}

#[retry(base_delay = "-1s")]
async fn negative_text() -> io::Result<()> {
    Ok(())
}

#[retry(base_delay = -0.5)]
async fn negative_seconds() -> io::Result<()> {
    Ok(())
}

#[retry(max_delay = 1e300)]
async fn too_many_seconds() -> io::Result<()> {
    Ok(())
}

#[retry(max_delay = "")]
async fn empty_duration() -> io::Result<()> {
    Ok(())
}

#[retry(max_delay = true)]
async fn wrong_kind() -> io::Result<()> {
    Ok(())
}

#[retry(max_delay = std::time::Duration::from_secs(1))]
async fn not_a_literal() -> io::Result<()> {
    Ok(())
}

#[retry(throttled_base_delay = "soon")]
async fn throttled() -> io::Result<()> {
    Ok(())
}

#[retry(max_retry_after = "5q")]
async fn hint() -> io::Result<()> {
    Ok(())
}

#[retry(total_timeout = "0s")]
async fn no_time_at_all() -> io::Result<()> {
    Ok(())
}

#[retry(attempt_timeout = 0)]
async fn no_time_for_an_attempt() -> io::Result<()> {
    Ok(())
}

#[retry(exponential_base = 0.5)]
async fn shrinking() -> io::Result<()> {
    Ok(())
}

#[retry(exponential_base = -2)]
async fn negative_base() -> io::Result<()> {
    Ok(())
}

#[retry(exponential_base = 1e999)]
async fn infinite_base() -> io::Result<()> {
    Ok(())
}

#[retry(exponential_base = f64::NAN)]
async fn no_number() -> io::Result<()> {
    Ok(())
}

#[retry(jitter = 1.5)]
async fn too_much_jitter() -> io::Result<()> {
    Ok(())
}

#[retry(jitter = -0.25)]
async fn negative_jitter() -> io::Result<()> {
    Ok(())
}

#[retry(jitter = "ful")]
async fn misspelt_jitter() -> io::Result<()> {
    Ok(())
}

#[retry(jitter = Jitter::Full)]
async fn jitter_as_a_path() -> io::Result<()> {
    Ok(())
}

#[retry(name = "")]
async fn no_name() -> io::Result<()> {
    Ok(())
}

#[retry(name = 5)]
async fn name_as_a_number() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = -1, jitter = 7, base_delay = "1x")]
async fn all_at_once() -> io::Result<()> {
    Ok(())
}

fn main() {}
