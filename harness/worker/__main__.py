"""The main function of every worker: `python -P -m harness.worker FD [MODULE]`.

FD is the worker's end of the wire. MODULE is imported before the worker learns which service it runs.
"""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from harness import kernels_root
from harness.errors import HarnessError
from harness.worker.importing import importing
from harness.worker.messages import Boot, Refused
from harness.worker.wire import Wire

POLL_S = 1.0


def main(fd: int, *imports: str) -> None:
    """Boot, then serve until the parent has no more jobs."""
    os.set_inheritable(fd, False)  # the wire is not for what a kernel starts
    for name in imports:
        importlib.import_module(name)
    wire = Wire(Connection(fd))
    try:
        boot: Boot = wire.receive(Boot)
    except EOFError:  # it was launched ahead, and nobody took it
        return
    if not boot.forks:
        end_with_parent()
    if boot.interpret != "as_told":
        os.environ.pop("TRITON_INTERPRET", None)
    status = 0
    try:
        if boot.kernels_root:
            kernels_root.bind(Path(boot.kernels_root))
        with importing():
            service = importlib.import_module(boot.service)
        sys.path.insert(0, boot.tree)  # torch and the harness are imported already, whatever the tree has by that name
        service.serve(wire, boot)
    except HarnessError as error:
        print(error, file=sys.stderr)
        status = int(error.exit_status)
        wire.send(Refused(str(error), status))
    except EOFError:  # the parent has no more jobs
        pass
    _end(status)


def end_with_parent() -> None:
    """Make this process die within about a second of its parent, whatever it is doing.

    Without a parent it has nobody to answer, and may hold a GPU for minutes. It polls the system once a second, because
    Linux' own signal fires when the thread that started the process ends, not the parent.
    """
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _end(status: int) -> None:
    """Run the registered exit functions and exit at once. Tearing down torch's modules costs a third of importing them,
    and the next process waits for it."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
