use undaunted::retry;

#[derive(Debug)]
struct MyError;

impl std::fmt::Display for MyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mine")
    }
}

#[retry]
async fn upload() -> Result<(), MyError> {
    Err(MyError)
}

#[retry]
fn blocking() -> Result<(), MyError> {
    Err(MyError)
}

type Answer = std::task::Poll<u8>;

#[retry]
async fn alias_of_something_else() -> Answer {
    Answer::Pending
}

fn main() {}
