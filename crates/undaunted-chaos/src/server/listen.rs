//! Accepting connections until the server is stopped.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Serves every connection to `listener` until `stop` changes; then closes it and all of them.
pub(super) async fn listen<F>(
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    serve: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: some are free once a client is done.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Many small writes each way; waiting to join them only adds time.
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream));
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}

/// Short for a client that waits to be accepted, and long for a processor.
const PAUSE: Duration = Duration::from_millis(10);
