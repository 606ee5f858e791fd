//! Responses of S3 that are odd, lost or failures, and what the command says of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::sandbox::{Ended, SHORT, Sandbox, noise};

/// What a test's server has seen: the first line of every request.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

/// Serves `respond`, which gets a request's head, until the test ends. Returns the port.
pub(super) fn serve(respond: impl Fn(&str) -> String + Send + Sync + 'static) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let (respond, log) = (Arc::new(respond), Arc::clone(&seen));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (respond, log) = (Arc::clone(&respond), Arc::clone(&log));
            thread::spawn(move || answer(&stream.unwrap(), &*respond, &log));
        }
    });
    (port, seen)
}

/// One request a connection.
fn answer(mut stream: &TcpStream, respond: &dyn Fn(&str) -> String, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 2 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        (name.eq_ignore_ascii_case("content-length")).then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() || head.is_empty() {
        return;
    }
    let line = head.lines().next().unwrap().to_owned();
    let response = respond(&head);
    log.lock().unwrap().push(line.clone());
    let shown = match (line.starts_with("HEAD"), response.find("\r\n\r\n")) {
        (true, Some(end)) => &response[..end + 4],
        _ => &response,
    };
    let _ = stream.write_all(shown.as_bytes());
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

pub(super) fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

fn object() -> String {
    let headers = "ETag: \"a\"\r\nLast-Modified: Wed, 21 Oct 2020 07:28:00 GMT\r\n";
    response("200 OK", headers, "abc")
}

pub(super) fn listing(keys: &[(&str, u64)]) -> String {
    let entries = keys.iter().map(|(key, size)| {
        format!(
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"a\"</ETag>\
             <LastModified>2020-10-21T07:28:00.000Z</LastModified></Contents>"
        )
    });
    let entries: String = entries.collect();
    let body = format!("<ListBucketResult>{entries}</ListBucketResult>");
    response("200 OK", "", &body)
}

fn lists(keys: &'static [(&'static str, u64)]) -> u16 {
    let (port, _) = serve(move |line| {
        if line.contains("list-type") {
            listing(keys)
        } else if line.starts_with("HEAD /b/t ") {
            response("404 Not Found", "", "")
        } else {
            object()
        }
    });
    port
}

/// Runs the binary with this port as S3.
pub(super) fn run(sandbox: &Sandbox, port: u16, line: &str) -> Ended {
    let mut command = sandbox.binary();
    command
        .args(line.split_whitespace())
        .args(SHORT.split_whitespace())
        .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AK")
        .env("AWS_SECRET_ACCESS_KEY", "SK");
    Ended::of(command.output().unwrap())
}

#[test]
fn keys_that_no_path_can_hold_are_named_and_the_rest_is_listed_and_copied() {
    let port = lists(&[
        ("t/a", 3),
        ("t/raw//b", 3),
        ("t/new&#10;line", 3),
        ("t/../c", 3),
        ("t/z", 3),
    ]);
    let names = ["\"t/raw//b\"", "\"t/new\\nline\"", "\"t/../c\""];
    for flags in ["", "-v ", "-vv "] {
        let sandbox = Sandbox::new();
        let ended = run(&sandbox, port, &format!("cp -r {flags}s3://b/t out"));
        let ended = ended.failed(1, &names);
        assert_eq!(sandbox.names("out"), ["a", "z"]);
        assert!(ended.stdout.contains("copied 2 objects (6 B)"), "{ended:?}");
        assert!(ended.stdout.contains("3 failed"), "{ended:?}");
        for name in names {
            assert_eq!(ended.stderr.matches(name).count(), 1, "{name} {ended:?}");
        }
    }
    let sandbox = Sandbox::new();
    for command in ["ls -r", "ls", "ls -r --json", "ls -v"] {
        let ended = run(&sandbox, port, &format!("{command} s3://b/t"));
        let ended = ended.failed(1, &names);
        assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
        for name in names {
            assert_eq!(ended.stderr.matches(name).count(), 1, "{name} {ended:?}");
        }
    }
    let ended = run(&sandbox, port, "cp -r --json s3://b/t again");
    let reasons = ended.json()["failures"].to_string();
    assert!(reasons.contains("t/raw//b"), "{reasons}");
}

