//! A provider of temporary keys, as containers have one: every request gets the keys of the
//! servers, with a new session token.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use undaunted_chaos::server::{ACCESS_KEY, SECRET_KEY};

/// A provider that runs as long as the program.
#[derive(Debug)]
pub struct Provider {
    /// The value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub url: String,
    folder: TempDir,
    given: Arc<AtomicU64>,
}

impl Provider {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// If there is no port or no folder for it.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let provider = Self {
            url: format!("http://{}/keys", listener.local_addr()?),
            folder: tempfile::tempdir()?,
            given: Arc::default(),
        };
        fs::write(provider.token_file(), "token")?;
        let given = Arc::clone(&provider.given);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that has gone away needs no keys.
                let _ = give(stream, &next(&given)).await;
            }
        });
        Ok(provider)
    }

    /// The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, without which some clients do not
    /// ask.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// A new session token, for clients that take a provider as code.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "only a peer asks"))]
    pub fn new_token(&self) -> String {
        next(&self.given)
    }
}

fn next(given: &AtomicU64) -> String {
    format!("session-{}", given.fetch_add(1, Ordering::Relaxed))
}

async fn give(mut stream: TcpStream, token: &str) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    while lines
        .next_line()
        .await?
        .is_some_and(|line| !line.is_empty())
    {}
    let keys = json!({
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Token": token,
        "Expiration": "2099-01-01T00:00:00Z",
    });
    let keys = keys.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        keys.len()
    );
    write.write_all((head + &keys).as_bytes()).await
}
