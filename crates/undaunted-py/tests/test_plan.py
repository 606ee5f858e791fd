"""``plan``: the same as the command says, as values, text and pages."""

from __future__ import annotations

import dataclasses
import json
import pickle
import typing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import undaunted
from real_command import undaunted_command
from undaunted import Pacer, Plan, RetryBudget, RetryConfig, plan, simulation

PRESETS = ["default", "interactive", "background", "storage"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_plan_is_that_of_the_command(name: str) -> None:
    presets = {"default": RetryConfig(), "interactive": RetryConfig.interactive()}
    presets |= {"background": RetryConfig.background(), "storage": RetryConfig.storage()}
    said = json.loads(undaunted_command("plan", "--preset", name, "--json"))
    made = plan(presets[name], store=name == "storage")
    assert made.policy == name
    document = made.to_dict()
    assert document["plan"] == said["plan"]
    assert document["sentences"] == said["sentences"] == list(made.sentences)
    assert document["warnings"] == said["warnings"] == [str(each) for each in made.warnings]


def test_the_usage_is_that_of_the_command() -> None:
    said = json.loads(
        undaunted_command(
            *("plan", "--preset", "default", "--clients", "50", "--put-size", "7MB", "--json"),
            *("--caller-timeout", "5s", "--person-waits", "--other-retries", "3,2"),
            *("--attempt-takes", "250ms", "--budget", "shipped"),
        )
    )
    made = plan(
        clients=50,
        payload=7_000_000,
        caller_timeout=timedelta(seconds=5),
        person_waits=True,
        other_retries=[3, 2],
        attempt_takes=0.25,
        budget=RetryBudget(),
    )
    assert made.to_dict()["plan"] == said["plan"]
    assert made.requests_at_worst == 48
    assert {"nested_layers", "beyond_caller"} <= {warning.kind for warning in made.warnings}


def test_the_values_are_those_of_the_document() -> None:
    made = plan(RetryConfig.storage(), store=True)
    found = made.to_dict()["plan"]
    assert [dataclasses.asdict(row) for row in made.schedule] == found["schedule"]
    assert dataclasses.asdict(made.outage) == {
        **found["outage"],
        "by_share": tuple(found["outage"]["by_share"]),
    }
    assert made.throttling is not None
    assert made.throttling.seconds.p50 == found["throttling"]["seconds"]["p50"]
    assert made.crowd.peak == found["crowd"]["peak"]
    assert made.crowd.waves[0].until == found["crowd"]["waves"][0]["until"]
    assert made.crowd.waves[1].since == found["crowd"]["waves"][1]["from"]
    for warning, those in zip(made.warnings, found["warnings"], strict=True):
        assert {"kind": warning.kind, **warning.figures} == those


def test_the_budget_is_that_of_the_configuration_unless_it_is_given() -> None:
    with_budget = RetryConfig(budget=RetryBudget(100, 5), pacer=Pacer())
    assert plan(with_budget).vulnerable_above is None
    assert plan(with_budget, budget=None).vulnerable_above == 0.25
    assert plan(with_budget, budget="none").vulnerable_above == 0.25
    assert plan(budget="grpc").vulnerable_above is None
    assert plan(store=True).vulnerable_above is None
    small = plan(with_budget).warnings[-1]
    too_small = [each for each in plan(with_budget).warnings if each.kind == "budget_too_small"]
    assert too_small[0].figures == {"calls": 1000, "retried": 7}, small


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"clients": 0}, "clients is 0, but must be at least 1"),
        ({"clients": -1}, "clients is -1, but must be a whole number from 0 to 4294967295"),
        ({"payload": -5}, "payload is -5, but must be a whole number"),
        ({"caller_timeout": -1}, "caller_timeout is -1, but must be a number of seconds"),
        ({"caller_timeout": float("nan")}, "caller_timeout is NaN, but must be"),
        ({"attempt_takes": float("inf")}, "attempt_takes is inf, but must be"),
        ({"other_retries": [1, -2]}, "other_retries is -2, but must be a whole number"),
        ({"budget": "large"}, 'budget is "large", but must be one of none, shipped, aws, grpc'),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        plan(**given)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    "given",
    [{"clients": 1.5}, {"payload": "1MB"}, {"caller_timeout": "5s"}, {"budget": 5}, {"config": 3}],
)
def test_a_wrong_type_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(given))} must be"):
        plan(**given)


