//! A hundred thousand operations over seeded faults, and then every object compared with a
//! model, byte for byte.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use undaunted::RetryConfig;
use undaunted_chaos::{FaultPlan, FaultyStore, Rates};
use undaunted_object_store::{Capabilities, RetryStore};

type Store = RetryStore<FaultyStore<InMemory>>;
type Model = BTreeMap<Path, Vec<u8>>;

const TASKS: u64 = 16;
const OPERATIONS: u64 = 100_000;
const KEYS: u64 = 20;

fn store() -> Store {
    let rates = Rates {
        before: 0.08,
        error: 0.06,
        throttle: 0.06,
        after: 0.1,
        break_body: 0.1,
        short_body: 0.05,
        break_list: 0.1,
        ..Rates::default()
    };
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::seeded(7, rates));
    let capabilities = Capabilities::none()
        .with_parts(Arc::new(faulty.clone()))
        .with_attributes()
        .with_lists_in_order();
    let config = RetryConfig::storage()
        .to_builder()
        .max_retries(30)
        .build()
        .unwrap();
    RetryStore::builder(faulty)
        .config(config)
        .capabilities(capabilities)
        .without_budget()
        .build()
}

/// xorshift: the test's own chance.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Half of one task's operations, on keys of its own, with the model that they must agree with.
async fn work(store: Store, task: u64, half: u64, mut model: Model) -> Model {
    let mut random = Random((half * TASKS + task) * 0x9E37_79B9 + 1);
    for step in 0..OPERATIONS / TASKS / 2 {
        let key = |n: u64| Path::from(format!("{task}/{n:02}"));
        let path = key(random.below(KEYS));
        let data = format!("{task} {step} ").repeat(1 + usize::try_from(random.below(20)).unwrap());
        let data = data.into_bytes();
        match random.below(7) {
            0 | 1 => {
                store.put(&path, data.clone().into()).await.unwrap();
                model.insert(path, data);
            }
            2 => {
                let payload = PutPayload::from(data.clone());
                let created = store.put_opts(&path, payload, PutMode::Create.into()).await;
                match created {
                    Ok(_) => assert!(model.insert(path, data).is_none(), "created over another"),
                    Err(Error::AlreadyExists { .. }) => assert!(model.contains_key(&path)),
                    // The object was there all along, without a token and as long as ours.
                    Err(error) => assert!(model.contains_key(&path), "{error}"),
                }
            }
            3 => match store.get(&path).await {
                Ok(read) => {
                    let read = read.bytes().await.unwrap();
                    assert_eq!(Some(&read.to_vec()), model.get(&path));
                }
                Err(Error::NotFound { .. }) => assert!(!model.contains_key(&path)),
                Err(error) => unreachable!("{error}"),
            },
            4 => {
                store.delete(&path).await.unwrap();
                model.remove(&path);
            }
            5 => {
                let to = key(random.below(KEYS));
                if let Some(data) = model.get(&path).cloned() {
                    store.copy(&path, &to).await.unwrap();
                    model.insert(to, data);
                }
            }
            _ => {
                let mut upload = store.put_multipart(&path).await.unwrap();
                for part in data.chunks(10) {
                    upload.put_part(part.to_vec().into()).await.unwrap();
                }
                upload.complete().await.unwrap();
                model.insert(path, data);
            }
        }
    }
    model
}

/// What the process has in memory, where the system tells.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nothing_is_doubled() {
    let store = store();
    let mut models = vec![Model::new(); usize::try_from(TASKS).unwrap()];
    let mut memory = Vec::new();
    for half in 0..2 {
        let tasks: Vec<_> = (0..TASKS)
            .zip(models)
            .map(|(task, model)| tokio::spawn(work(store.clone(), task, half, model)))
            .collect();
        models = Vec::new();
        for task in tasks {
            models.push(task.await.unwrap());
        }
        memory.push(resident_kib());
    }
    // The second half does what the first did, on the same keys, and needs no more for it.
    if let [Some(first), Some(second)] = memory[..] {
        assert!(
            second < first + first / 5,
            "{first} KiB, and then {second} KiB"
        );
    }
    let model: Model = models.into_iter().flatten().collect();
    let listed: Vec<Path> = store
        .list(None)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    assert!(listed.iter().eq(model.keys()), "the keys are the model's");
    for (path, data) in &model {
        let there = store
            .inner()
            .inner()
            .get(path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(&there.to_vec(), data, "{path}");
    }
    let faults = store.inner().plan().log().len();
    assert!(faults == 10_000, "the log is full: faults did happen");
}
