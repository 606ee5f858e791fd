//! The lost-response matrix of `undaunted-object-store`, through 0.13's traits: each cell says
//! what it says there.
#![cfg(all(feature = "aws", feature = "fs"))]
#![allow(clippy::unwrap_used, clippy::panic)]

// As the matrix knows it.
extern crate object_store014 as object_store;

#[path = "../../undaunted-object-store/tests/lost_matrix/mod.rs"]
mod lost_matrix;

use std::sync::Arc;

use undaunted::Rules;
use undaunted_object_store_013::{Capabilities, RetryStore};

use lost_matrix::{
    Bench, Scenario, check, check_content, check_matrix, conflicting_write, faulty, files, hit_by,
    memory, prepare, quick, scenarios, store_of,
};
use of_013::{told, write};

/// Through the traits of object_store 0.13.
mod of_013 {
    crate::lost_matrix::told!(object_store013);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix() {
    check_matrix(tell).await;
}

/// What the caller is told by a store of 0.14 that is shown as one of 0.13.
async fn tell(
    bench: Bench,
    name: &'static str,
    scenario: Scenario,
    by_token: bool,
) -> &'static str {
    let operation = hit_by(&bench, name);
    let before = prepare(&bench, name).await;
    let store = RetryStore::from(store_of(
        &bench,
        operation,
        &scenario,
        by_token,
        &Rules::NONE,
    ));
    let told = told(write(&store, name, before).await);
    check_content(&bench, name, &scenario, told).await;
    told
}

/// A store of 0.13 has everything but a token for its uploads.
#[tokio::test(start_paused = true)]
async fn the_same_over_a_store_of_013() {
    for (name, _) in lost_matrix::WRITES {
        for scenario in scenarios() {
            for make in [memory, files] {
                let expected = tell(make(), name, scenario.clone(), true).await;
                let told = tell_of_013(make(), name, &scenario).await;
                check(name, &scenario, told);
                if name == "complete" && scenario.name.ends_with("after apply") {
                    assert_eq!(told, "ambiguous", "{name}, {}", scenario.name);
                } else {
                    assert_eq!(told, expected, "{name}, {}", scenario.name);
                }
            }
        }
    }
}

/// What the caller is told by retries over a store that is of 0.13.
async fn tell_of_013(bench: Bench, name: &str, scenario: &Scenario) -> &'static str {
    let operation = hit_by(&bench, name);
    let before = prepare(&bench, name).await;
    let faulty = faulty(&bench, operation, scenario);
    let (rename, attributes) = (
        faulty.capabilities.has_native_rename(),
        faulty.capabilities.has_attributes(),
    );
    let of_013 = RetryStore::from(faulty.with_retries(quick()));
    let parts = Arc::clone(of_013.capabilities().parts().unwrap());
    let mut capabilities = Capabilities::none().with_parts(parts).with_lists_in_order();
    if rename {
        capabilities = capabilities.with_native_rename();
    }
    if attributes {
        capabilities = capabilities.with_attributes();
    }
    let store = RetryStore::builder(Arc::clone(of_013.inner()))
        .config(quick())
        .capabilities(capabilities)
        .on_event(conflicting_write(&bench, scenario))
        .build();
    let told = told(write(&store, name, before).await);
    check_content(&bench, name, scenario, told).await;
    told
}