#[test]
fn a_prefix_with_odd_keys_alone_is_not_said_to_be_missing() {
    let port = lists(&[("t/raw//b", 3)]);
    let sandbox = Sandbox::new();
    for line in ["cp -r s3://b/t out", "ls -r s3://b/t", "ls s3://b/t"] {
        let ended = run(&sandbox, port, line).failed(1, &["\"t/raw//b\""]);
        assert!(!ended.stderr.contains("no such object"), "{ended:?}");
    }
}

#[test]
fn marks_of_folders_are_neither_objects_nor_errors() {
    let port = lists(&[("t/", 0), ("t/g/", 0), ("t/g/x", 3), ("t/y", 3)]);
    let sandbox = Sandbox::new();
    run(&sandbox, port, "cp -r s3://b/t out").ok();
    assert_eq!(sandbox.names("out"), ["g/x", "y"]);
    let ended = run(&sandbox, port, "ls -r s3://b/t").ok();
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
    assert_eq!(ended.stderr, "");

    let port = lists(&[("t/", 0)]);
    for line in ["ls -r s3://b/t", "ls s3://b/t/", "cp -r s3://b/t empty"] {
        let ended = run(&sandbox, port, line).ok();
        assert!(!ended.stderr.contains("error"), "{ended:?}");
    }
}

#[test]
fn a_completion_whose_outcome_is_unknown_is_called_that() {
    let (port, seen) = serve(|line| {
        if line.contains("uploads=") {
            let id = "<InitiateMultipartUploadResult><UploadId>U</UploadId>\
                      </InitiateMultipartUploadResult>";
            response("200 OK", "", id)
        } else if line.starts_with("POST") {
            response("200 OK", "", "<CompleteMultipartUploadResult><ETa")
        } else if line.starts_with("DELETE") {
            let error = "<Error><Code>NoSuchUpload</Code></Error>";
            response("404 Not Found", "", error)
        } else {
            object()
        }
    });
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(9 << 20));
    // Its parts are kept, and another run can find out.
    let line = "cp big s3://b/t/x --max-retries 2";
    run(&sandbox, port, line).failed(
        1,
        &[
            "it is not known whether s3://b/t/x is the copy",
            "the same command finds out",
        ],
    );
    let is_abort = |line: &String| line.starts_with("DELETE");
    assert!(!seen.lock().unwrap().iter().any(is_abort));
    let line = "cp big s3://b/t/x --max-retries 2 --no-resume";
    let ended = run(&sandbox, port, line).failed(
        1,
        &[
            "it is not known whether s3://b/t/x is the copy",
            "check s3://b/t/x, or copy it again",
        ],
    );
    for said in ["no parts remain", "aborted"] {
        assert!(!ended.stdout.contains(said), "{ended:?}");
        assert!(!ended.stderr.contains(said), "{ended:?}");
    }
    assert!(seen.lock().unwrap().iter().any(is_abort));
}

#[test]
fn a_head_that_says_nothing_of_the_length_loses_no_content() {
    let (port, _) = serve(|request| {
        if request.starts_with("HEAD") {
            let date = "Last-Modified: Wed, 21 Oct 2020 07:28:00 GMT";
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{date}\r\n\r\n")
        } else {
            object()
        }
    });
    let sandbox = Sandbox::new();
    let line = format!("cp http://127.0.0.1:{port}/x out -o allow_http=true");
    sandbox.run(&line).ok();
    assert_eq!(sandbox.read("out"), b"abc");
}

#[test]
fn the_limit_that_ended_the_retries_is_said_with_its_figure() {
    let (port, _) = serve(|_| {
        let body = "<Error><Code>SlowDown</Code></Error>";
        response("503 Slow Down", "Retry-After: 7200\r\n", body)
    });
    let sandbox = Sandbox::new();
    let ended = run(&sandbox, port, "cp s3://b/x out");
    ended.failed(
        1,
        &["get failed after 1 attempt, as the service asks for a wait of 7200 s, more than --max-retry-after allows: HEAD http://127.0.0.1:"],
    );
    let ended = run(&sandbox, port, "ls s3://b/");
    ended.failed(1, &["a wait of 7200 s"]);
    let (port, _) = serve(|_| response("503 Slow Down", "Retry-After: 2\r\n", ""));
    let ended = run(&sandbox, port, "cp -r s3://b/x out --total-timeout 1");
    ended.failed(
        1,
        &["as --total-timeout leaves no time for another after 0"],
    );
}

