"""`engine: command`: what a program prints, writes or takes, and every way in which it can fail."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from harness.errors import CaseFailed
from harness.outside import group
from harness.outside.engine import Found, TimedOut, opened
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.measurement import Status
from harness.values.outside import CommandEngine, Figure, OutsideEngine
from harness.values.run import Run
from harness.values.stage import TIMED
from tests.conftest import REPOSITORY

from .programs import program
from .test_http import is_alive

SUITE = """\
suite: 1
title: Two programs
engine:
  command:
    run: ./a.sh 3
    figures:
      rate: {read: regex, at: 'rate (\\S+)', unit: tok/s}
      size: {read: json, at: size, unit: MiB, file: out.json}
arms: {three: {}, again: {}, nine: {run: ./a.sh 9}, broken: {run: ./b.sh}}
"""


def found(
    folder: Path, run: str, *, check: bool = False, warmup: int = 0, repeat_s: float = 0, timeout_s: float = 60,
    **figures: Figure,
) -> Found:  # fmt: skip
    figures = figures or {"wall": Figure("wall")}
    engine = CommandEngine(run, figures, warmup=warmup, repeat_s=repeat_s, timeout_s=timeout_s)
    with opened(OutsideEngine(command=engine), folder) as measuring:
        return measuring.measure({}, check)


def measured(folder: Path, **options: object) -> Run:
    path = folder / "two.yaml"
    path.write_text(SUITE)
    suite, store = load_suite(path), Store(str(folder / "runs.sqlite"))
    asked = msgspec.convert({"stages": TIMED, **options}, Options)
    return store.load(Execution(suite, lambda _: expand(suite), store, asked, lambda *_: None).run())


def test_a_suite_of_programs_is_a_run(tmp_path: Path) -> None:
    """Each figure is a case of each arm; equal arms are measured once, and one that fails takes no other with it."""
    program(tmp_path / "a.sh", 'echo "rate $1"', 'echo "{\\"size\\": $1}" > out.json')
    program(tmp_path / "b.sh", "echo rate 5", "echo out of memory >&2", "exit 4")
    made = measured(tmp_path, processes=3)
    by_id = {m.case.id: m for m in made.measurements}
    assert list(by_id) == [f"{name}@command/{arm}" for arm in ("three", "nine", "broken") for name in ("rate", "size")]
    assert [s.value_us for s in by_id["rate@command/three"].samples] == pytest.approx([1e6 / 3] * 3)
    assert [(s.value_us, s.process) for s in by_id["size@command/nine"].samples] == [(9.0, 0), (9.0, 1), (9.0, 2)]
    assert by_id["size@command/nine"].case.unit == "MiB" and by_id["rate@command/nine"].case.unit == "us/tok"
    assert [case.same_as for case in made.planned if case.arm == "again"] == [
        "rate@command/three",
        "size@command/three",
    ]
    broken = by_id["rate@command/broken"]
    assert broken.status is Status.FAILED and "./b.sh ended with exit status 4: out of memory" in broken.reason
    assert made.state == "complete"


def test_a_check_runs_a_program_and_times_nothing(tmp_path: Path) -> None:
    """Its figures can be read, and are no samples."""
    program(tmp_path / "a.sh", "echo rate 5", "echo '{}' > out.json")
    program(tmp_path / "b.sh", "echo rate 5", 'echo "{\\"size\\": 2}" > out.json')
    made = measured(tmp_path, verify_only=True)
    status = {m.case.id: (m.status, m.samples) for m in made.measurements}
    assert status["rate@command/three"] == (Status.OK, ()) and status["size@command/broken"] == (Status.OK, ())
    assert status["size@command/three"][0] is Status.FAILED


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("exit 3", "./a.sh ended with exit status 3"),
        ("echo no device >&2; exit 3", "./a.sh ended with exit status 3: no device"),
        ("kill -SEGV $$", "./a.sh was killed by signal 11"),
        ("sleep 60", "./a.sh: still ran after 0.3 s, and was ended"),
        ("echo step 5; sleep 60", "and was ended; its last line: step 5"),
    ],
)
def test_a_program_that_fails_is_a_reason(lines: str, words: str, tmp_path: Path) -> None:
    program(tmp_path / "a.sh", lines)
    with pytest.raises(CaseFailed) as raised:
        found(tmp_path, "./a.sh", timeout_s=0.3)
    assert words in str(raised.value) and isinstance(raised.value, TimedOut) == ("sleep" in lines)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("./none 1", "./none: no such program"),
        ("none-of-this-name", "none-of-this-name: no such program"),
        ("./text", "./text: not executable"),
        ("./folder", "./folder: a folder"),
        ("./binary", "./binary: cannot be started: Exec format error"),
        ("./script", "./script: cannot be started: the interpreter that it names is not there (#!/nothing/here)"),
        ("./text\0", "no such program"),
        ("sh \0", "sh: cannot be started: embedded null byte"),
    ],
)
def test_what_is_no_program_is_a_reason(run: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\0\1\2")
    (tmp_path / "binary").chmod(0o755)
    program(tmp_path / "script").write_text("#!/nothing/here\n")
    with pytest.raises(CaseFailed) as raised:
        found(tmp_path, run)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("echo {}", "out.json: the program wrote no such file"),
        ("echo garbage > out.json", "out.json: is no JSON"),
        ("echo '{\"x\": 0}' > out.json", "0 is no figure; wanted a finite number above 0"),
        ("echo '{\"x\": -1}' > out.json", "-1 is no figure"),
        ("head -c 1000 /dev/urandom > out.json", "out.json: is no JSON"),
        ("mkdir out.json", "out.json: is no file"),
        ("mkfifo out.json", "out.json: is no file"),
    ],
)
def test_what_is_no_figure_is_a_reason_of_its_own(lines: str, words: str, tmp_path: Path) -> None:
    """The other figures of the same process are kept."""
    program(tmp_path / "a.sh", lines)
    values = found(tmp_path, "./a.sh", x=Figure("json", "x", "ms", "out.json"), wall=Figure("wall")).values
    assert words in str(values["x"]) and isinstance(values["wall"], list)


def test_a_figure_on_standard_error_is_said_to_be_there(tmp_path: Path) -> None:
    """`2>&1` by a shell is what the program's user has to add."""
    program(tmp_path / "a.sh", "echo rate 5 >&2")
    [said] = found(tmp_path, "./a.sh", rate=Figure("regex", "rate (.)", "tok/s")).values.values()
    assert str(said).endswith("it is empty; standard error, which is not read, ends with: rate 5")


