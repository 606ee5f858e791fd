//! Calls through object_store's trait, for every client that implements it, in each version.

/// A session of any `ObjectStore` of `$object_store`.
macro_rules! trait_calls {
    ($object_store:ident) => {
        use std::sync::Arc;

        use async_trait::async_trait;
        use bytes::Bytes;
        use futures::future::try_join_all;
        use futures::{StreamExt, TryStreamExt, stream};
        use $object_store::path::Path;
        use $object_store::{
            Error, ObjectStore, ObjectStoreExt, PutMode, Result, UpdateVersion, WriteMultipart,
        };

        use crate::call::{Call, Failure, Kind, PART, Reply};
        use crate::clients::Session;

        /// A session of any `ObjectStore`.
        pub struct TraitSession(pub Arc<dyn ObjectStore>);

        #[async_trait]
        impl Session for TraitSession {
            async fn run(&self, call: &Call) -> Result<Reply, Failure> {
                run(&self.0, call).await.map_err(failure)
            }
        }

        async fn run(store: &Arc<dyn ObjectStore>, call: &Call) -> Result<Reply> {
            let get =
                |key: &'static str| async move { store.get(&Path::from(key)).await?.bytes().await };
            match call {
                Call::Get { key } => Ok(Reply::Bodies(vec![get(key).await?])),
                Call::GetMany { keys } => {
                    let bodies = try_join_all(keys.iter().map(|key| get(key))).await?;
                    Ok(Reply::Bodies(bodies))
                }
                Call::GetRange { key, range } => {
                    let body = store.get_range(&Path::from(*key), range.clone()).await?;
                    Ok(Reply::Bodies(vec![body]))
                }
                Call::GetPausing { key, pause } => {
                    let mut stream = store.get(&Path::from(*key)).await?.into_stream();
                    let mut body = stream.try_next().await?.unwrap_or_default().to_vec();
                    tokio::time::sleep(*pause).await;
                    while let Some(chunk) = stream.try_next().await? {
                        body.extend_from_slice(&chunk);
                    }
                    Ok(Reply::Bodies(vec![Bytes::from(body)]))
                }
                Call::Head { key } => {
                    let meta = store.head(&Path::from(*key)).await?;
                    Ok(Reply::Size(meta.size))
                }
                Call::List { prefix } => {
                    let metas: Vec<_> =
                        store.list(Some(&Path::from(*prefix))).try_collect().await?;
                    let keys = metas.iter().map(|meta| meta.location.to_string());
                    Ok(Reply::listed(keys.collect()))
                }
                Call::Put { key, content } => {
                    store.put(&Path::from(*key), content.bytes().into()).await?;
                    Ok(Reply::Done)
                }
                Call::PutMany { keys, content } => {
                    let puts = keys.iter().enumerate().map(|(number, key)| {
                        let bytes = content.numbered(number).bytes();
                        async move { store.put(&Path::from(*key), bytes.into()).await }
                    });
                    try_join_all(puts).await?;
                    Ok(Reply::Done)
                }
                Call::Create { key, content } => {
                    let mode = PutMode::Create;
                    put(store, key, content.bytes(), mode).await
                }
                Call::Update {
                    key,
                    content,
                    instead_of,
                } => {
                    let mode = PutMode::Update(UpdateVersion {
                        e_tag: Some(instead_of.e_tag()),
                        version: None,
                    });
                    put(store, key, content.bytes(), mode).await
                }
                Call::Upload { key, content } => {
                    let upload = store.put_multipart(&Path::from(*key)).await?;
                    let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
                    writer.put(content.bytes());
                    // Aborts the upload when it fails.
                    writer.finish().await?;
                    Ok(Reply::Done)
                }
                Call::Copy { from, to } => {
                    store.copy(&Path::from(*from), &Path::from(*to)).await?;
                    Ok(Reply::Done)
                }
                Call::Rename { from, to } => {
                    store.rename(&Path::from(*from), &Path::from(*to)).await?;
                    Ok(Reply::Done)
                }
                Call::Delete { key } => {
                    store.delete(&Path::from(*key)).await?;
                    Ok(Reply::Done)
                }
                Call::DeleteMany { keys } => {
                    let keys = stream::iter(keys.iter().map(|key| Ok(Path::from(*key)))).boxed();
                    store.delete_stream(keys).try_collect::<Vec<_>>().await?;
                    Ok(Reply::Done)
                }
            }
        }

        async fn put(
            store: &dyn ObjectStore,
            key: &str,
            bytes: Bytes,
            mode: PutMode,
        ) -> Result<Reply> {
            store
                .put_opts(&Path::from(key), bytes.into(), mode.into())
                .await?;
            Ok(Reply::Done)
        }

        fn failure(error: Error) -> Failure {
            let kind = match &error {
                Error::AlreadyExists { .. } | Error::Precondition { .. } => Kind::Conflict,
                Error::NotFound { .. } => Kind::NotFound,
                Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Kind::Denied,
                _ => Kind::Other,
            };
            Failure::of(kind, &error)
        }
    };
}

pub mod of_014 {
    trait_calls!(object_store);
}

pub mod of_013 {
    trait_calls!(object_store013);
}
