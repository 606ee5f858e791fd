use std::io;
use undaunted::retry;

struct Client {
    buffer: Vec<u8>,
}

struct Chunk<'a>(&'a [u8]);

impl Client {
    #[retry]
    async fn elided(&mut self) -> io::Result<&[u8]> {
        Ok(&self.buffer)
    }

    #[retry]
    async fn anonymous(&mut self, _key: &str) -> io::Result<Chunk<'_>> {
        Ok(Chunk(&self.buffer))
    }

    #[retry]
    fn named<'a>(&'a mut self, _key: &str) -> io::Result<&'a mut Vec<u8>> {
        Ok(&mut self.buffer)
    }

    #[retry]
    async fn of_an_argument<'a>(&self, out: &'a mut Vec<u8>) -> io::Result<Chunk<'a>> {
        Ok(Chunk(out))
    }
}

#[retry]
async fn only_argument(out: &mut Vec<u8>) -> io::Result<&[u8]> {
    Ok(out)
}

fn main() {}
