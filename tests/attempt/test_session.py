"""Whatever a kernel does to its process is one clear result, and the next attempt works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.attempt.attempts import Bench, Options
from harness.attempt.question import TryOptions
from harness.attempt.session import Session
from harness.attempt.watch import changes
from harness.store import Store
from harness.values.attempt import Attempt
from harness.values.measurement import Status
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")
HEAD = "import os, sys, time\nimport torch\n\n\ndef run(x, weight, scale, group, *, block_n: int = 64):\n"
RIGHT = f"""{HEAD}    low, high = (weight & 15).float() - 8, (weight >> 4).float() - 8
    values = torch.stack((low, high), -1).flatten(1) * scale.float().repeat_interleave(group, 1)
    return (x.float() @ values.T).to(x.dtype)
"""
SHAPE = {"n": 64, "k": 128, "group": 32}
LIMIT_S = 60.0
UNRULY = {
    "hangs": ("    time.sleep(600)\n", Status.TIMEOUT, "did not finish within 3 s (--limit)", True),
    "ends its process": ("    os._exit(7)\n", Status.FAILED, "ended with exit status 7", True),
    "faults": ("    import ctypes; ctypes.string_at(0)\n", Status.FAILED, "its process was killed by signal 11", True),
    "takes all memory": ("    return torch.empty(1 << 60)\n", Status.FAILED, "memory", True),
    "raises": ("    raise ValueError('tile too large')\n", Status.FAILED, "ValueError: tile too large", False),
    "speaks": ("    print('hello'); sys.stdout.flush(); return x\n", Status.INCORRECT, "shape", False),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("unruly")
    with Session(REPOSITORY / "kernels", limit_s=LIMIT_S) as session:
        yield Bench(Store(str(folder / "runs.sqlite")), session, Options(static=False, rounds=2, folder=folder / "try"))


def attempt(bench: Bench, path: Path, text: str) -> Attempt:
    path.write_text(text)
    return bench.attempt(TryOptions(str(path), op="int4_mm", shape=SHAPE, dtype="float32", against="none"))


@pytest.mark.parametrize("name", UNRULY)
def test_an_unruly_kernel_is_a_result_and_the_next_one_works(
    name: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process only where the old one is in doubt."""
    body, status, words, fresh = UNRULY[name]
    bench.session.greeting()
    before = bench.session.started
    if name == "hangs":  # what does not hang may take longer than 3 s where the machine is busy
        monkeypatch.setattr(bench.session, "limit_s", 3.0)
    found = attempt(bench, tmp_path / "mine.py", HEAD + body)
    monkeypatch.undo()
    assert found.measurement.status is status, found.measurement
    said = f"{found.measurement.reason} {found.diagnosis}"
    assert words in said
    again = attempt(bench, tmp_path / "mine.py", RIGHT)
    assert again.measurement.status is Status.OK, again.measurement
    assert len(again.measurement.samples) == 4
    assert bench.session.started - before == int(fresh)


def test_what_does_not_import_says_its_line(bench: Bench, tmp_path: Path) -> None:
    found = attempt(bench, tmp_path / "mine.py", "import no_such_module\n" + RIGHT)
    assert "mine.py:1: ModuleNotFoundError" in found.measurement.reason


def test_a_saved_file_is_tried_anew(bench: Bench, tmp_path: Path) -> None:
    """In the same process, under the same name: the new text is what runs."""
    path = tmp_path / "mine.py"
    assert attempt(bench, path, RIGHT).measurement.status is Status.OK
    wrong = attempt(bench, path, RIGHT.replace("- 8, (", "- 7, ("))
    assert wrong.measurement.status is Status.INCORRECT
    assert attempt(bench, path, RIGHT).measurement.status is Status.OK


def test_a_worker_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    from harness.errors import HarnessError

    with (
        Session(tmp_path / "nowhere") as session,
        pytest.raises(HarnessError, match=r"the worker could not start: .*not a folder of kernels"),
    ):
        session.greeting()


def test_a_save_is_seen_and_a_neighbours_too(tmp_path: Path) -> None:
    """Of the file itself: no new process. Of another module that it may import: a new one."""
    kernels, mine = tmp_path / "kernels", tmp_path / "here" / "mine.py"
    (kernels / "op").mkdir(parents=True)
    mine.parent.mkdir()
    mine.write_text("1")
    (kernels / "op" / "other.py").write_text("1")
    seen = changes(mine, kernels, sleep=0.01)
    assert next(seen) is False
    mine.write_text("22")
    assert next(seen) is False
    (kernels / "op" / "other.py").write_text("333")
    assert next(seen) is True
    mine.write_text("")  # a plain write empties the file first
    threading.Timer(0.3, mine.write_text, ["4444"]).start()
    assert next(seen) is False and mine.read_text() == "4444"


def test_ctrl_c_ends_it_and_leaves_no_process(tmp_path: Path) -> None:
    """While a kernel hangs: status 130, one word, and its worker is gone."""
    path = tmp_path / "mine.py"
    path.write_text(HEAD + f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)\n")
    command = [sys.executable, "-m", "harness", "try", str(path), "--op", "int4_mm", "--shape", "n=64,k=128"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HARNESS_STORE": str(tmp_path / "runs.sqlite")}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    assert (process.returncode, "stopped" in out, "Traceback" in error) == (130, True, False)
    worker = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{worker}").exists()


def test_watch_answers_every_save_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """A first answer, another one after a save, what is misspelt in between said; status 0 at the end."""
    path = tmp_path / "mine.py"
    path.write_text(RIGHT)
    command = [sys.executable, "-m", "harness", "try", "mine.py", "--shape", "n=64,k=128,group=32", "--watch"]
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "HARNESS_STORE": str(tmp_path / "runs.sqlite"),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    process = subprocess.Popen(
        [*command, "--against", "none", "--dtype", "float32"], cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None

    def answer() -> str:
        found = ""
        for line in process.stdout or ():
            if line.startswith("---"):
                return found
            found += line
        return found

    assert "correct" in answer()
    path.write_text(RIGHT.replace("def run(", "def walk("))
    assert "error:" in answer()
    path.write_text(RIGHT.replace("- 8, (", "- 7, ("))
    assert "INCORRECT" in answer()
    path.write_text(RIGHT + "# again")
    assert "correct" in answer()
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    process.stdout.close()
