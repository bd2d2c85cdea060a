"""`engine: http`: servers that stream completions, asked by one and more clients."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.errors import CaseFailed
from harness.outside.engine import Found, TimedOut, opened
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.measurement import Status
from harness.values.outside import HttpEngine, OutsideEngine
from harness.values.run import Run
from harness.values.stage import TIMED

from .server import Stub, serving

STUB = Path(__file__).with_name("server.py")
SUITE = """\
suite: 1
title: Two servers
engine: {{http: {{prompt_tokens: 6, new_tokens: 4, requests: 2, concurrency: [1, 2]}}}}
arms:
  old: {{url: "{old}"}}
  new: {{url: "{new}"}}
"""


def found(stub: Stub, folder: Path, clients: int = 1, **more: object) -> Found:
    settings: dict[str, object] = {"prompt_tokens": 6, "new_tokens": 8, "requests": 2, **more}
    with opened(OutsideEngine(http=HttpEngine(stub.url, **settings)), folder) as measuring:  # type: ignore[arg-type]
        return measuring.measure({"concurrency": clients}, check=False)


def run(text: str, folder: Path) -> Run:
    path = folder / "servers.yaml"
    path.write_text(text)
    suite, store = load_suite(path), Store(str(folder / "runs.sqlite"))
    options = Options(stages=TIMED)
    return store.load(Execution(suite, lambda _: expand(suite), store, options, lambda *_: None).run())


def test_planted_delays_are_found(tmp_path: Path) -> None:
    """First token after 40 ms, each later one after 10: what begins with the request is never below what was planted,
    whatever the load, and the time between tokens is the rest of it."""
    with serving(0.04, 0.01) as stub:
        values = found(stub, tmp_path).values
    assert len(values["ttft"]) == len(values["tpot"]) == len(values["request"]) == 2 and len(values["total"]) == 1
    least = {"ttft": 40_000, "request": (40_000 + 7 * 10_000) / 8, "total": (40_000 + 7 * 10_000) / 8}
    for name, us in least.items():
        assert all(us * 0.99 <= float(value) < us * 10 for value in values[name]), (name, values)
    for ttft, tpot, request in zip(values["ttft"], values["tpot"], values["request"], strict=True):
        assert float(ttft) + 7 * float(tpot) == pytest.approx(8 * float(request))


def test_clients_ask_at_once(tmp_path: Path) -> None:
    """Four of them make four times the tokens in the time of one: `total` falls, a request's own time does not."""
    with serving(0.02, 0.005) as stub:
        one, four = found(stub, tmp_path), found(stub, tmp_path, clients=4)
        assert stub.most_at_once == 4 and len(four.values["tpot"]) == 8
    assert float(four.values["total"][0]) < 0.6 * float(one.values["total"][0])
    assert min(map(float, four.values["request"])) >= 0.99 * (20_000 + 7 * 5_000) / 8


def test_a_request_says_all_that_fixes_the_work(tmp_path: Path) -> None:
    """Token ids, their number, no end of text, no sampling; a warm-up of each client goes before."""
    with serving(0.001, 0.001) as stub:
        found(stub, tmp_path, clients=3)
        assert len(stub.asked) == 3 + 3 * 2
        asked = stub.asked[0]
    assert asked["max_tokens"] == 8 and asked["ignore_eos"] is True and asked["temperature"] == 0 and asked["stream"]
    assert len(asked["prompt"]) == 6 and all(isinstance(token, int) for token in asked["prompt"])


