//! Reads over HTTP from an S3 server in this process: what hedges save, and what checksums cost.

mod checksums;
mod tail;

use std::sync::Arc;

use object_store::ObjectStore;
use undaunted_chaos::server::S3Server;
use undaunted_object_store::{Backend, RetryStore, RetryStoreBuilder};

pub(crate) type Store = RetryStore<Arc<dyn ObjectStore>>;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let server = S3Server::builder().start().await.expect("a server");
        tail::measure(&server).await;
        checksums::measure(&server).await;
    });
}

pub(crate) fn builder(server: &S3Server) -> RetryStoreBuilder<Arc<dyn ObjectStore>> {
    let options = server.object_store_options();
    let (backend, _) = Backend::open_with("s3://bucket", options).expect("a store");
    backend.builder()
}
