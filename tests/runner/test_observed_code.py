"""A stored run knows the code of each case as it was seen to be read; `history` and `compare` say "same code" of that
alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.store import Store, export_run, read_exported
from harness.values.closure import ObservedCode
from tests.paired import places
from tests.paired.repository import Repository, git_init, make
from tests.paired.test_places_of_change import MODEL
from tests.runner.test_execute import execute, suite_with

pytestmark = [pytest.mark.xdist_group("observed_code"), pytest.mark.slow]
SUITE = "suites/places.yaml"
CHOSEN = {
    name: places.PLACES[name]
    for name in ("relative", "absolute", "beside", "at_root", "in_init", "search_path", "text", "listing", "link")
}
UNSEEN = {"native": places.UNOBSERVABLE["native"]}
RUN = ("run", SUITE, "--only", "kernels", "-k", "int4_mm@gdn_in", "--rounds", "1", "--json")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Run three times: as it is, with all but comments changed, and once more with nothing changed."""
    root = tmp_path_factory.mktemp("observed") / "repository"
    root.mkdir()
    git_init(root)
    made = Repository(root)
    for times in (1, 10, 10):
        places.write(root, times, {**CHOSEN, **UNSEEN})
        (root / SUITE).write_text(places.suite({**CHOSEN, **UNSEEN}))
        done = made.harness(*RUN)
        assert done.returncode == 0, done.stderr
    return made


def document(repository: Repository, *arguments: str) -> Any:
    return json.loads(repository.harness(*arguments, "--json").stdout)


def by_arm(found: Any) -> dict[str, Any]:
    return {case["case"].rsplit("/", 1)[-1]: case for case in found}


def test_a_history_names_the_file_that_changed(repository: Repository) -> None:
    """Wherever it lies; nothing else of the same run."""
    found = by_arm(document(repository, "history", "int4_mm@gdn_in")["cases"])
    for name, place in CHOSEN.items():
        first, second, third = found[name]["moments"]
        assert (first["code"], first["files"]) == ("", [])
        assert second["code"] == "changed" and place.file in second["files"], name
        others = {other.file for other in CHOSEN.values()} - {place.file}
        assert others.isdisjoint(second["files"])
        assert (third["code"], third["files"]) == ("same", [])


def test_what_native_code_read_is_named_and_its_own_case_is_never_the_same(repository: Repository) -> None:
    """The kernel tells that it was opened, not for which case: it counts for all."""
    found = by_arm(document(repository, "history", "int4_mm@gdn_in")["cases"])
    file = UNSEEN["native"].file
    for name in ("native", "control"):
        _, second, third = found[name]["moments"]
        assert second["code"] == "changed" and second["files"] == [file]
        assert third["code"] == ("" if name == "native" else "same")


def test_a_history_says_the_same_code_of_equal_closures_alone(tmp_path: Path) -> None:
    """Another comment is the same code. A run as a file has it all, each file once."""
    tmp_path.joinpath("repository").mkdir()
    git_init(tmp_path / "repository")
    repository = Repository(tmp_path / "repository")
    for times in (1, 10, 10):
        places.write(repository.root, times, {"text": CHOSEN["text"]})
        (repository.root / SUITE).write_text(places.suite({"text": CHOSEN["text"]}))
        assert repository.harness(*RUN).returncode == 0
    found = by_arm(document(repository, "history", "int4_mm@gdn_in")["cases"])
    assert [moment["code"] for moment in found["control"]["moments"]] == ["", "same", "same"]
    assert [moment["code"] for moment in found["text"]["moments"]] == ["", "changed", "same"]
    shown = repository.harness("history", "int4_mm@gdn_in").stdout
    assert shown.count("same code") == 3 and "code changed: suites/lib/times.txt" in shown
    store = Store(str(repository.root / ".harness" / "runs.sqlite"))
    run, identity = store.load_identified("last")
    export_run(run, identity, tmp_path / "run.json.gz")
    back, _ = read_exported(tmp_path / "run.json.gz")
    for case in run.planned:
        closure = run.closure_of(case)
        assert closure is not None and closure.digest and closure == back.closure_of(case)
        assert "suites/lib/product.py" in closure.files
    names = [name for name, _ in run.observed.files]
    assert len(names) == len(set(names)), "each file once"


def test_a_comparison_of_stored_runs_names_it_too(repository: Repository) -> None:
    """Two runs of one process each decide nothing; each verdict has the files, and none says that the code is the
    same."""
    found = {v["case"].rsplit("/", 1)[-1]: v for v in document(repository, "compare", "1", "2")["verdicts"]}
    for name, place in CHOSEN.items():
        assert place.file in found[name]["changed"], name
    again = {v["case"].rsplit("/", 1)[-1]: v for v in document(repository, "compare", "2", "3")["verdicts"]}
    assert all(verdict["changed"] == [] for verdict in again.values())


def test_a_run_whose_code_cannot_be_kept_is_complete_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing measured is lost: the error is said after the run has ended."""
    store = Store(str(tmp_path / "runs.sqlite"))

    def refuse(run_id: str, code: ObservedCode) -> None:
        raise HarnessError(f"run {run_id}: {len(code.cases)} cases: no space left")

    monkeypatch.setattr(store, "set_observed", refuse)
    with pytest.raises(HarnessError, match="run 1: 2 cases: no space left"):
        execute(suite_with(tmp_path, "torch_blocked"), store)
    run = store.load("last")
    assert run.state == "complete" and all(m.samples for m in run.measurements)
    assert run.closure_of(run.planned[0]) is None


def test_a_change_in_a_models_text_is_of_the_decode_alone(tmp_path: Path) -> None:
    """Run twice, and once more after the change: kernels are the same code in all three."""
    repository = make(tmp_path / "repository")
    (repository.root / "suites" / "model.yaml").write_text(MODEL)
    decoder = repository.root / "kernels" / "models" / "decoder.py"
    step = '        return self._logits("decode"'
    for number in range(3):
        if number == 2:
            decoder.write_text(decoder.read_text().replace(step, f"        len([])\n{step}"))
        done = repository.harness("run", "suites/model.yaml", "--only", "kernels,decode", "--rounds", "1")
        assert done.returncode == 0, done.stderr
    for case in document(repository, "history", "@")["cases"]:
        said = [(moment["code"], moment["files"]) for moment in case["moments"]]
        last = ("same", []) if case["case"].startswith("int4_mm") else ("changed", ["kernels/models/decoder.py"])
        assert said == [("", []), ("same", []), last], case["case"]