def test_a_file_of_an_earlier_run_is_no_figure(tmp_path: Path) -> None:
    """It is left alone, and said to be old."""
    (tmp_path / "out.json").write_text('{"x": 1}')
    program(tmp_path / "a.sh", "true")
    figure = Figure("json", "x", "ms", "out.json")
    assert found(tmp_path, "./a.sh", x=figure).values == {"x": "out.json: was written before this run"}
    assert (tmp_path / "out.json").read_text() == '{"x": 1}'
    program(tmp_path / "a.sh", "echo '{\"x\": 2}' > out.json")
    assert found(tmp_path, "./a.sh", x=figure).values == {"x": [2000.0]}


def test_wall_time_and_memory_are_the_programs_own(tmp_path: Path) -> None:
    """The clock ends with the program, not a moment later; memory is known where it is more than this program's."""
    mib = 200 + (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
    hungry = f"{sys.executable} -S -c 'import time; time.sleep(0.15); x = bytes(1) * ({mib} << 20)'"
    values = found(tmp_path, hungry, wall=Figure("wall"), rss=Figure("rss")).values
    assert float(values["wall"][0]) >= 150_000 and mib <= float(values["rss"][0]) < mib + 100
    busy = f"{sys.executable} -S -c 'import time\nwhile time.process_time() < 0.2: pass'"
    values = found(tmp_path, busy, wall=Figure("wall"), cpu=Figure("cpu")).values
    assert 190_000 <= float(values["cpu"][0]) < 1.02 * float(values["wall"][0])
    program(tmp_path / "small.sh", "true")
    assert "rss: its peak is not above" in str(found(tmp_path, "./small.sh", rss=Figure("rss")).values["rss"])


def test_warmups_go_before_the_run_that_counts(tmp_path: Path) -> None:
    """A check has none."""
    program(tmp_path / "a.sh", "echo x >> runs", "echo n=$(wc -l < runs)")
    figure = Figure("regex", r"n=(\d+)", "ms")
    assert found(tmp_path, "./a.sh", warmup=2, n=figure).values == {"n": [3000.0]}
    assert found(tmp_path, "./a.sh", warmup=2, check=True, n=figure).values == {"n": [4000.0]}


def test_a_short_program_that_is_timed_runs_several_times(tmp_path: Path) -> None:
    """All of them are one process of the comparison; one that times itself runs once, and so does a check."""
    program(tmp_path / "a.sh", "echo x >> runs", "echo n=$(wc -l < runs) > out")
    n = Figure("regex", r"n=(\d+)", "us", "out")
    values = found(tmp_path, "./a.sh", repeat_s=60, wall=Figure("wall"), n=n).values
    assert len(values["wall"]) == 25 and values["n"] == [float(run) for run in range(1, 26)]
    assert found(tmp_path, "./a.sh", repeat_s=60, n=n).values == {"n": [26.0]}
    assert len(found(tmp_path, "./a.sh", repeat_s=60, check=True, wall=Figure("wall")).values["wall"]) == 1
    program(tmp_path / "a.sh", "echo x >> runs", "test $(wc -l < runs) -lt 30")
    with pytest.raises(CaseFailed, match="exit status 1"):
        found(tmp_path, "./a.sh", repeat_s=60)


def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    """After its own end, and after the time that it may take."""
    for lines, limit_s in (("exit 0", 60.0), ("sleep 60", 0.3)):
        program(tmp_path / "a.sh", "sleep 60 &", f"echo $! > {tmp_path}/pid", lines)
        try:
            found(tmp_path, "./a.sh", timeout_s=limit_s)
        except TimedOut:
            assert limit_s < 60
        assert not is_alive(int((tmp_path / "pid").read_text()))


def test_a_program_that_prints_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_PRINTED_BYTES", 1 << 20)
    monkeypatch.setattr(group, "LOOK_S", 0.05)
    program(tmp_path / "a.sh", "while true; do head -c 300000 /dev/zero; sleep 0.01; done")
    with pytest.raises(TimedOut, match="printed more than 1 MiB"):
        found(tmp_path, "./a.sh")


def test_programs_end_with_this_one_however_it_ends(tmp_path: Path) -> None:
    """Killed, it can end nobody: the guard does."""
    program(tmp_path / "a.sh", f"echo $$ > {tmp_path}/pid", "sleep 60")
    script = (
        "from pathlib import Path; from harness.outside.group import Group\n"
        f"with Group(['./a.sh'], Path({str(tmp_path)!r}), {{}}) as a: a.wait(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY)
    pid = tmp_path / "pid"
    while not (pid.is_file() and pid.read_text().strip()):
        assert parent.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)  # the program ran before its parent could tell the guard of it
    parent.kill()
    parent.wait()
    assert not is_alive(int(pid.read_text()))
