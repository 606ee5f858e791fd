//! Taking connections in, until the word to stop.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::respond::Responder;
use super::wire::Wire;

/// Answers on `listener` until `stop` changes; then closes it and every connection.
pub(super) async fn listen(
    listener: TcpListener,
    responder: Arc<Responder>,
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
        let wire = Wire::new(stream);
        let reset = wire.reset();
        let responder = Arc::clone(&responder);
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                let responder = Arc::clone(&responder);
                let reset = reset.clone();
                async move { responder.answer(request, &reset).await }
            });
            // An error here is a fault that was wanted, or a client that went away.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(wire), answer)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}
