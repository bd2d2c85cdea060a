"""Each case's closure in a process that ran several: by the plan that it was given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from harness.values.closure import Closure
from tests.conftest import REPOSITORY
from tests.paired import places

SCRIPT = """
import sys
from contextlib import suppress
from pathlib import Path
import msgspec
from harness import kernels_root
from harness.errors import HarnessError
from harness.observe.audit import Observer
from harness.observe.cases import closures
from harness.plan import expand
from harness.load_kernels import load_variant, loaded_variants
from harness.suite.load import load_suite
tree = Path(sys.argv[1])
suite = load_suite(tree / "suites" / "places.yaml")
kernels_root.bind(Path(suite.kernels_root))
plan = expand(suite)
observer = Observer(tree)
observer.start()
for case in plan.cases:
    with suppress(HarnessError):
        load_variant(case.op, case.answer.variant, tree / "suites")
observer.stop()
found = closures(observer, plan, plan.cases, loaded_variants())
sys.stdout.buffer.write(msgspec.json.encode({case.arm: found[case.id] for case in plan.cases}))
"""
BROKEN = "TIMES = int((HERE / 'b.txt').read_text())\nraise RuntimeError"


def test_a_variant_whose_import_fails_is_of_its_own_case_alone(tmp_path: Path) -> None:
    """It is opened for all to see, and no variant comes of it."""
    chosen = {"broken": places.Place(BROKEN, "suites/lib/b.txt", "{}\n"), "text": places.PLACES["text"]}
    found = []
    for side, times in (("base", 1), ("head", 10)):
        tree = tmp_path / side
        places.write(tree, times, chosen, places.NO_PRODUCT)
        with (tree / "suites" / "lib" / "broken.py").open("a") as variant:
            variant.write(f"TIMES = {times}\n")
        (tree / "suites" / "places.yaml").write_text(places.suite(chosen))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-P", "-c", SCRIPT, tree]
        run = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr.decode()
        found.append(msgspec.json.decode(run.stdout, type=dict[str, Closure]))
    base, head = found
    assert base["control"].proves_same(head["control"])
    assert base["text"].differences(head["text"]) == ("suites/lib/times.txt",)
    assert base["broken"].differences(head["broken"]) == ("suites/lib/b.txt", "suites/lib/broken.py")
