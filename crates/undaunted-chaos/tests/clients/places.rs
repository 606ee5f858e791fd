//! Servers that fail in one way each: the S3 server with a fault, and sockets for what it cannot
//! do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStoreExt, RetryConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use undaunted::Retryable;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

/// A URL to get, and the server behind it, which lasts as long as this.
pub(crate) struct Place {
    pub(crate) url: String,
    _server: Option<S3Server>,
}

impl Place {
    fn at(url: String) -> Self {
        Self { url, _server: None }
    }
}

/// What a GET meets, and what it means. The names say what the server does.
pub(crate) const GETS: &[(&str, &str)] = &[
    ("a success", "success"),
    ("304", "success"),
    ("400", "permanent"),
    ("401", "permanent"),
    ("403", "permanent"),
    ("404", "permanent"),
    ("408", "transient"),
    ("409", "permanent"),
    ("412", "permanent"),
    ("416", "permanent"),
    ("429", "throttled"),
    ("500", "transient"),
    ("501", "permanent"),
    ("502", "transient"),
    ("503", "transient"),
    ("504", "transient"),
    ("507", "permanent"),
    ("closed before the response", "transient"),
    ("reset before the response", "transient"),
    ("no response in time", "transient"),
    ("reset in the middle of the body", "transient"),
    ("closed in the middle of the body", "transient"),
    ("body that stalls", "transient"),
    ("connection refused", "transient"),
    ("unknown host", "transient"),
    ("response that is not HTTP", "transient"),
    ("response head that is cut", "transient"),
    ("chunk without a length", "transient"),
    ("HTTP to a TLS port", "transient"),
    ("TLS to a port without TLS", "permanent"),
    ("certificate of an unknown issuer", "permanent"),
    ("TLS handshake that is cut", "transient"),
];

/// The place of a name in [`GETS`].
pub(crate) async fn place(name: &str) -> Place {
    if let Ok(status) = name.parse() {
        let fault = Fault::FailBefore(Failure::status(status));
        return faulty(Some(fault)).await;
    }
    match name {
        "a success" => faulty(None).await,
        "closed before the response" => faulty(Some(Fault::FailBefore(Failure::Closed))).await,
        "reset before the response" => faulty(Some(Fault::FailBefore(Failure::Reset))).await,
        "no response in time" => faulty(Some(Fault::FailBefore(Failure::Timeout))).await,
        "reset in the middle of the body" => {
            let failure = Failure::Reset;
            faulty(Some(Fault::BreakBody { at: 5, failure })).await
        }
        "closed in the middle of the body" => {
            let failure = Failure::Closed;
            faulty(Some(Fault::BreakBody { at: 5, failure })).await
        }
        "body that stalls" => {
            let lasts = Duration::from_secs(600);
            faulty(Some(Fault::StallBody { at: 5, lasts })).await
        }
        "connection refused" => {
            // The port is free once its listener is dropped.
            let (_, address) = listen().await;
            Place::at(format!("http://{address}/"))
        }
        "unknown host" => Place::at("http://no-such-host.invalid/".to_owned()),
        "response that is not HTTP" => Place::at(says("220 mail ESMTP\r\n").await),
        "response head that is cut" => Place::at(says("HTTP/1.1 200 OK\r\nContent-Le").await),
        "chunk without a length" => {
            let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n";
            Place::at(says(chunked).await)
        }
        "HTTP to a TLS port" => Place::at(tls().await.replace("https", "http")),
        "TLS to a port without TLS" => Place::at(
            says("HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .replace("http", "https"),
        ),
        "certificate of an unknown issuer" => Place::at(tls().await),
        "TLS handshake that is cut" => Place::at(says("").await.replace("http", "https")),
        name => panic!("no place is called {name:?}"),
    }
}

/// An S3 server with an object, a URL that is signed for it, and a fault for each GET of it.
pub(crate) async fn faulty(fault: Option<Fault>) -> Place {
    let server = S3Server::builder().start().await.unwrap();
    let options = server.object_store_options().into_iter();
    let store = AmazonS3Builder::new().with_bucket_name("bucket");
    let store = options
        .fold(store, |store, (key, value)| {
            store.with_config(key.parse().unwrap(), value)
        })
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        })
        .build()
        .unwrap();
    let path = Path::from("object");
    store.put(&path, "0123456789".into()).await.unwrap();
    let lasts = Duration::from_secs(600);
    let url = store
        .signed_url(http::Method::GET, &path, lasts)
        .await
        .unwrap();
    if let Some(fault) = fault {
        server.plan().add(Rule::new(Operation::Get, fault).always());
    }
    Place {
        url: url.to_string(),
        _server: Some(server),
    }
}

/// A service that throttles and asks for a wait.
pub(crate) async fn throttling(retry_after: Duration) -> Place {
    let failure = HttpFailure::new(429).with_retry_after(retry_after);
    faulty(Some(Fault::FailBefore(Failure::Status(failure)))).await
}

/// The URL of a server that says this to every request, and closes the connection.
pub(crate) async fn says(response: &'static str) -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(respond(socket, response));
        }
    });
    format!("http://{address}/")
}

/// The URL of a server with a certificate that nobody knows.
async fn tls() -> String {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let socket = acceptor.accept(socket).await?;
                respond(socket, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await
            });
        }
    });
    format!("https://localhost:{}/", address.port())
}

/// reqwest 0.12 takes what the process has chosen.
pub(crate) fn with_crypto() {
    // An error means that another test was first.
    let _ = default_provider().install_default();
}

/// What a client's result is, in the words of the tables.
pub(crate) fn verdict<T, E: Retryable>(result: &Result<T, E>) -> &'static str {
    match result {
        Ok(_) => "success",
        Err(error) => error.verdict().as_str(),
    }
}

async fn respond(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    response: &str,
) -> io::Result<()> {
    // What comes is small enough for one segment.
    let mut request = [0; 4096];
    let _ = socket.read(&mut request).await?;
    socket.write_all(response.as_bytes()).await?;
    socket.shutdown().await
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
