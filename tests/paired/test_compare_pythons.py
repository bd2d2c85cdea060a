"""`harness compare --pythons A,B,C`: one suite under real environments whose packages differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.store import Store
from tests.interpreters import interpreter, package
from tests.paired.repository import SUITE, VARIANT, Repository, make

pytestmark = pytest.mark.xdist_group("compare_pythons")
ONE = ("--suite", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1")
AS_IT_IS = "def last(out):\n    return out\n"
OTHER_BITS = "def last(out):\n    return out.nextafter(out + 1)\n"


class Places(NamedTuple):
    """A repository whose product ends with the installed package `rounding`, and environments with versions of it:
    1.1 rounds the last bit up, 2.0 is another version of the same text."""

    repository: Repository
    pythons: dict[str, Path]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    root = tmp_path_factory.mktemp("pythons")
    repository = make(root / "repository")
    text = (repository.root / VARIANT).read_text().replace("import torch\n", "import rounding\nimport torch\n", 1)
    text = text.replace("    time.sleep(0.005)\n", "").replace("    return out", "    return rounding.last(out)")
    repository.commit("rounds", **{VARIANT.replace("/", "__"): text})
    texts = {"1.0": AS_IT_IS, "1.1": OTHER_BITS, "2.0": AS_IT_IS}
    pythons = {
        version: interpreter(root / version, (package(root / f"of_{version}", "rounding", version, module),))
        for version, module in texts.items()
    }
    return Places(repository, pythons)


@pytest.mark.slow
def test_each_interpreter_is_compared_with_the_first_and_what_differs_is_named(places: Places, tmp_path: Path) -> None:
    """With a budget that is spent at once: checked, not timed. The package is named first, beside each verdict stands
    whether the bits are the same, both comparisons share the error, and both runs are in the history."""
    names, page, text = list(places.pythons), tmp_path / "page.html", tmp_path / "table.md"
    asked = ",".join(str(places.pythons[name]) for name in names)
    done = places.repository.harness(
        "compare", "--pythons", asked, *ONE, "--budget", "0.001", "--json", "--html", str(page), "--markdown", str(text)
    )
    assert done.returncode == 3, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert [one["interpreter"]["packages"]["rounding"] for one in found["others"]] == ["1.1", "2.0"]
    assert [one["under_test"] for one in found["others"]] == [
        [{"field": "rounding", "base": "1.0", "head": version, "case": ""}] for version in ("1.1", "2.0")
    ]
    both = [one["comparison"]["verdicts"][0]["outputs"]["sameness"] for one in found["others"]]
    assert both == ["within tolerance", "bit for bit"]
    assert done.stderr.startswith("under test  rounding 1.0 -> 1.1  (")
    assert all(
        "one of 2 comparisons with this base: the chance" in one["comparison"]["notes"][0] for one in found["others"]
    )
    head = text.read_text()
    assert head.startswith("under test  rounding 1.0")
    assert "rounding 2.0" in head and "same bits" in head and "rounding 1.1" in page.read_text()
    store = Store(str(places.repository.root / ".harness" / "runs.sqlite"))
    for one in found["others"]:
        base, own = (store.load(one["comparison"][side]["run"]) for side in ("base", "head"))
        assert base.pairing is not None and own.pairing is not None and own.pairing.interpreter is not None
        assert base.pairing.tree.folder != own.pairing.tree.folder, "what a setup builds is not shared"
        assert own.pairing.python == own.pairing.interpreter.python == one["interpreter"]["python"]
    again = places.repository.harness("compare", base.id, own.id)
    assert again.stdout.startswith("under test  rounding 1.0 -> 2.0\n"), again.stdout
    shown = places.repository.harness("history", "int4_mm@gdn_in", "--json")
    (case,) = json.loads(shown.stdout)["cases"]
    assert [moment["run"] for moment in case["moments"]] == [str(number) for number in range(1, 5)]


@pytest.mark.parametrize(
    ("pythons", "more", "line"),
    [
        ("{1.0}", (), "got 1; wanted two different interpreters or more"),
        ("{1.0},{1.0}", (), "stands there twice; wanted two different interpreters or more"),
        ("{1.0},pyton9", (), "--pythons pyton9: no such program"),
        ("{1.0},/bin/true", (), "--pythons /bin/true: does not answer as a Python interpreter of 3.11 or later"),
        ("{1.0},{bare}", (), "has no torch and no msgspec; each interpreter needs the harness' packages"),
        ("{1.0},{2.0}", ("--head-python", "{1.1}"), "beside --pythons, which names every interpreter"),
        ("{1.0},{2.0}", ("--static",), "--pythons: for what is measured; --static measures nothing"),
    ],
)
def test_a_wrong_interpreter_is_one_line_before_anything_is_measured(
    pythons: str, more: tuple[str, ...], line: str, places: Places, tmp_path: Path
) -> None:
    bare = tmp_path / "bare" / "bin" / "python"
    if "{bare}" in pythons:
        interpreter(tmp_path / "bare")
        for file in (tmp_path / "bare").rglob("shared.pth"):
            file.write_text("")
    known = {**{name: str(path) for name, path in places.pythons.items()}, "bare": str(bare)}

    def filled(words: str) -> str:
        for name, path in known.items():
            words = words.replace("{" + name + "}", path)
        return words

    done = places.repository.harness("compare", "--pythons", filled(pythons), *map(filled, more), *ONE)
    assert done.returncode == 2 and done.stdout == ""
    assert [text for text in done.stderr.splitlines() if text.startswith("error: ") and line in text], done.stderr


def test_without_sides_and_interpreters_both_sides_are_asked_for(places: Places) -> None:
    done = places.repository.harness("compare")
    assert done.returncode == 2 and "error: BASE and HEAD: missing" in done.stderr