def test_large_values_end() -> None:
    huge = plan(
        RetryConfig(max_retries=2**32 - 1, base_delay=1e9, max_delay=1e18),
        clients=2**32 - 1,
        payload=2**64 - 1,
    )
    assert len(huge.schedule) == 1000
    assert str(huge) and huge.to_html()
    never = plan(RetryConfig(max_retries=0))
    assert never.sentences == ("It never retries: a call fails with its first attempt.",)
    assert "<svg" not in never._repr_html_()


def test_two_plans_are_compared_at_equal_mean_wait() -> None:
    said = json.loads(
        undaunted_command("plan", "--preset", "default", "--compare", "storage", "--json")
    )
    comparison = plan().compare(plan(RetryConfig.storage(), store=True))
    assert comparison.is_scaled
    assert comparison.plans[1].to_dict()["plan"] == said["other"]["plan"]
    rows = [(row.what, [row.left, row.right]) for row in comparison.rows]
    assert rows == [(row["what"], row["values"]) for row in said["comparison"]["rows"]]
    text = str(comparison)
    assert "Side by side" in text and "outage ridden out, median" in text
    html = comparison.to_html()
    assert "Side by side" in html and html.count("<svg") == 3


def test_the_other_keeps_what_it_has() -> None:
    budget = RetryBudget()
    full = RetryConfig(jitter="full", budget=budget, on_retry=print)
    other = plan().compare(plan(full, clients=7)).plans[1]
    assert other.config.base_delay == 2.0
    assert other.config.budget is budget
    assert other.config.on_retry is print
    assert other.usage.clients == 1000
    same = plan().compare(RetryConfig(max_delay=60))
    assert not same.is_scaled and same.plans[1].config == RetryConfig()


def test_a_plan_is_plain_data() -> None:
    made = plan(RetryConfig(max_retries=2), name="mine")
    assert pickle.loads(pickle.dumps(made)) == made
    assert dataclasses.replace(made, policy="other")._repr_html_().count("other") > 1
    assert json.dumps(dataclasses.asdict(made)["schedule"])
    assert hash(made) == hash(plan(RetryConfig(max_retries=2), name="mine"))
    assert made == plan(RetryConfig(max_retries=2), name="mine")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.policy = "x"  # type: ignore[misc]
    for name in simulation.__all__:
        kind = getattr(simulation, name)
        if dataclasses.is_dataclass(kind):
            assert typing.get_type_hints(kind)
    assert typing.get_type_hints(Plan)["outage"] is simulation.Endurance


def test_the_text_has_the_words_and_the_table() -> None:
    text = str(plan())
    assert text.startswith("default: at most 3 retries")
    assert "It rides out an outage of 7" in text
    assert "warning: " in text
    assert "retry  at least  on average" in text
    assert len(repr(plan())) < 2500


def test_a_notebook_is_left_as_it_is() -> None:
    shown = plan()._repr_html_()
    assert shown.startswith('<div class="undaunted">')
    assert shown.count("<svg") == 3
    for foreign in ("<html", "<body", "<script", "http://", "https://", "<h1", ":root"):
        assert foreign not in shown.replace("http://www.w3.org/2000/svg", ""), foreign


def test_a_page_is_saved(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    plan().save_html(page)
    assert page.read_text("utf-8") == plan().to_html()
    plan().save_html(str(page))
    with pytest.raises(OSError):
        plan().save_html(tmp_path / "missing" / "plan.html")


def test_names_are_texts_and_never_markup() -> None:
    made = plan(name="<script>alert(1)</script>")
    assert "<script" not in made.to_html() + made._repr_html_()


def test_the_import_of_the_package_is_not_slower() -> None:
    import subprocess
    import sys

    program = (
        "import sys, undaunted; assert 'undaunted._plan' not in sys.modules; "
        "assert 'undaunted.simulation' not in sys.modules; undaunted.plan(clients=1); "
        "assert undaunted.plan.__module__ == 'undaunted'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert undaunted.plan is plan
