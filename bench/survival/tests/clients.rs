//! The verdicts of the core on the errors of aws-sdk-s3 and OpenDAL: each is made by the real client
//! against a server that fails. Here, because both are heavy; those of lighter clients are in
//! `crates/undaunted-chaos/tests/clients`.

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::retry::RetryConfig as SdkRetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use opendal::Operator;
use opendal::layers::TimeoutLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use undaunted::{HttpFailure, Retry, RetryConfig, Retryable, Rules, Verdict, retry};
use undaunted_chaos::server::{ACCESS_KEY, S3Server, SECRET_KEY};
use undaunted_chaos::{Failure, Fault, Operation, Rule};

/// What a GET meets, and what it means: to aws-sdk-s3 and to OpenDAL, which keeps of a response no
/// more than a kind, and whether it calls that temporary.
const GETS: &[(&str, &str, &str)] = &[
    ("a success", "success", "success"),
    ("400", "permanent", "permanent"),
    ("401", "permanent", "permanent"),
    ("403", "permanent", "permanent"),
    ("404", "permanent", "permanent"),
    ("409 OperationAborted", "transient", "transient"),
    ("412", "permanent", "permanent"),
    ("429", "throttled", "throttled"),
    ("500", "transient", "transient"),
    ("501", "permanent", "permanent"),
    ("502", "transient", "transient"),
    ("503", "transient", "transient"),
    ("504", "transient", "transient"),
    ("503 SlowDown", "throttled", "throttled"),
    ("500 InternalError", "transient", "transient"),
    ("400 RequestTimeout", "transient", "transient"),
    ("403 AccessDenied", "permanent", "permanent"),
    ("closed before the response", "transient", "transient"),
    ("reset before the response", "transient", "transient"),
    ("no response in time", "transient", "transient"),
    ("connection refused", "transient", "transient"),
    ("unknown host", "transient", "transient"),
    ("response that is not HTTP", "transient", "transient"),
    ("TLS to a port without TLS", "permanent", "permanent"),
];

/// A service to get `object` from.
struct Place {
    url: String,
    server: Option<S3Server>,
}

async fn place(name: &str) -> Place {
    let of = |url: String| Place { url, server: None };
    let mut words = name.split(' ');
    if let Some(status) = words.next().and_then(|word| word.parse().ok()) {
        let failure = HttpFailure::new(status);
        let failure = match words.next() {
            Some(code) => failure.with_code(code),
            None => failure,
        };
        return faulty(Some(Failure::Status(failure))).await;
    }
    match name {
        "a success" => faulty(None).await,
        "closed before the response" => faulty(Some(Failure::Closed)).await,
        "reset before the response" => faulty(Some(Failure::Reset)).await,
        "no response in time" => faulty(Some(Failure::Timeout)).await,
        "connection refused" => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            of(format!("http://{}", listener.local_addr().unwrap()))
        }
        "unknown host" => of("http://no-such-host.invalid".to_owned()),
        "response that is not HTTP" => of(format!("http://{}", not_http().await)),
        "TLS to a port without TLS" => of(format!("https://{}", not_http().await)),
        name => panic!("no place is called {name:?}"),
    }
}

async fn faulty(failure: Option<Failure>) -> Place {
    let server = S3Server::builder().start().await.unwrap();
    let url = server.endpoint();
    let put = aws(&url).put_object().bucket("bucket").key("object");
    put.body(ByteStream::from_static(b"0123456789"))
        .send()
        .await
        .unwrap();
    if let Some(failure) = failure {
        let fault = Fault::FailBefore(failure);
        server.plan().add(Rule::new(Operation::Get, fault).always());
    }
    Place {
        url,
        server: Some(server),
    }
}

/// The address of a server of mail.
async fn not_http() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(b"220 mail ESMTP\r\n").await;
        }
    });
    address
}

/// The client without retries of its own.
fn aws(url: &str) -> S3 {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(500))
        .build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
        .retry_config(SdkRetryConfig::disabled())
        .timeout_config(timeouts)
        .force_path_style(true);
    S3::from_conf(config.build())
}

async fn get_by_aws(client: &S3) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
    client
        .get_object()
        .bucket("bucket")
        .key("object")
        .send()
        .await
}

/// The client without its retry layer.
fn opendal(url: &str) -> Operator {
    let service = opendal::services::S3::default()
        .endpoint(url)
        .region("us-east-1")
        .bucket("bucket")
        .access_key_id(ACCESS_KEY)
        .secret_access_key(SECRET_KEY)
        .disable_config_load()
        .disable_ec2_metadata();
    let timeouts = TimeoutLayer::new().with_timeout(Duration::from_millis(500));
    let timeouts = timeouts.with_io_timeout(Duration::from_millis(500));
    Operator::new(service).unwrap().layer(timeouts)
}

