"""A PostgreSQL server of the tests' own, on loopback, that they may stop and start."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "s3cret/with@signs"
"""Of the owner's role; quoted in a URL."""
QUOTED = "s3cret%2Fwith%40signs"


class Server:
    """initdb'ed in a temporary folder; owner `team` with a password, database `history`."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            for path in (folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._run(
            "initdb", "--pgdata", str(folder / "data"), "--username", "team", "--pwfile", str(password),
            "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C",
        )  # fmt: skip
        self.start()
        self.sql("CREATE DATABASE history", database="postgres")

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c shared_buffers=16MB"
        log = str(self.folder / "log")
        self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "-o", options, "-l", log, "-w", "-t", "120", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def url(self, role: str = "team", password: str = QUOTED, database: str = "history") -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "history") -> list[tuple[object, ...]]:
        """By psycopg alone: a reader that knows nothing of this program."""
        import psycopg

        with psycopg.connect(self.url(database=database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def empty(self) -> None:
        """As after `createdb`."""
        self.sql("DROP SCHEMA public CASCADE")
        self.sql("CREATE SCHEMA public")

    def _run(self, program: str, *arguments: str) -> None:
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_postgres, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def server() -> Iterator[Server]:
    """Skips where no server is installed, unless HARNESS_REQUIRE_POSTGRES is set."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True), shutil.which("initdb")]
    initdb = next((Path(path) for path in found if path), None)
    if initdb is None:
        assert not os.environ.get("HARNESS_REQUIRE_POSTGRES"), "no PostgreSQL server here: nox -s postgres"
        pytest.skip("no PostgreSQL server is installed: nox -s postgres")
    with tempfile.TemporaryDirectory(prefix="harness-postgres-", ignore_cleanup_errors=True) as name:
        running = Server(initdb.parent, Path(name))
        try:
            yield running
        finally:
            running.stop()