def test_no_two_prompts_begin_alike_unless_it_is_declared(tmp_path: Path) -> None:
    """Recorded ids come from a file; a prefix cache knows none of the prompts, or all of them."""
    (tmp_path / "ids.json").write_text(str([[*range(100, 200)]]))
    with serving(0.001, 0.001) as stub:
        found(stub, tmp_path, prompt_tokens=40, tokens="ids.json")
        prompts = [asked["prompt"] for asked in stub.asked]
        assert len({tuple(prompt[:8]) for prompt in prompts}) == len(prompts) == 3
        assert {tuple(prompt[8:]) for prompt in prompts} == {tuple(range(108, 140))}
        stub.asked.clear()
        found(stub, tmp_path, prompt_tokens=40, tokens="ids.json", prefix_cache="kept")
        assert [asked["prompt"] for asked in stub.asked] == [[*range(100, 140)]] * 3
        stub.asked.clear()
        found(stub, tmp_path, prompts="text")
        assert all(len(asked["prompt"].split()) == 6 for asked in stub.asked)
        with pytest.raises(CaseFailed, match="has 100 token ids; prompt_tokens: 400"):
            found(stub, tmp_path, prompt_tokens=400, tokens="ids.json")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("error", r"answered 400 .*prompt must be a string"),
        ("short", r"7 of 8 tokens came: the model ended its text"),
        ("garbage", r"is no completion: <html>"),
        ("cut", r"IncompleteRead|the connection was closed|ended without \[DONE\]"),
        ("silent", r"stopped answering: nothing for 0.3 s"),
        ("unhealthy", r"/health: 404 Not Found; is the server running\?"),
        ("no http", r"/health: BadStatusLine: SSH-2.0-OpenSSH_9.2; is the server running\?"),
        ("busy", r"answered 429 Too Many Requests: .*too many requests"),
        ("moved", r"answered 307 Temporary Redirect: see http://elsewhere"),
        ("whole", r'answered application/json, no stream of completions: \{"choices'),
        ("empty", r"answered text/event-stream, no stream of completions: it is empty"),
        ("list", r"is no completion: .*\[1, 2\]"),
        ("usage", r"is no completion: .*7"),
        ("chat", r"no part of the stream has a text"),
        ("overloaded", r"overloaded"),
        ("more", r"9 of 8 tokens came: the server does not keep to max_tokens"),
        ("endless", r"goes on after 81 parts; asked for 8 tokens"),
        ("pings", r"stopped answering: nothing for 0.3 s"),
    ],
)
def test_a_server_that_misbehaves_is_a_reason(how: str, words: str, tmp_path: Path) -> None:
    with serving(0.001, 0.001, how) as stub, pytest.raises(CaseFailed, match=words) as raised:
        found(stub, tmp_path, timeout_s=0.3)
    assert isinstance(raised.value, TimedOut) == (how in ("silent", "pings"))


@pytest.mark.parametrize("how", ["cut characters", "closes", "stays open", "hangs up"])
def test_a_server_may_stream_in_its_own_way(how: str, tmp_path: Path) -> None:
    """Characters that are cut between parts, no count of tokens; an answer that ends with its connection, or not at
    all; a kept connection that is closed before the next request."""
    with serving(0.002, 0.001, how) as stub:
        values = found(stub, tmp_path, timeout_s=20).values
    assert all(len(values[name]) == 2 for name in ("ttft", "tpot"))
    assert all(float(value) > 0 for value in values["tpot"])


@pytest.mark.parametrize(
    "url", ["https://here", "http://", "http://here:port", "http://here:99999", "http://[::1", "x"]
)
def test_what_is_no_address_is_a_reason(url: str, tmp_path: Path) -> None:
    engine = OutsideEngine(http=HttpEngine(url))
    with pytest.raises(CaseFailed, match=r"wanted http://HOST:PORT"), opened(engine, tmp_path):
        pass


def test_no_proxy_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(0.001, 0.001) as stub:
        assert len(found(stub, tmp_path).values["ttft"]) == 2


def test_a_server_may_end_its_streams_as_transformers_does(tmp_path: Path) -> None:
    """`transformers serve`: an empty part with the reason why the text ends, no [DONE]. That part is no token: the last
    one came before it."""
    with serving(0.001, 0.001, "finishes") as stub:
        values = found(stub, tmp_path).values
    assert all(len(values[name]) == 2 for name in ("ttft", "tpot"))


