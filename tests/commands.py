"""Commands of `harness` as processes of their own that need not import it: forked from one that did so once.

Each has its own folder, environment, standard streams and exit status, as when it is typed; what it starts is started
anew. Run as a program, this module is what they are forked from.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
IMPORTED = (
    "harness.cli.main", "harness.cli.execute", "harness.cli.compare_live", "harness.store", "harness.suite.load",
    "harness.plan", "harness.runner.execute", "harness.runner.live_sides", "harness.runner.calibrate",
    "harness.compare.explain", "harness.history.reading", "harness.attempt.session", "harness.sweep",
    "harness.bisect.live", "harness_reports.formats.console", "harness_reports.documents.stored",
    "harness_reports.documents.comparisons", "harness_reports.pages.comparison",
)  # fmt: skip
"""What commands import late: nothing of torch."""


_running: list[subprocess.Popen[bytes]] = []


class Ended(NamedTuple):
    status: int
    out: str
    err: str


def harness(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, finds_folder: bool = True
) -> Ended:
    """`harness ...` in a folder. environment: the whole of it; the one here when left out. finds_folder: its modules
    are importable, as with `python -m`."""
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        asked = {
            "folder": str(folder),
            "arguments": arguments,
            "environment": dict(os.environ if environment is None else environment),
            "finds_folder": finds_folder,
        }
        server = _server(os.getpid())
        payload = json.dumps(asked).encode()
        socket.send_fds(server, [len(payload).to_bytes(8, "big")], [out.fileno(), err.fileno()])
        server.sendall(payload)
        status = int.from_bytes(_received(server, 8), "big", signed=True)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return Ended(status, *texts)


@cache
def _server(process: int) -> socket.socket:
    """Of this process; it ends with it, as its socket closes."""
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "tests.commands", str(theirs.fileno())]
    _running.append(
        subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), env=environment, cwd=REPOSITORY, stdin=subprocess.DEVNULL
        )
    )
    theirs.close()
    return ours


def _received(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def serve(connection: socket.socket) -> None:
    """Until the other end is closed."""
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    assert "torch" not in sys.modules
    while True:
        size, streams, _, _ = socket.recv_fds(connection, 8, 2)
        if not size:
            return
        asked = json.loads(_received(connection, int.from_bytes(size, "big")))
        process = os.fork()
        if process == 0:
            connection.close()
            _become(asked, streams)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(process, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _become(asked: dict[str, object], streams: list[int]) -> None:
    """The command, from its first line to its exit status. Never returns."""
    import atexit
    import random
    import threading
    import traceback

    for number, stream in zip((1, 2), streams, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    folder, arguments, environment = (asked[name] for name in ("folder", "arguments", "environment"))
    assert isinstance(folder, str) and isinstance(arguments, list) and isinstance(environment, dict)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    paths = [*([folder] if asked["finds_folder"] else []), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    random.seed()
    sys.modules["__main__"].__package__ = "harness"  # by which usage names the program
    sys.argv = [str(REPOSITORY / "harness" / "__main__.py"), *arguments]
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    status = 1
    try:
        from harness.cli.main import main

        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
