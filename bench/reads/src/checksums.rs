//! What it costs to compare an object with its checksum: the checksum alone, and a get of 64 MiB and of
//! 1 KiB with and without it, in turns; the least of each.

use std::hint::black_box;
use std::time::Instant;

use crc_fast::{CrcAlgorithm, Digest as Crc};
use futures::TryStreamExt;
use md5::{Digest, Md5};
use object_store::path::Path;
use object_store::ObjectStoreExt;
use undaunted_chaos::server::S3Server;

use crate::{Store, builder};

pub(crate) async fn measure(server: &S3Server) {
    let content = vec![7_u8; SIZE];
    println!("| one core, in chunks of 64 KiB | GB/s |\n|---|---|");
    for (name, algorithm) in [
        ("CRC64NVME", CrcAlgorithm::Crc64Nvme),
        ("CRC32C", CrcAlgorithm::Crc32Iscsi),
        ("CRC32", CrcAlgorithm::Crc32IsoHdlc),
    ] {
        let speed = speed(&content, |chunks| {
            let mut crc = Crc::new(algorithm);
            chunks.for_each(|chunk| crc.update(chunk));
            black_box(crc.finalize());
        });
        println!("| {name} | {speed:.1} |");
    }
    let md5 = speed(&content, |chunks| {
        let mut md5 = Md5::new();
        chunks.for_each(|chunk| md5.update(chunk));
        black_box(md5.finalize());
    });
    println!("| MD5 | {md5:.2} |\n");
    println!("MD5 of 64 KiB: {:.3} ms.\n", f64::from(64 << 10) / md5 / 1e6);

    let (with, without) = (builder(server).build(), builder(server).without_checksums().build());
    println!("| get | with its checksum | without |\n|---|---|---|");
    for (name, size, times) in [
        ("64 MiB, ms", SIZE, 1),
        ("64 KiB, ms for 100", 64 << 10, 100),
        ("1 KiB, ms for 1,000", 1024, 1000),
    ] {
        let key = Path::from(name);
        with.put(&key, content[..size].to_vec().into()).await.expect("a put");
        let mut least = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for (store, least) in [&with, &without].into_iter().zip(&mut least) {
                *least = least.min(milliseconds(store, &key, times).await);
            }
        }
        println!("| {name} | {:.1} | {:.1} |", least[0], least[1]);
    }
}

/// Of the fastest of many short turns: on a busy machine a long one is always interrupted.
fn speed(content: &[u8], mut read: impl FnMut(&mut dyn Iterator<Item = &[u8]>)) -> f64 {
    let content = &content[..TURN];
    let seconds = (0..TURNS).map(|_| {
        let start = Instant::now();
        read(&mut content.chunks(64 << 10));
        start.elapsed().as_secs_f64()
    });
    content.len() as f64 / 1e9 / seconds.fold(f64::INFINITY, f64::min)
}

async fn milliseconds(store: &Store, key: &Path, times: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        let mut body = store.get(key).await.expect("a get").into_stream();
        while let Some(chunk) = body.try_next().await.expect("a body") {
            black_box(chunk);
        }
    }
    start.elapsed().as_secs_f64() * 1000.0
}

const SIZE: usize = 64 << 20;
const ROUNDS: usize = 9;

/// Less than a millisecond for a CRC.
const TURN: usize = 4 << 20;
const TURNS: usize = 300;