def test_a_field_that_a_server_refuses_is_left_out(tmp_path: Path) -> None:
    with serving(0.001, 0.001, "strict") as stub:
        with pytest.raises(CaseFailed, match=r"answered 422 .*Unexpected fields in the request: ignore_eos"):
            found(stub, tmp_path)
        assert len(found(stub, tmp_path, ignore_eos=False).values["ttft"]) == 2
        assert "ignore_eos" not in stub.asked[-1]


def test_what_was_measured_before_a_failure_is_kept(tmp_path: Path) -> None:
    """One server answers, the other one is not there: eight figures, eight rows with a reason, one run."""
    with serving(0.002, 0.001) as stub:
        made = run(SUITE.format(old=stub.url, new="http://127.0.0.1:9"), tmp_path)
    status = {(m.case.arm, m.status) for m in made.measurements}
    assert status == {("old", Status.OK), ("new", Status.FAILED)} and len(made.measurements) == 16
    assert all("127.0.0.1:9/health: " in m.reason for m in made.measurements if m.case.arm == "new")
    ids = [m.case.id for m in made.measurements if m.case.arm == "old"]
    assert ids[0] == "ttft@http/context=6,new_tokens=4,concurrency=1/old" and len(ids) == 8
    assert made.environment is not None and made.environment.torch == ""


def test_joules_that_are_asked_for_are_said_to_be_unknown(tmp_path: Path) -> None:
    """Of each figure, in the run: no report shows an empty cell where somebody asked."""
    with serving(0.001, 0.001) as stub:
        path = tmp_path / "servers.yaml"
        path.write_text(SUITE.format(old=stub.url, new=stub.url))
        suite, store = load_suite(path), Store(str(tmp_path / "runs.sqlite"))
        options = Options(stages=TIMED, energy=True)
        made = store.load(Execution(suite, lambda _: expand(suite), store, options, lambda *_: None).run())
    assert {m.no_energy for m in made.measurements} == {"the joules of external programs are measured on a GPU alone"}


def test_a_server_is_started_and_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """It answers on a free port; afterwards neither it nor its child is there."""
    children = tmp_path / "pids"
    start = f"sh -c 'sleep 60 & echo $! > {children}; exec {sys.executable} -S {STUB} {{port}} 0.002 0.001'"
    arms = f"  started: {{start: {start!r}}}\n"
    text = SUITE.format(old="", new="").split("arms:")[0] + "arms:\n" + arms
    made = run(text, tmp_path)
    assert [m.status for m in made.measurements] == [Status.OK] * 8, made.measurements[0].reason
    assert not is_alive(int(children.read_text()))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("sh -c 'echo no memory >&2; exit 3'", "ended before it was ready: sh ended with exit status 3: no memory"),
        ("nothing-of-this-name", "nothing-of-this-name: no such program"),
        ("sleep 60", "/health: not ready after 0.3 s"),
    ],
)
def test_a_server_that_does_not_start_is_a_reason(start: str, words: str, tmp_path: Path) -> None:
    engine = OutsideEngine(http=HttpEngine(start=start, start_limit_s=0.3))
    with pytest.raises(CaseFailed) as raised, opened(engine, tmp_path):
        pass
    assert words in str(raised.value)


def test_a_server_that_ends_while_it_is_asked_is_named(tmp_path: Path) -> None:
    """Its own last words, not the client's."""
    start = f"{sys.executable} -S {STUB} {{port}} 0.001 0.001 dies"
    engine = OutsideEngine(http=HttpEngine(start=start, prompt_tokens=4, new_tokens=4))
    words = r"the server ended: .*exit status 9: no memory"
    with opened(engine, tmp_path) as measuring, pytest.raises(CaseFailed, match=words):
        measuring.measure({"concurrency": 1}, check=False)


def is_alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            return False
        time.sleep(0.02)
    return True