#[test]
fn the_cause_of_a_failed_connection_is_said_once_and_soon() {
    let sandbox = Sandbox::new();
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let ended = run(&sandbox, refused, "cp s3://b/x out --max-retries 1 -v");
    let ended = ended.failed(
        1,
        &[&format!(
            "error: s3://b/x: get failed after 2 attempts: HEAD http://127.0.0.1:{refused}/b/x: \
         cannot connect: Connection refused (os error 111)\n"
        )],
    );
    let warning = format!(
        "s: HEAD http://127.0.0.1:{refused}/b/x: cannot connect: Connection refused (os error 111)\n"
    );
    assert!(ended.stderr.contains(&warning), "{ended:?}");
    let line = "cp http://no.such.host.invalid/x out -o allow_http=true --max-retries 0";
    let ended = sandbox.run(line);
    let ended = ended.failed(
        1,
        &["/x: cannot connect: the name of the host is not resolved: "],
    );
    assert_eq!(ended.stderr.matches("resol").count(), 1, "{ended:?}");
    for (variable, endpoint) in [
        ("HTTP_PROXY", "http://example.invalid"),
        ("HTTPS_PROXY", "https://example.invalid"),
    ] {
        let mut command = sandbox.binary();
        command
            .args(["cp", "-v", "s3://b/x", "out", "--max-retries", "0"])
            .args([
                "-o",
                "allow_http=true",
                "-o",
                &format!("endpoint={endpoint}"),
            ])
            .env(variable, format!("http://me:hunter2@127.0.0.1:{refused}"))
            .env("AWS_ACCESS_KEY_ID", "AK")
            .env("AWS_SECRET_ACCESS_KEY", "SK");
        let ended = Ended::of(command.output().unwrap());
        let proxy = format!("through the proxy 127.0.0.1:{refused}: cannot connect: ");
        let ended = ended.failed(1, &[&proxy, "Connection refused (os error 111)\n"]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn names_are_not_redacted_and_urls_are() {
    let (port, _) = serve(|_| response("404 Not Found", "", ""));
    let sandbox = Sandbox::new();
    let mut command = sandbox.binary();
    command
        .args(["cp", "-o", "allow_http=true", "--max-retries", "0"])
        .args([
            &format!("http://user:hunter2@127.0.0.1:{port}/what%3F%20now%23@.txt"),
            "out",
        ]);
    let ended = Ended::of(command.output().unwrap());
    let name = format!("error: http://127.0.0.1:{port}/what? now#@.txt: no such object");
    let ended = ended.failed(1, &[&name]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    let words = ["cp", "-r", "dir/see s3:/b/what? now", "out"];
    let ended = sandbox.run_words(&words);
    ended.failed(1, &["error: dir/see s3:/b/what? now: No such file"]);
}

#[test]
fn an_object_is_not_copied_onto_itself_however_it_is_spelled() {
    let (port, seen) = serve(|line| {
        if line.contains("list-type") {
            listing(&[("t/x", 3)])
        } else {
            object()
        }
    });
    let sandbox = Sandbox::new();
    for destination in [
        "s3://b/t/x",
        "s3://b/t/%78",
        "s3a://b/t/x",
        "s3://b/t/",
        "https://b.s3.us-east-1.amazonaws.com/t/x",
        "s3://b/t/x --dest-option region=us-west-2",
    ] {
        let ended = run(&sandbox, port, &format!("cp s3://b/t/x {destination}"));
        ended.failed(2, &["SRC and DST are the same"]);
    }
    // Of a key with such a part nobody can say which one is meant.
    for destination in ["s3://b/./t/x", "s3://b/u/../t/x"] {
        let ended = run(&sandbox, port, &format!("cp s3://b/t/x {destination}"));
        ended.failed(2, &["is not a valid path", "\"..\""]);
    }
    let into = "cp -r s3://b/t s3a://b/t/copy --source-option region=us-west-2";
    run(&sandbox, port, into).failed(2, &["inside SRC"]);
    let seen = seen.lock().unwrap();
    assert!(!seen.iter().any(|line| line.starts_with("PUT")), "{seen:?}");
}
