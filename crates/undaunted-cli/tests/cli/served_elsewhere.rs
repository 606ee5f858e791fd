//! `serve` with a second port, with an upstream, and with keys that no path can be.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::sandbox::{SHORT, Sandbox, noise};
use super::serving::Served;

/// Status and body of what the second port responds.
fn ask(control: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let address = control.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} /_undaunted/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[test]
fn the_metrics_of_a_copy_are_those_of_the_server() {
    let sandbox = Sandbox::with(&["tree/a", "tree/b", "tree/c"]);
    let served = Served::start(&sandbox, "--control 127.0.0.1:0");
    let control = served.info("control").to_owned();
    let rule = "[[rule]]\nfault = 'fail_before'\noperation = 'put'\nstatus = 503\ncount = 2\n";
    assert_eq!(ask(&control, "PUT", "chaos", rule).0, 204);
    let copy = format!("cp {SHORT} -r --json --metrics metrics.prom tree s3://bucket/tree");
    let ended = served.run(&sandbox, &copy);
    let json = ended.json();
    ended.ok();
    let (status, of_server) = ask(&control, "GET", "metrics", "");
    assert_eq!(status, 200);
    let text = sandbox.text("metrics.prom");
    let number = |text: &str, name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
        values.sum::<f64>()
    };
    let puts = "{operation=\"put\"";
    for (of_client, of_server, expected) in [
        (
            number(&text, &format!("undaunted_attempts_total{puts}")),
            number(&of_server, &format!("undaunted_serve_requests_total{puts}")),
            5.0,
        ),
        (
            number(&text, &format!("undaunted_sent_bytes_total{puts}")),
            number(
                &of_server,
                &format!("undaunted_serve_received_bytes_total{puts}"),
            ),
            5.0 * 6.0,
        ),
        (
            number(&text, "undaunted_errors_total{"),
            number(&of_server, "undaunted_serve_faults_total{"),
            2.0,
        ),
    ] {
        assert!((of_client - expected).abs() < 0.5, "{of_client} {text}");
        assert!(
            (of_server - expected).abs() < 0.5,
            "{of_server} and not {expected}"
        );
    }
    for (name, value) in json["metrics"].as_object().unwrap() {
        let line = text
            .lines()
            .find(|line| line.rsplit_once(' ').unwrap().0 == name);
        let (_, of_text) = line.unwrap().rsplit_once(' ').unwrap();
        // serde_json may read a number as its neighbour.
        let (of_text, of_json) = (of_text.parse::<f64>().unwrap(), value.as_f64().unwrap());
        assert!(
            (of_text - of_json).abs() <= f64::EPSILON * of_text,
            "{name}"
        );
    }
    let calls = &json["metrics"]["undaunted_calls_total{operation=\"put\"}"];
    assert_eq!(calls, 3.0);
    let retries =
        &json["metrics"]["undaunted_retries_total{operation=\"put\",verdict=\"transient\"}"];
    assert_eq!(retries.as_f64(), json["retries"]["transient"].as_f64());
    served.stop().ok();
}

