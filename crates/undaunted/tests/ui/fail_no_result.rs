use undaunted::retry;

#[retry]
async fn nothing() {}

#[retry]
async fn unit() -> () {}

#[retry]
async fn option() -> Option<u8> {
    None
}

#[retry]
fn number() -> u32 {
    1
}

#[retry]
fn reference(text: &str) -> &str {
    text
}

#[retry]
fn tuple() -> (u8, Result<(), std::io::Error>) {
    (1, Ok(()))
}

#[retry]
fn never() -> ! {
    panic!()
}

fn main() {}
