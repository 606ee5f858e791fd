"""``simulate``: the same as the command does, as values, arrays, text and pages."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from array import array
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from real_command import undaunted_command
from undaunted import RetryBudget, RetryConfig, Simulation, scenarios, simulate

NAMES = [scenario.name for scenario in scenarios()]
LONG = {
    "duration": timedelta(days=300),
    "clients": {"per_second": 5000},
    "service": {"latency": "20ms"},
}
"""It takes minutes."""


def rows(outcome: dict[str, Any]) -> list[dict[str, float | None]]:
    """The ticks as the command prints them."""
    ticks = outcome["ticks"]
    return [dict(zip(ticks, row, strict=True)) for row in zip(*ticks.values(), strict=True)]


def alike(values: dict[str, Any]) -> dict[str, Any]:
    """The command reads and writes its numbers once more, which may change the last bit."""
    return {
        name: pytest.approx(value, rel=1e-15) if isinstance(value, float) else value
        for name, value in values.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_outcomes_are_those_of_the_command(name: str) -> None:
    said = json.loads(undaunted_command("simulate", name, "--json", "--seed", "7"))
    made = simulate(name, seed=7).to_dict()
    assert (made["scenario"], made["seed"]) == (said["scenario"], said["seed"])
    assert made["duration"] == said["duration"]
    assert len(made["outcomes"]) == len(said["outcomes"]) > 1
    for ours, theirs in zip(made["outcomes"], said["outcomes"], strict=True):
        for row, expected in zip(rows(ours), theirs["ticks"], strict=True):
            assert row == alike(expected)
        assert ours.pop("totals") == theirs.pop("totals")
        assert ours.pop("latency") == alike(theirs.pop("latency"))
        assert {**ours, "ticks": []} == alike({**theirs, "ticks": []})


def test_policies_come_in_every_form() -> None:
    default = simulate("outage", "default")
    for form in (["default"], RetryConfig(), [RetryConfig()], {"default": RetryConfig()}, [{}]):
        outcome = simulate("outage", form).outcomes[0]  # type: ignore[arg-type]
        assert outcome.totals == default.outcomes[0].totals, form
    budget = RetryConfig.storage()
    budget = dataclasses.replace(budget, budget=RetryBudget())
    given = {"a": budget, "b": "storage, with budget", "c": {"preset": "storage", "store": True}}
    made = simulate("outage", given)
    assert [outcome.policy for outcome in made.outcomes] == ["a", "b", "c"]
    assert made["a"].totals == made["b"].totals
    assert made["a"].ticks["tokens"][0] == 500
    assert made["c"].ticks["tokens"][0] == 500
    named = simulate("outage", [RetryConfig(max_retries=9), {"name": "mine", "max_retries": 1}])
    assert [outcome.policy for outcome in named.outcomes] == ["policy 1", "mine"]
    # The name of the scenario's policy comes before that of the preset: this one has no budget.
    assert math.isnan(simulate("outage", "storage").outcomes[0].ticks["tokens"][0])
    assert not math.isnan(simulate("tail", "storage", duration=200).outcomes[0].ticks["tokens"][0])


def test_scenarios_come_in_every_form(tmp_path: Path) -> None:
    outage = scenarios()[0]
    path = tmp_path / "mine.toml"
    path.write_text(outage.text, "utf-8")
    as_dict = {
        "duration": "3m",
        "step": timedelta(seconds=1),
        "clients": {"per_second": 100, "processes": 20, "think": None},
        "service": {"latency": {"median": "20ms", "sigma": 0.5}},
        "fault": [{"kind": "outage", "from": 60, "lasts": "20s"}],
        "policy": [{"name": "default"}, {"name": 'quote " and \x7f', "max_retries": 1}],
    }
    expected = simulate("outage", "default").outcomes
    for given in (outage, outage.text, path, as_dict):
        assert simulate(given, "default").outcomes == expected
    assert simulate(path).name == "mine"
    assert [one.policy for one in simulate(as_dict).outcomes] == ["default", 'quote " and \x7f']
    assert simulate("outage", duration=timedelta(seconds=90)).duration == 90


class OddNumber:
    """A number as NumPy's are: neither an int nor a float."""

    def __index__(self) -> int:
        return 100


