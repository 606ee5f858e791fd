//! Gets of which a few take long, or all do, with hedges and without.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::ObjectStoreExt;
use undaunted::Hedge;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Fault, FaultPlan, Operation, Rule};

use crate::{Store, builder};

pub(crate) async fn measure(server: &S3Server) {
    println!("| {GETS} gets, {AT_A_TIME} at a time | hedges | p50 | p99 | p99.9 | more requests | won |");
    println!("|---|---|---|---|---|---|---|");
    for (name, delays) in [
        ("2 % take 1 s, the others 5 ms", few_are_slow as fn() -> FaultPlan),
        ("all take 5 ms, then all 200 ms", all_become_slow),
    ] {
        for is_hedged in [false, true] {
            row(server, name, delays, is_hedged).await;
        }
    }
    println!();
    server.set_plan(FaultPlan::none());
}

async fn row(server: &S3Server, name: &str, delays: fn() -> FaultPlan, is_hedged: bool) {
    let builder = builder(server);
    let store = if is_hedged {
        builder.hedge(Hedge::default()).build()
    } else {
        builder.build()
    };
    let key = Path::from("small");
    store.put(&key, vec![7; 1024].into()).await.expect("a put");
    // A store that has been in use knows how long responses take.
    server.set_plan(FaultPlan::scripted([each(SHORT)]));
    latencies(&store, &key, 200).await;
    let before = store.hedger().map_or((0, 0), |hedger| (hedger.issued(), hedger.won()));
    let plan = delays();
    server.set_plan(plan.clone());
    let latencies = latencies(&store, &key, GETS).await;
    let (issued, won) = store.hedger().map_or((0, 0), |hedger| {
        (hedger.issued() - before.0, hedger.won() - before.1)
    });
    let requests = plan.calls(Operation::Get);
    let at = |permille: usize| latencies[(latencies.len() - 1) * permille / 1000];
    println!(
        "| {name} | {} | {:.1?} | {:.1?} | {:.1?} | {:.2} % | {won} of {issued} |",
        if is_hedged { "on" } else { "off" },
        at(500),
        at(990),
        at(999),
        (requests as f64 / GETS as f64 - 1.0) * 100.0
    );
}

async fn latencies(store: &Store, key: &Path, count: usize) -> Vec<Duration> {
    let gets = stream::iter(0..count).map(|_| async {
        let start = Instant::now();
        let got = store.get(key).await.expect("a get");
        got.bytes().await.expect("a body");
        start.elapsed()
    });
    let mut latencies: Vec<Duration> = gets.buffer_unordered(AT_A_TIME).collect().await;
    latencies.sort();
    latencies
}

/// One in 50, but not each 50th.
fn few_are_slow() -> FaultPlan {
    let slow = (0..GETS as u64 / 50).map(|block| {
        let call = block * 50 + 1 + block * 31 % 50;
        let delay = Fault::Delay(Duration::from_secs(1));
        Rule::new(Operation::Get, delay).from_call(call).count(1)
    });
    FaultPlan::scripted(slow.chain([each(SHORT)]))
}

fn all_become_slow() -> FaultPlan {
    let first = each(SHORT).count(GETS as u64 / 4);
    FaultPlan::scripted([first, each(Duration::from_millis(200))])
}

fn each(delay: Duration) -> Rule {
    Rule::new(Operation::Get, Fault::Delay(delay)).always()
}

const GETS: usize = 5000;
const AT_A_TIME: usize = 8;
const SHORT: Duration = Duration::from_millis(5);