#[test]
fn faults_change_while_it_runs() {
    let sandbox = Sandbox::with(&["file"]);
    let line = "--control 127.0.0.1:0 --chaos throttled,rate=0,seed=7";
    let served = Served::start(&sandbox, line);
    let control = served.info("control").to_owned();
    let (status, chaos) = ask(&control, "GET", "chaos", "");
    assert_eq!(
        (status, chaos.as_str()),
        (200, "seed = 7\nrate = 0\nmax_in_a_row = 3\n")
    );
    assert_eq!(ask(&control, "PUT", "chaos", &chaos).0, 204);

    let rule = "[[rule]]\nfault = 'fail_before'\noperation = 'put'\nstatus = 503\n";
    assert_eq!(ask(&control, "PUT", "chaos", rule).0, 204);
    let copy = format!("cp {SHORT} file s3://bucket/file");
    served.run(&sandbox, &copy).ok();
    let (_, requests) = ask(&control, "GET", "requests", "");
    let requests: Vec<Value> = serde_json::from_str(&requests).unwrap();
    let puts = requests
        .iter()
        .filter(|request| request["operation"] == "put");
    let statuses: Vec<u64> = puts.map(|put| put["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [503, 200]);
    assert_eq!(ask(&control, "DELETE", "requests", "").0, 204);
    assert_eq!(ask(&control, "GET", "requests", "").1, "[]");
    let (status, error) = ask(&control, "PUT", "chaos", "rate = 2");
    assert_eq!(status, 400);
    assert!(error.contains("line 1"), "{error}");
    served.stop().ok();
}

#[test]
fn an_upstream_has_the_objects() {
    let sandbox = Sandbox::with(&["file"]);
    sandbox.write("big", &noise(20_000_000));
    let behind = Served::start(&sandbox, "-d data");
    let endpoint = behind.info("endpoint");
    let line = format!("--upstream {endpoint} --chaos flaky --hang 1s");
    let front = Served::start_with(&sandbox, &line, behind.variables());
    assert_eq!(front.info("upstream"), endpoint);
    for name in ["file", "big"] {
        front
            .run(&sandbox, &format!("cp -q {name} s3://bucket/a/{name}"))
            .ok();
        front
            .run(
                &sandbox,
                &format!("cp -q --verify s3://bucket/a/{name} back/{name}"),
            )
            .ok();
        let sent = sandbox.read(name);
        assert!(sandbox.read(&format!("data/bucket/a/{name}")) == sent);
        assert!(sandbox.read(&format!("back/{name}")) == sent);
    }
    let stopped = front.stop().ok();
    assert!(!stopped.stderr.contains(", 0 faults, "), "{stopped:?}");
    behind.stop().ok();
}

#[test]
fn mistakes_with_an_upstream_are_named_without_secrets() {
    let sandbox = Sandbox::new();
    let serve = |line: &str| sandbox.run(&format!("serve --port 0 {line}"));
    let keys =
        "--upstream-option aws_access_key_id=a --upstream-option aws_secret_access_key=hidden";
    serve("--upstream http://h --dir d").failed(2, &["--upstream", "--dir"]);
    serve("--upstream-option a=b").failed(2, &["--upstream"]);
    serve(&format!("--upstream here {keys}")).failed(1, &["\"here\" cannot be an upstream"]);
    let ended = serve(&format!("--upstream http://a:hidden@h {keys}"));
    assert!(!ended.stderr.contains("hidden"), "{ended:?}");
    ended.failed(1, &["credentials are not part of a URL"]);
    serve("--upstream http://h --upstream-option nonsense=1").failed(1, &["nonsense"]);
    serve("--control here").failed(2, &["--control", "here"]);
}

#[test]
fn an_object_and_a_tree_have_the_same_name() {
    let sandbox = Sandbox::with(&["file", "other"]);
    let served = Served::start(&sandbox, "-d data");
    let long = "x".repeat(300);
    for key in ["a", "a/b", "a/b/c", &long] {
        served
            .run(&sandbox, &format!("cp -q file s3://bucket/{key}"))
            .ok();
    }
    served.run(&sandbox, "cp -q other s3://bucket/a").ok();
    let listed = served.run(&sandbox, "ls -r s3://bucket").ok();
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert_eq!(names, ["a", "a/b", "a/b/c", &long]);
    for (key, content) in [
        ("a", "other"),
        ("a/b", "file"),
        ("a/b/c", "file"),
        (&long, "file"),
    ] {
        served
            .run(&sandbox, &format!("cp -q s3://bucket/{key} back"))
            .ok();
        assert_eq!(sandbox.text("back"), content, "{key}");
    }
    assert_eq!(sandbox.text("data/bucket/a%~object"), "other");
    served.stop().ok();
}
