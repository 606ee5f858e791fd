//! A small HTTP server whose responses a test makes up.
#![allow(dead_code)] // in tests that need less of it

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A response: status, headers, body. The length is said by itself.
pub(crate) struct Response(
    pub(crate) u16,
    pub(crate) Vec<(&'static str, String)>,
    pub(crate) String,
);

impl Response {
    pub(crate) fn of(status: u16, body: impl Into<String>) -> Self {
        Self(status, Vec::new(), body.into())
    }

    /// An error as S3 says it.
    pub(crate) fn code(status: u16, code: &str) -> Self {
        Self::of(status, format!("<Error><Code>{code}</Code></Error>"))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.1.push((name, value.into()));
        self
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Everything that was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, is_wanted: impl Fn(&Request) -> bool) -> usize {
        self.requests().iter().filter(|r| is_wanted(r)).count()
    }
}

/// Starts a server. Where `respond` gives nothing, the connection is reset.
pub(crate) async fn serve(
    respond: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let server = Server {
        url,
        seen: Arc::clone(&seen),
    };
    let respond = Arc::new(respond);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (seen, respond) = (Arc::clone(&seen), Arc::clone(&respond));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(request) = read(&mut stream).await {
                    seen.lock().unwrap().push(request.clone());
                    let Some(Response(status, headers, body)) = respond(&request) else {
                        return;
                    };
                    let mut head = format!("HTTP/1.1 {status} X\r\n");
                    if !headers.iter().any(|(name, _)| *name == "content-length") {
                        head += &format!("content-length: {}\r\n", body.len());
                    }
                    for (name, value) in headers {
                        head += &format!("{name}: {value}\r\n");
                    }
                    let body = if request.method == "HEAD" { "" } else { &body };
                    let response = format!("{head}\r\n{body}");
                    if stream.write_all(response.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    server
}

async fn read(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<Request> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let request = Request {
        method,
        target,
        headers,
    };
    let length = request
        .header("content-length")
        .and_then(|n| n.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(request)
}