def test_numbers_of_other_libraries_are_numbers() -> None:
    simulation = simulate({"clients": {"per_second": OddNumber()}, "duration": 10.0})
    assert 800 < simulation.outcomes[0].totals.calls < 1200


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("outge", "no scenario is named 'outge'; those that are built in are outage, throttle, "),
        ("missing.toml", "no scenario is named 'missing.toml'; "),
        ('duration = "2m"\n[service]\ncapacity = -5', "line 3: capacity of service: -5 is not a"),
        ("duration = \n", "line 1: "),
        ({"service": {"capacity": -5}}, "capacity of service: -5 is not a number above 0"),
        ({"servce": {}}, "servce: unknown field `servce`"),
        ({"fault": [{"kind": "outage", "from": 500, "lasts": 1}]}, "fault 1: it begins after"),
        ({"duration": float("nan")}, "duration: "),
        ({"policy": [{"name": "a", "max_retries": -1}]}, 'max_retries of policy "a": '),
    ],
)
def test_a_wrong_scenario_is_explained(given: Any, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        simulate(given)
    assert str(caught.value).startswith(problem), str(caught.value)


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[clients]\nper_second = 0", "utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}: line 2: per_second of clients: ")):
        simulate(path)
    with pytest.raises(FileNotFoundError):
        simulate(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("policies", "options", "problem"),
    [
        ("many", {}, "no policy is named 'many': the scenario has 'no retries', 'default', "),
        ([], {}, "policies is empty"),
        (["default", "default"], {}, "two policies have the name 'default'"),
        ({"a": {"budget": "large"}}, {}, 'budget of policy "a": '),
        ({"a": {"base_delay": "soon"}}, {}, 'base_delay of policy "a": '),
        (None, {"seed": -1}, "seed is -1, but must be a whole number"),
        (None, {"duration": 0}, "duration is 0, but must be above 0"),
        (None, {"duration": 1e9}, "duration is 1000000000, but must be above 0 and at most a year"),
        (None, {"duration": 30}, "duration is 30, but must be longer: a fault would begin after"),
        (None, {"duration": float("nan")}, "duration is NaN, but must be"),
    ],
)
def test_a_wrong_value_is_named(policies: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        simulate("outage", policies, **options)
    assert str(caught.value).startswith(problem), str(caught.value)


@pytest.mark.parametrize(
    ("scenario", "policies", "problem"),
    [
        (5, None, "scenario must be the name of one"),
        ({"duration": object()}, None, "duration must be a text"),
        ({"clients": {"think": {"mean": b"1"}}}, None, "mean of think of clients must be"),
        ({1: 2}, None, "the names of fields must be texts, not 1"),
        ("outage", [5], "a policy must be a RetryConfig, the name of one or a dict"),
    ],
)
def test_a_wrong_type_is_named(scenario: Any, policies: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        simulate(scenario, policies)


def test_columns_are_arrays_that_others_take() -> None:
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    outcome = simulate("outage")["storage, with budget"]
    table = pandas.DataFrame(outcome.ticks)
    assert list(table.columns) == list(outcome.ticks)
    assert set(map(str, table.dtypes)) == {"float64"}
    assert table["calls"].sum() == outcome.totals.calls
    requests = outcome.ticks["requests"]
    shared = numpy.asarray(requests)
    assert shared.dtype == numpy.float64
    assert numpy.shares_memory(shared, numpy.frombuffer(requests))
    assert memoryview(requests).format == "d"
    assert shared.sum() == outcome.totals.requests
    # They need not be arrays to be shown again.
    changed = dataclasses.replace(outcome, ticks={**outcome.ticks, "requests": shared.tolist()})
    assert changed == outcome


def test_what_there_is_not_is_no_number() -> None:
    ticks = simulate("outage")["default"].ticks
    assert all(map(math.isnan, ticks["tokens"])) and all(map(math.isnan, ticks["pace"]))
    assert isinstance(ticks["queue"], array)


def test_conditions_are_checked() -> None:
    simulation = simulate("outage", ["no retries", "storage"])
    assert simulation.check("lost > 90%", "p99 > 1h") == []
    met = simulation.check("lost > 5%", "peak > 1")
    assert len(met) == 3 and met[0].startswith("no retries: lost is ")
    assert simulation.check() == []
    said = undaunted_command_that_fails("simulate", "outage", "--policy", "no retries", "--json")
    assert simulate("outage", "no retries").check("lost > 5%") == said["failed"]
    with pytest.raises(ValueError, match='"lots > 5" is not a threshold: the quantities are lost'):
        simulation.check("lots > 5")


def undaunted_command_that_fails(*arguments: str) -> Any:
    command = [os.environ["UNDAUNTED"], *arguments, "--fail-if", "lost > 5%"]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert ended.returncode == 1
    return json.loads(ended.stdout)


def test_a_simulation_is_plain_data() -> None:
    made = simulate("throttle")
    assert pickle.loads(pickle.dumps(made)) == made == copy.deepcopy(made) == simulate("throttle")
    assert hash(made) == hash(simulate("throttle"))
    assert made != simulate("throttle", seed=2)
    assert set(dataclasses.asdict(made)) == {"name", "scenario", "seed", "duration", "outcomes"}
    first = dataclasses.replace(made, outcomes=made.outcomes[:1])
    assert made.outcomes[1].policy not in first.to_html()
    assert list(made) == list(made.outcomes)
    assert len(repr(made)) < 4000
    with pytest.raises(KeyError, match="no policy is named 'x': there are "):
        made["x"]
    halved = dataclasses.replace(made.outcomes[0], ticks={**made.outcomes[0].ticks, "at": [1.0]})
    with pytest.raises(ValueError, match="the columns of ticks must have the same length"):
        dataclasses.replace(made, outcomes=(halved,)).to_html()


def test_the_text_has_the_words_and_the_table() -> None:
    simulation = simulate("outage")
    text = str(simulation)
    assert text.startswith("For 3 min 100 calls a second arrive, in 20 processes.")
    assert "The fewest calls are lost with" in text
    assert re.search(r"policy +calls +lost", text)
    assert simulation.sentences[0] in text


def test_a_page_is_that_of_the_command(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    undaunted_command("simulate", "outage", "--quiet", "--html", str(page))
    theirs = page.read_text("utf-8")
    ours = simulate("outage").to_html()

    def plots(html: str) -> list[str]:
        return re.findall(r"<svg.*?</svg>", html, re.DOTALL)

    assert plots(ours) == plots(theirs) != []
    shown = simulate("outage")._repr_html_()
    assert plots(shown) == plots(ours)
    assert shown.startswith('<div class="undaunted">')
    assert "<title>A service fails for 20 s while 100 calls a second arrive</title>" in ours


def test_other_threads_run_meanwhile() -> None:
    ticks = 0
    done = threading.Event()

    def work() -> None:
        simulate(LONG, duration=200)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 5


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_stops_it() -> None:
    program = (
        "import signal, undaunted\n"
        # Who starts the tests in the background ignores it, and so would this.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    print('begins', flush=True)\n"
        "    undaunted.simulate({'duration': 2e7, 'clients': {'per_second': 5000}}, "
        "['default', 'storage', 'background'])\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begins\n"
        # It has to be within the call, which takes many minutes.
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        try:
            rest, _ = running.communicate(timeout=60)
        finally:
            running.kill()
    assert rest == "stopped\n"


def test_simulations_run_beside_each_other() -> None:
    made: list[Simulation] = []
    threads = [threading.Thread(target=lambda: made.append(simulate("tail"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4 and all(each == made[0] for each in made)
