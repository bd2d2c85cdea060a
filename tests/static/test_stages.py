"""The timed stages take the place of Triton's own, and change nothing about what it compiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import REPOSITORY

triton = pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

PROGRAM = """
import gc, json, sys, tempfile
from contextlib import nullcontext
from pathlib import Path
from triton import JITFunction, knobs
from triton.backends import backends
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.static.compile_case import CaseCompiler
from harness.static.stages import Stages
from harness.static.target import parse_target
from tests.static.cases import PLANTED, add

class Untimed(Stages):
    def active(self, backend):
        return nullcontext(self)

class Hooked(Stages):
    def active(self, backend):
        knobs.runtime.add_stages_inspection_hook = lambda *given: self._wrap(*given[1:3]) if given else ("", "")
        return nullcontext(self)

found, own = {}, backends["nvidia"].compiler
for way in (Untimed, Stages, Hooked):
    for function in gc.get_objects():
        if isinstance(function, JITFunction):
            function.device_caches.clear()
    folder = tempfile.mkdtemp(dir=sys.argv[1])
    knobs.cache.dir = f"{folder}/cache"
    stages = way(Path(folder))
    [binary] = CaseCompiler(parse_target("sm_90"), str(PLANTED), stages).compile(add()).binaries
    found[way.__name__] = {"entry": binary.cache_key, "code": binary.sha256, "timed": list(stages.seconds)}
assert backends["nvidia"].compiler is own
print(json.dumps(found))
"""


@cache
def found() -> dict[str, dict[str, object]]:
    """One kernel, compiled with Triton's own stages, with ours and by the hook: in one process, each anew."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = os.pathsep.join([".", *sys.path[1:]])
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, str(Path(folder))]
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_timed_stages_make_the_entry_of_the_disk_cache_that_a_measurement_looks_for() -> None:
    """Equal code under an equal key, and every stage has its time."""
    untimed, timed = found()["Untimed"], found()["Stages"]
    assert (timed["entry"], timed["code"]) == (untimed["entry"], untimed["code"]) and not untimed["timed"]
    assert timed["timed"] == ["ttir", "ttgir", "llir", "ptx", "cubin"]


@pytest.mark.skipif(triton.__version__ < "3.7", reason="Triton 3.6 asks the hook for no key")
def test_tritons_hook_still_moves_the_entry() -> None:
    """Fails once `knobs.runtime.add_stages_inspection_hook` leaves the key alone: `Stages.active` can be that hook."""
    assert found()["Hooked"]["code"] == found()["Untimed"]["code"] and found()["Hooked"]["timed"]
    assert found()["Hooked"]["entry"] != found()["Untimed"]["entry"]
