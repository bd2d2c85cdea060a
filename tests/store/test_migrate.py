"""Runs and attempts of older programs are read as if a program of today had stored them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.compare.comparable import suite_differences
from harness.store import Store, attempts
from harness.store.migrate import upgraded, with_against_name, with_suite_facts
from harness.suite.load import load_suite
from harness.values.attempt import Attempt
from harness.values.difference import Difference
from harness.values.measurement import Correctness, StreamDivergence
from harness.values.run import SuiteFacts, facts_of
from tests.compare.stored_runs import SUITE, kernel, measured, stored
from tests.conftest import REPOSITORY

SUITES = sorted(path for path in (REPOSITORY / "suites").glob("*.yaml") if "\nmodel:" in path.read_text())
"""A run whose facts were not stored is of a suite that names a model: there were no others."""


def facts(suite: str) -> SuiteFacts:
    found = stored(suite=suite).suite_facts
    assert found is not None
    return found


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_an_old_run_has_the_facts_that_a_new_run_stores(path: Path) -> None:
    """All but the dense sites that a suite leaves to its model."""
    suite = load_suite(path)
    old, new = facts(suite.text), facts_of(suite)
    assert list(suite_differences(old, new)) == []
    named = {key: value for key, value in new.weights.items() if key in old.weights}
    assert old == msgspec.structs.replace(new, weights=named)
    assert new.weights.keys() - old.weights.keys() <= {"dense"}


def test_a_run_keeps_the_facts_that_it_stored() -> None:
    """Its text is not read again."""
    own = msgspec.structs.replace(facts(SUITE), model="another")
    run = stored(suite_facts=own)
    assert with_suite_facts(run) is run


@pytest.mark.parametrize("text", ["model: [", "just a word", "model: {a: 1}", "", "model: tiny\ncompare: {gate: 7}"])
def test_a_text_that_is_no_suite_leaves_them_unknown(text: str) -> None:
    """The run and its samples are read all the same."""
    assert stored(measured(kernel(), [1.0]), suite=text).suite_facts is None


def test_a_setting_differs_only_where_both_sides_know_it() -> None:
    """A default that is written out is the default, and dense sites that were never stored are no difference."""
    plain, explicit = facts(SUITE), facts(SUITE + "dtype: bfloat16\nrouting: uniform\n")
    assert plain == explicit
    named = facts(SUITE.replace("group: 32}", "group: 32, dense: [router]}"))
    other = facts(SUITE.replace("group: 32}", "group: 64, dense: [router, shared_gate]}"))
    assert list(suite_differences(plain, named)) == []
    assert list(suite_differences(named, other)) == [
        Difference("suite.weights", "{group: 32, dense: [router]}", "{group: 64, dense: [router, shared_gate]}")
    ]


def test_an_old_attempt_names_its_opponent(tmp_path: Path) -> None:
    """The name is cut out of the label once, as the attempt is read."""
    store = Store(str(tmp_path / "runs.sqlite"))
    old = Attempt("2026", "a.py", "", measured(kernel(), [1.0]), against_label="autotuned (triton_vecmat 8,256)")
    number = attempts.add(store, old).number
    assert attempts.load_attempt(store, str(number)).against_name == "autotuned"
    assert with_against_name(msgspec.structs.replace(old, against_label="")).against_name == ""


@pytest.mark.parametrize("found", [StreamDivergence(0), StreamDivergence(41, 0.003), StreamDivergence(7, 1.5e-05)])
def test_an_old_decode_says_where_its_stream_diverges(found: StreamDivergence) -> None:
    """It stood in words among other findings."""
    detail = f"cosine of the logits >= 0.99991 over 32 steps; {found.words}; argmax agrees in 32 of 32"
    result = Correctness(True, 0.0, 0.0, 0.0, 0.0, 0, 1, detail=detail)
    old = msgspec.structs.replace(measured(kernel(), [1.0]), correctness=result)
    (new,) = upgraded(stored(old)).measurements
    assert new.correctness is not None
    assert new.correctness.diverges == found and new.correctness.diverges.words == found.words
    plain = msgspec.structs.replace(old, correctness=msgspec.structs.replace(result, detail="cosine"))
    assert upgraded(stored(plain)).measurements == (plain,)
