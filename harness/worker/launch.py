"""A worker's process from launch to end: it waits for its `Boot`, so it can be launched before its service is known."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from harness.secrets import withheld
from harness.worker.wire import wire_pair


def worker_environment() -> dict[str, str]:
    """The environment in which another process finds this harness, but nothing else beside it.

    Needed for a checkout that nobody installed. The interpreter of an installed harness finds it anyway.
    """
    return reaching_harness(withheld(os.environ))


def reaching_harness(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with this harness' checkout on PYTHONPATH where it is not installed."""
    home = Path(__file__).resolve().parent.parent.parent
    if home.name in ("site-packages", "dist-packages"):
        return dict(environment)
    inherited = environment.get("PYTHONPATH", "")
    return {**environment, "PYTHONPATH": f"{home}{os.pathsep}{inherited}" if inherited else str(home)}


class Launched:
    """A running process, its wire and its output. Raises OSError where there is no such interpreter."""

    def __init__(
        self, tree: Path | None = None, python: str = sys.executable, own_session: bool = False,
        environment: Mapping[str, str] | None = None, imports: str = "",
    ) -> None:  # fmt: skip
        """tree: working folder of the process; left out: the current folder. own_session: Ctrl-C reaches the parent
        alone, which then ends the worker. imports: a module to import before the worker learns which service it
        runs."""
        self.stderr = tempfile.TemporaryFile("a+b")  # noqa: SIM115  closed with the process
        self.wire, theirs = wire_pair()
        arguments = [str(theirs.fileno()), *filter(None, [imports])]
        try:
            self.process = subprocess.Popen(
                [python, "-P", "-m", "harness.worker", *arguments], pass_fds=(theirs.fileno(),), cwd=tree,
                stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr, start_new_session=own_session,
                env=worker_environment() if environment is None else environment,
            )  # fmt: skip
        except OSError:
            self.stderr.close()
            raise
        finally:
            theirs.close()

    def kill(self) -> None:
        """Kill the process if it still runs. Its output stays readable until `close`."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self.wire.close()
        self.stderr.close()


class Ahead:
    """A worker that imports torch, which takes seconds, while its parent reads the suite or ends another worker.

    It is taken once, in the folder where it was launched. If nobody took it, it is killed when the `with` block ends.
    """

    def __init__(self, own_session: bool = False, launched: bool = True) -> None:
        """launched: start at once; False: `launch` starts it."""
        self._own_session = own_session
        self._launched: Launched | None = None
        if launched:
            self.launch()

    def launch(self) -> None:
        """Start another one, unless one waits."""
        self._launched = self._launched or Launched(own_session=self._own_session, imports="torch")

    def take(self) -> Launched | None:
        """Return the waiting one; None where none waits."""
        launched, self._launched = self._launched, None
        return launched

    def close(self) -> None:
        untaken = self.take()
        if untaken is not None:
            untaken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