fn verdict<T, E: Retryable>(result: &Result<T, E>) -> &'static str {
    match result {
        Ok(_) => "success",
        Err(error) => error.verdict().as_str(),
    }
}

#[tokio::test]
async fn every_failure_of_aws_sdk_s3_has_its_verdict() {
    let mut wrong = Vec::new();
    for (name, want, _) in GETS {
        let place = place(name).await;
        let result = get_by_aws(&aws(&place.url)).await;
        if verdict(&result) != *want {
            wrong.push(format!("{name} is {}: {result:?}", verdict(&result)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn every_failure_of_opendal_has_its_verdict() {
    opendal::install_default();
    let mut wrong = Vec::new();
    for (name, _, want) in GETS {
        let place = place(name).await;
        let result = opendal(&place.url).read("object").await;
        let of_type = verdict(&result);
        let text = format!("{result:?}");
        let boxed: Result<_, Box<dyn Error + Send + Sync>> = result.map_err(Into::into);
        if of_type != *want || verdict(&boxed) != *want {
            let boxed = verdict(&boxed);
            wrong.push(format!("{name} is {of_type}, and {boxed} in a box: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_wait_that_s3_asks_for_is_kept() {
    let hint = Duration::from_secs(7);
    let failure = HttpFailure::new(503)
        .with_code("SlowDown")
        .with_retry_after(hint);
    let place = faulty(Some(Failure::Status(failure))).await;
    let error = get_by_aws(&aws(&place.url)).await.unwrap_err();
    let hint = Some(hint);
    assert_eq!(error.verdict(), Verdict::Throttled { retry_after: hint });
    // A box hides the type of the operation, but not the code.
    let boxed: Box<dyn Error + Send + Sync> = error.into();
    assert_eq!(boxed.verdict(), Verdict::THROTTLED);
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_permanent() {
    let client = aws("http://localhost");
    let error = client.get_object().bucket("bucket").send().await;
    assert_eq!(verdict(&error), "permanent", "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_is_transient() {
    let place = place("a success").await;
    let fault = Fault::BreakBody {
        at: 5,
        failure: Failure::Reset,
    };
    let server = place.server.as_ref().unwrap();
    server.plan().add(Rule::new(Operation::Get, fault).always());
    let response = get_by_aws(&aws(&place.url)).await.unwrap();
    let body = response.body.collect().await;
    let body: Result<_, Box<dyn Error + Send + Sync>> = body.map_err(Into::into);
    assert_eq!(verdict(&body), "transient", "{body:?}");
}

#[retry(max_retries = 2, base_delay = "1ms")]
async fn read_retried(client: &S3) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
    get_by_aws(client).await
}

#[tokio::test]
async fn a_retried_function_needs_no_more_than_the_attribute() {
    let place = place("503").await;
    let error = read_retried(&aws(&place.url)).await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
    let server = place.server.as_ref().unwrap();
    assert_eq!(server.plan().calls(Operation::Get), 3);
}

#[tokio::test]
async fn limits_are_errors_of_the_clients() {
    let place = place("no response in time").await;
    let limit = Duration::from_millis(50);
    let config = RetryConfig::builder()
        .max_retries(0)
        .attempt_timeout(Some(limit));
    let config = config.build().unwrap();
    let client = aws(&place.url);
    let call = Retry::new(|| get_by_aws(&client)).config(&config);
    let error = call.run().await.unwrap_err();
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    opendal::install_default();
    let client = opendal(&place.url);
    let call = Retry::new(|| client.read("object")).config(&config);
    let error = call.run().await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn a_status_of_a_gateways_own_is_transient_by_a_rule() {
    let hint = Duration::from_millis(1);
    let locked = HttpFailure::new(423).with_retry_after(hint);
    let place = faulty(Some(Failure::Status(locked))).await;
    let client = aws(&place.url);
    let rules = Rules::builder().retryable_status([423]).build().unwrap();
    let config = RetryConfig::builder().base_delay(hint).max_retries(2);
    let config = config.build().unwrap();
    let call = Retry::new(|| get_by_aws(&client)).config(&config);
    let (result, report) = call.rules(&rules).run_with_report().await;
    assert_eq!(
        result
            .unwrap_err()
            .raw_response()
            .unwrap()
            .status()
            .as_u16(),
        423
    );
    assert_eq!(report.attempts(), 3);
    let rule = report.failures()[0].rule.as_deref();
    assert_eq!(rule, Some("retryable_status 423"));
}
