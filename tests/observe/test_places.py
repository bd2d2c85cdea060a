"""What a process reads is seen wherever it lies, and is of the case that reads it: without torch, a process a tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.values.closure import Closure
from tests.conftest import REPOSITORY
from tests.paired import places

SCRIPT = """
import importlib, sys
from pathlib import Path
import msgspec
from harness.observe.audit import Observer
from harness.observe.reach import Reach
tree, names = Path(sys.argv[1]), sys.argv[2:]
observer = Observer(tree)
observer.start()
sys.path[:0] = [str(tree), str(tree / "suites")]
for name in names:
    importlib.import_module(f"lib.{name}").run(None, None, None, 0)
observer.stop()
reach = Reach(observer)
files = {name: tree / "suites" / "lib" / f"{name}.py" for name in names}
found = {name: reach.closure([file], files.values(), lambda _: False) for name, file in files.items()}
sys.stdout.buffer.write(msgspec.json.encode(found))
"""
Closures = dict[str, Closure]


def observed(folder: Path, chosen: dict[str, places.Place], **changed: str) -> tuple[Closures, Closures]:
    """By variant, of two trees that differ in all of these places. changed: by side, more text of the control."""
    found = []
    for side, times in (("base", 1), ("head", 10)):
        tree = folder / side
        places.write(tree, times, chosen, places.NO_PRODUCT)
        with (tree / "suites" / "lib" / "control.py").open("a") as control:
            control.write(changed.get(side, ""))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-P", "-c", SCRIPT, tree, *chosen, "control"]
        run = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr.decode()
        found.append(msgspec.json.decode(run.stdout, type=Closures))
    return found[0], found[1]


@pytest.fixture(scope="module")
def closures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Closures, Closures]:
    return observed(tmp_path_factory.mktemp("places"), places.PLACES)


@pytest.mark.parametrize("place", places.PLACES)
def test_a_change_is_seen_where_it_is_read_and_nowhere_else(place: str, closures: tuple[Closures, Closures]) -> None:
    base, head = (side[place] for side in closures)
    changed, file = set(base.differences(head)), places.PLACES[place].file
    assert file in changed and not base.proves_same(head)
    if places.PLACES[place].alone:
        strangers = {p.file for p in places.PLACES.values()} - {file}
        assert strangers.isdisjoint(changed), "what another case read is not this one's"


def test_comments_and_docstrings_are_the_same_code_beside_all_others(closures: tuple[Closures, Closures]) -> None:
    base, head = (side["control"] for side in closures)
    assert base.proves_same(head) and "suites/lib/control.py" in base.files


def test_a_program_that_reads_its_own_text_has_its_comments_for_code(tmp_path: Path) -> None:
    reads = "import inspect\nLONG = len(inspect.getsource(sys.modules[__name__]))\n"
    base, head = observed(tmp_path, {}, base=reads, head=reads)
    assert base["control"].differences(head["control"]) == ("suites/lib/control.py",)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_compiled_code_of_the_tree_is_named_and_proves_nothing(tmp_path: Path) -> None:
    """What it reads and does is not for Python to see: not even two equal files are the same."""
    base, head = observed(tmp_path, places.COMPILED)
    for name, place in places.COMPILED.items():
        assert base[name].differences(head[name]) == (place.file,)
        assert any(place.file in why and "native code" in why for why in base[name].unproved)
        assert not base[name].proves_same(base[name])
    assert base["control"].proves_same(head["control"])


@pytest.mark.parametrize("place", places.UNOBSERVABLE)
def test_what_others_may_read_unseen_proves_nothing(place: str, tmp_path: Path) -> None:
    base, _ = observed(tmp_path, {place: places.UNOBSERVABLE[place]})
    assert base[place].unproved and not base[place].proves_same(base[place])
