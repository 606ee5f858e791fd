use super::*;
use crate::call::Call;

fn scenario(name: &str) -> Scenario {
    Scenario::new(name, "", Call::Head { key: "a" })
}

fn cell(client: &'static str, what: &str, requests: usize, bytes_again: u64) -> Cell {
    Cell {
        scenario: "one".to_owned(),
        client,
        right: !what.starts_with("wrong"),
        what: what.to_owned(),
        error: None,
        requests,
        bytes_again,
        early: 0,
        seconds: 0.5,
    }
}

fn matrix(scenario: Scenario, cells: [Cell; 2]) -> Matrix {
    Matrix {
        clients: Vec::new(),
        scenarios: vec![scenario],
        cells: cells.into(),
    }
}

#[test]
fn a_wrong_result_fails() {
    let cells = [cell(OURS, "wrong bytes", 1, 0), cell("other", "", 1, 0)];
    let matrix = matrix(scenario("one").price("a reason"), cells);
    assert_eq!(matrix.wrong().len(), 1);
    assert!(!matrix.passes());
}

#[test]
fn needing_more_than_the_best_fails_without_a_reason() {
    for (requests, bytes_again) in [(3, 0), (2, 1)] {
        let cells = || {
            [
                cell(OURS, "", requests, bytes_again),
                cell("other", "", 2, 0),
            ]
        };
        assert!(!matrix(scenario("one"), cells()).passes());
        assert!(matrix(scenario("one").price("a reason"), cells()).passes());
    }
    let cells = [cell(OURS, "", 2, 0), cell("other", "", 2, 0)];
    assert!(matrix(scenario("one"), cells).passes());
}

#[test]
fn only_results_with_the_same_outcome_count() {
    let wrong = [cell(OURS, "", 3, 0), cell("other", "wrong bytes", 1, 0)];
    assert!(matrix(scenario("one"), wrong).excess().is_empty());
    let failed = [cell(OURS, "", 3, 0), cell("other", "error", 1, 0)];
    assert!(matrix(scenario("one"), failed).excess().is_empty());
    let both = matrix(
        scenario("one"),
        [cell(OURS, "error", 3, 0), cell("other", "error", 1, 0)],
    );
    assert_eq!(both.excess().len(), 1, "it is reported");
    assert!(both.passes(), "and does not fail the check");
}

#[test]
fn a_result_is_shown_in_a_few_words() {
    let cells = [
        (cell(OURS, "", 2, 0), "ok; 2 req; 0.50 s"),
        (cell(OURS, "conflict", 1, 0), "ok, conflict; 1 req; 0.50 s"),
        (
            cell(OURS, "wrong bytes", 2, 300_000),
            "**WRONG**: wrong bytes; 2 req; 300 kB again; 0.50 s",
        ),
    ];
    for (cell, text) in cells {
        assert_eq!(Short(&cell).to_string(), text);
    }
}
