//! Accepting connections until the server is stopped.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::respond::Responder;

/// Serves on `listener` until `stop` changes; then closes it and every connection. What never
/// comes is waited for as long as `hang`.
pub(super) async fn listen(
    listener: TcpListener,
    responder: Arc<Responder>,
    hang: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of file descriptors, most likely: clients that are there go on.
                Err(_) => continue,
            },
            _ = stop.changed() => break,
        };
        // Many small writes each way; waiting to join them only adds time.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(stream, hang);
        let end = connection.end();
        let responder = Arc::clone(&responder);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let responder = Arc::clone(&responder);
                let end = end.clone();
                async move { responder.respond(request, &end).await }
            });
            // An error here is a fault that was wanted, or a client that went away.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}
