"""The schedules that Rust and Python both reproduce: testdata/schedules.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from undaunted import RetryConfig
from undaunted._undaunted import State

GOLDEN = Path(__file__).parents[3] / "testdata" / "schedules.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
VERDICTS = {
    "transient": State.TRANSIENT,
    "throttled": State.THROTTLED,
    "permanent": State.PERMANENT,
}
SECONDS = {"100ms": 0.1, "1s": 1.0, "20s": 20.0, "10m": 600.0}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_schedule_holds(case: dict[str, Any]) -> None:
    fields = {name: SECONDS.get(value, value) for name, value in case["config"].items()}
    config = RetryConfig(**fields)
    state = State(config._core, None, case["seed"])
    decided = [
        state.on_failure(VERDICTS[failure["verdict"]], failure.get("retry_after"))
        for failure in case["failures"]
    ]
    assert [
        decision if isinstance(decision, str) else round(decision * 1e9) for decision in decided
    ] == case["decisions"]


def test_there_are_enough() -> None:
    assert len(CASES) >= 12
