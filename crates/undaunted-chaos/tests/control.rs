//! The second port: faults that change and requests that are read while the server runs.

#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{Ipv4Addr, SocketAddr};

use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpRequest, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{FaultPlan, Operation};

use common::s3::{key, start};

mod common;

const CHAOS: &str = "/_undaunted/chaos";
const REQUESTS: &str = "/_undaunted/requests";
const METRICS: &str = "/_undaunted/metrics";
const ONE_SLOW_DOWN: &str = "[[rule]]
fault = \"fail_before\"
operation = \"put\"
status = 503
code = \"SlowDown\"
";

/// A client of the second port.
struct Control {
    client: HttpClient,
    endpoint: String,
}

impl Control {
    fn of(server: &S3Server) -> Self {
        let options = ClientOptions::new().with_allow_http(true);
        Self {
            client: ReqwestConnector::default().connect(&options).unwrap(),
            endpoint: server.control_endpoint().unwrap(),
        }
    }

    /// Status and body.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = HttpRequest::new(body.to_owned().into());
        let (mut head, body) = request.into_parts();
        head.method = method.parse().unwrap();
        head.uri = format!("{}{path}", self.endpoint).parse().unwrap();
        let request = HttpRequest::from_parts(head, body);
        let response = self.client.execute(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().bytes().await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn requests(&self) -> Vec<serde_json::Value> {
        let (status, text) = self.ask("GET", REQUESTS, "").await;
        assert_eq!(status, 200);
        serde_json::from_str(&text).unwrap()
    }
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

#[tokio::test]
async fn faults_change_and_requests_are_read_while_it_runs() {
    let (server, client) = start(S3Server::builder().control(any_port())).await;
    let control = Control::of(&server);
    let put = async || client.put(&key(), "x".into()).await;
    put().await.unwrap();
    assert_eq!(control.ask("GET", CHAOS, "").await, (200, String::new()));

    let done = (204, String::new());
    assert_eq!(control.ask("PUT", CHAOS, ONE_SLOW_DOWN).await, done);
    assert_eq!(
        control.ask("GET", CHAOS, "").await,
        (200, ONE_SLOW_DOWN.to_owned())
    );
    assert_eq!(control.ask("DELETE", REQUESTS, "").await, done);
    assert!(put().await.is_err());
    put().await.unwrap();
    let requests = control.requests().await;
    let statuses: Vec<_> = requests
        .iter()
        .map(|request| request["status"].as_u64())
        .collect();
    assert_eq!(statuses, [Some(503), Some(200)]);
    assert_eq!(requests[0]["operation"], "put");
    assert_eq!(requests[0]["key"], "a/b");
    assert_eq!(
        requests[0]["fault"],
        "fail_before (HTTP status 503 SlowDown)"
    );
    assert_eq!(server.requests().len(), 2);

    // The same file once more counts anew.
    assert_eq!(control.ask("PUT", CHAOS, ONE_SLOW_DOWN).await, done);
    assert!(put().await.is_err());
    assert_eq!(
        control
            .ask("PUT", CHAOS, "profile = \"flaky\"\nrate = 1\n")
            .await,
        done
    );
    assert!(client.head(&key()).await.is_err());
    assert_eq!(control.ask("DELETE", CHAOS, "").await, done);
    for _ in 0..20 {
        client.head(&key()).await.unwrap();
    }
    assert_eq!(control.ask("PUT", CHAOS, "\n# nothing\n").await, done);
    put().await.unwrap();
}

#[tokio::test]
async fn a_mistake_says_what_is_right_and_changes_nothing() {
    let builder = S3Server::builder().control(any_port());
    let (server, client) = start(builder.chaos(ONE_SLOW_DOWN).unwrap()).await;
    let control = Control::of(&server);
    for (method, path, body, status, words) in [
        (
            "PUT",
            CHAOS,
            "[[rule]]\nfault = 'explode'",
            400,
            "line 2: `fault` of a rule is",
        ),
        ("PUT", CHAOS, "fault", 400, "line 1"),
        ("POST", CHAOS, "", 405, "GET, PUT, DELETE"),
        ("PUT", REQUESTS, "", 405, "GET, DELETE"),
        (
            "GET",
            "/_undaunted/requests?operation=list",
            "",
            400,
            "\"operation=list\" would have no effect",
        ),
        (
            "GET",
            "/",
            "",
            404,
            "/_undaunted/chaos, /_undaunted/requests and /_undaunted/metrics",
        ),
        ("GET", "/bucket/a", "", 404, "/bucket/a is not here"),
    ] {
        let (seen, text) = control.ask(method, path, body).await;
        assert_eq!(seen, status, "{method} {path} {body}");
        let error: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"].as_str().unwrap().contains(words), "{text}");
    }
    assert_eq!(control.ask("GET", CHAOS, "").await.1, ONE_SLOW_DOWN);
    assert!(client.put(&key(), "x".into()).await.is_err());
    // What is sent to the second port is no request of S3.
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn code_changes_the_same_faults() {
    let (server, client) = start(S3Server::builder().control(any_port())).await;
    let control = Control::of(&server);
    let dark = FaultPlan::blackout(std::time::Duration::from_secs(3_600));
    server.set_plan(dark.clone());
    assert!(client.put(&key(), "x".into()).await.is_err());
    assert_eq!(dark.calls(Operation::Put), 1);
    assert!(
        control
            .ask("GET", CHAOS, "")
            .await
            .1
            .starts_with("# These faults were made by code")
    );
    control.ask("DELETE", CHAOS, "").await;
    client.put(&key(), "x".into()).await.unwrap();
    assert_eq!(
        (
            dark.calls(Operation::Put),
            server.plan().calls(Operation::Put)
        ),
        (1, 1)
    );
    server.clear_requests();
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_request_in_progress_can_be_seen() {
    let stall = "[[rule]]\nfault = 'stall_body'\nat = 3\nlasts = '60m'\n";
    let builder = S3Server::builder()
        .control(any_port())
        .chaos(stall)
        .unwrap();
    let (server, client) = start(builder).await;
    let control = Control::of(&server);
    client.put(&key(), "0123456789".into()).await.unwrap();
    let get = client.get(&Path::from("a/b")).await.unwrap();
    let mut body = get.into_stream();
    futures::StreamExt::next(&mut body).await.unwrap().unwrap();
    let requests = control.requests().await;
    assert_eq!(requests[1]["status"], 200);
    assert_eq!(requests[1]["seconds"], serde_json::Value::Null);
    assert!(requests[0]["seconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn without_a_second_port_nothing_is_there() {
    let (server, client) = start(S3Server::builder()).await;
    assert_eq!(server.control_endpoint(), None);
    let list = client.list_with_delimiter(None).await.unwrap();
    assert!(list.objects.is_empty());
}

#[tokio::test]
async fn the_metrics_agree_with_the_requests() {
    let builder = S3Server::builder().control(any_port()).keep(1);
    let (server, client) = start(builder).await;
    let control = Control::of(&server);
    control.ask("PUT", CHAOS, ONE_SLOW_DOWN).await;
    let key = Path::from("secret");
    client.put(&key, "data".into()).await.unwrap_err();
    client.put(&key, "data".into()).await.unwrap();
    assert_eq!(
        client.get(&key).await.unwrap().bytes().await.unwrap(),
        "data"
    );
    let (status, text) = control.ask("GET", METRICS, "").await;
    assert_eq!(status, 200);
    for line in [
        "# TYPE undaunted_serve_requests_total counter",
        "undaunted_serve_requests_total{operation=\"get\",status=\"200\"} 1",
        "undaunted_serve_requests_total{operation=\"put\",status=\"200\"} 1",
        "undaunted_serve_requests_total{operation=\"put\",status=\"503\"} 1",
        "undaunted_serve_faults_total{fault=\"fail_before\"} 1",
        "undaunted_serve_request_duration_seconds_count{operation=\"put\"} 2",
        "undaunted_serve_received_bytes_total{operation=\"put\"} 8",
        "undaunted_serve_sent_bytes_total{operation=\"get\"} 4",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    // Keys are no labels.
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(control.ask("DELETE", METRICS, "").await.0, 405);
}
