//! A web server, read and written over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::sandbox::{Ended, SHORT, Sandbox, noise};

/// A web server with one object and the faults that a test sets.
#[derive(Default)]
struct Server {
    content: Vec<u8>,
    e_tag: String,
    /// The number of requests that get a 503.
    unavailable: usize,
    /// The number of bodies that end early.
    short: usize,
    no_ranges: bool,
    /// Whether it has ranges and does not say so.
    silent: bool,
    /// The read at which the object is replaced.
    replaced_after: Option<usize>,
    reads: usize,
    /// Every request: its first line and its headers.
    seen: Vec<String>,
}

impl Server {
    fn with(content: Vec<u8>, e_tag: &str) -> Self {
        Self {
            content,
            e_tag: e_tag.to_owned(),
            ..Self::default()
        }
    }

    /// Serves until the test ends. Returns the URL.
    fn start(self) -> (String, Arc<Mutex<Self>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
        let server = Arc::new(Mutex::new(self));
        let shared = Arc::clone(&server);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&stream.unwrap(), &shared));
            }
        });
        (url, server)
    }

    fn respond(&mut self, request: &str, body: Vec<u8>) -> Vec<u8> {
        self.seen.push(request.to_owned());
        if self.unavailable > 0 {
            self.unavailable -= 1;
            return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n".to_vec();
        }
        if request.starts_with("PUT") {
            self.content = body;
            return b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        if request.starts_with("GET") {
            self.reads += 1;
            if Some(self.reads) == self.replaced_after {
                "\"another\"".clone_into(&mut self.e_tag);
                self.content.reverse();
            }
        }
        if let Some(condition) = header(request, "if-match")
            && condition != self.e_tag
        {
            return b"HTTP/1.1 412 Changed\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let range = header(request, "range")
            .filter(|_| !self.no_ranges)
            .map(|range| {
                let (start, end) = range.trim_start_matches("bytes=").split_once('-').unwrap();
                let last = end.parse().unwrap_or(self.content.len() - 1);
                start.parse().unwrap()..last + 1
            });
        let size = self.content.len();
        let (status, range, content_range) = match range {
            Some(range) => {
                let of = format!(
                    "Content-Range: bytes {}-{}/{size}\r\n",
                    range.start,
                    range.end - 1
                );
                ("206 Partial", range, of)
            }
            None => ("200 OK", 0..size, String::new()),
        };
        let accepts = if self.no_ranges || self.silent {
            ""
        } else {
            "Accept-Ranges: bytes\r\n"
        };
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {}\r\nContent-Type: text/x-odd\r\n\
             Last-Modified: Tue, 01 Oct 2024 00:00:00 GMT\r\n{accepts}{content_range}\r\n",
            range.len(),
            self.e_tag
        )
        .into_bytes();
        if request.starts_with("GET") {
            let mut body = &self.content[range];
            if self.short > 0 {
                self.short -= 1;
                body = &body[..body.len() / 2];
            }
            response.extend_from_slice(body);
        }
        response
    }
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// One request a connection, so that a short body can end it.
fn serve(stream: &TcpStream, server: &Mutex<Server>) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while reader.read_line(&mut request).unwrap_or(0) > 2 {}
    let length = header(&request, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() || request.is_empty() {
        return;
    }
    let mut response = server.lock().unwrap().respond(&request, body);
    // A client that is not told may send its next request before it sees the end.
    let end_of_status = response.windows(2).position(|end| end == b"\r\n").unwrap() + 2;
    let close = b"Connection: close\r\n".iter().copied();
    response.splice(end_of_status..end_of_status, close);
    let mut stream = stream;
    let _ = stream.write_all(&response);
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn cp(sandbox: &Sandbox, line: &str) -> Ended {
    let ended = sandbox.run(&format!("cp -o allow_http=true --json {SHORT} {line}"));
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    assert!(!ended.stdout.contains("hunter2"), "{ended:?}");
    ended
}

#[test]
fn a_busy_server_whose_bodies_break_is_read() {
    let sandbox = Sandbox::new();
    let mut server = Server::with(noise(10_000), "\"one\"");
    (server.unavailable, server.short) = (3, 2);
    let (url, server) = server.start();
    let ended = cp(&sandbox, &format!("--part-size 1KiB {url}/dir/a b")).ok();
    assert_eq!(sandbox.read("b"), noise(10_000));
    let json = ended.json();
    assert_eq!(json["retries"]["total"], 5, "{json}");
    assert!(
        json["source"].as_str().unwrap().ends_with("/dir/a"),
        "{json}"
    );
    let seen = &server.lock().unwrap().seen;
    let reads: Vec<_> = seen
        .iter()
        .filter(|request| request.starts_with("GET"))
        .collect();
    assert!(
        reads
            .iter()
            .all(|read| header(read, "if-match") == Some("\"one\""))
    );
    assert!(reads.iter().all(|read| header(read, "range").is_some()));
}

#[test]
fn an_object_replaced_while_it_is_read_is_an_error() {
    for e_tag in ["\"one\"", "W/\"weak\""] {
        let sandbox = Sandbox::with(&["b"]);
        let mut server = Server::with(noise(10_000), e_tag);
        server.replaced_after = Some(4);
        let (url, server) = server.start();
        let ended = cp(
            &sandbox,
            &format!("--part-size 1KiB --concurrency 1 {url}/a b"),
        );
        ended.failed(
            1,
            &["the source was changed while it was being copied: copy it again"],
        );
        assert_eq!(sandbox.names(""), ["b"]);
        assert_eq!(sandbox.text("b"), "b");
        // A condition on a weak tag never holds.
        let seen = &server.lock().unwrap().seen;
        let conditions = seen
            .iter()
            .filter(|read| header(read, "if-match").is_some());
        assert_eq!(conditions.count() > 0, e_tag == "\"one\"");
    }
}

#[test]
fn a_server_without_ranges_is_read_once() {
    for flags in ["", "--part-size 1KiB", "--part-size 3001"] {
        let sandbox = Sandbox::new();
        let mut server = Server::with(noise(10_000), "\"one\"");
        server.no_ranges = true;
        let (url, server) = server.start();
        cp(&sandbox, &format!("{flags} {url}/a b")).ok();
        assert_eq!(sandbox.read("b"), noise(10_000));
        assert_eq!(server.lock().unwrap().reads, 1, "{flags}");
        let output = sandbox
            .binary()
            .args(["cp", "-q", "-o", "allow_http=true"])
            .args(flags.split_whitespace())
            .args([&format!("{url}/a"), "-"])
            .output();
        assert_eq!(output.unwrap().stdout, noise(10_000));
    }
}

#[test]
fn a_server_without_ranges_whose_bodies_break_is_read_to_the_end() {
    let sandbox = Sandbox::new();
    let mut server = Server::with(noise(10_000), "\"one\"");
    (server.no_ranges, server.short) = (true, 2);
    let (url, _) = server.start();
    let ended = cp(&sandbox, &format!("--part-size 1KiB {url}/a b")).ok();
    assert_eq!(sandbox.read("b"), noise(10_000));
    assert_eq!(ended.json()["retries"]["total"], 2);

    let mut server = Server::with(noise(10_000), "W/\"weak\"");
    (server.no_ranges, server.short) = (true, 1);
    let (url, _) = server.start();
    let ended = cp(&sandbox, &format!("--part-size 1KiB {url}/a c"));
    ended.failed(1, &["neither ranges nor a strong ETag", "copy it again"]);
    assert_eq!(sandbox.names(""), ["b"]);
}

#[test]
fn a_server_that_does_not_say_that_it_has_ranges_is_read_by_range() {
    let sandbox = Sandbox::new();
    let mut server = Server::with(noise(10_000), "\"one\"");
    server.silent = true;
    let (url, server) = server.start();
    cp(&sandbox, &format!("--part-size 1KiB {url}/a b")).ok();
    assert_eq!(sandbox.read("b"), noise(10_000));
    assert_eq!(server.lock().unwrap().reads, 1 + 10);
}

#[test]
fn a_server_is_written_to_in_one_request_with_its_attributes() {
    let sandbox = Sandbox::new();
    sandbox.write("a", &noise(10_000));
    let mut server = Server::with(Vec::new(), "\"one\"");
    server.unavailable = 1;
    let (url, server) = server.start();
    let line = format!("--part-size 1KiB --verify --content-type text/odd a {url}/dir/");
    let ended = cp(&sandbox, &line).ok();
    assert_eq!(ended.json()["objects"]["verified"], 1);
    let server = server.lock().unwrap();
    assert_eq!(server.content, noise(10_000));
    let writes: Vec<_> = server
        .seen
        .iter()
        .filter(|seen| seen.starts_with("PUT"))
        .collect();
    assert_eq!(writes.len(), 2);
    assert!(writes[0].starts_with("PUT /dir/a "), "{}", writes[0]);
    assert_eq!(header(writes[0], "content-type"), Some("text/odd"));
}

#[test]
fn a_content_type_is_copied_from_server_to_server() {
    let sandbox = Sandbox::new();
    let (from, _) = Server::with(noise(10_000), "\"one\"").start();
    let (to, server) = Server::with(Vec::new(), "\"two\"").start();
    cp(&sandbox, &format!("{from}/a {to}/b")).ok();
    let server = server.lock().unwrap();
    assert_eq!(server.content, noise(10_000));
    let write = server
        .seen
        .iter()
        .find(|seen| seen.starts_with("PUT"))
        .unwrap();
    assert!(write.starts_with("PUT /b "), "{write}");
    assert_eq!(header(write, "content-type"), Some("text/x-odd"));
}
