"""`harness serve`: pages of a live store, for a browser on this machine and for nobody else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import site_server
from harness.cli.main import app
from harness.cli.site import write_site
from harness.store import Store
from tests.reports.run_factory import synthetic_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "runs.sqlite"))
    made.add_run(synthetic_run(1), "first")
    return made


@pytest.fixture
def port(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that looks at the store each time."""
    monkeypatch.setattr(site_server, "LEAST_S", 0.0)
    pages = site_server.Pages(tmp_path / "pages", partial(write_site, store, None))
    pages.fresh()
    (tmp_path / "secret.html").write_text("not a page")
    with site_server.serve(pages, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, host: str = "", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_browser_here_sees_the_store_grow(port: int, store: Store) -> None:
    status, text = ask(port, "/")
    assert status == 200 and "run 1" in text and "run 2" not in text
    store.add_run(synthetic_run(1), "second")
    assert "run 2" in ask(port, "/")[1]
    assert ask(port, "/runs/2.html", f"localhost:{port}")[0] == 200


def test_another_name_reads_nothing(port: int) -> None:
    """A site whose name was pointed at this machine, a folder above the pages, a list of files, and writing."""
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", f"127.0.0.1:{port + 1}", "::1"):
        for path in ("/", "/runs/1.html"):
            status, text = ask(port, path, host)
            assert status == 421 and "run 1" not in text
    for path in ("/../secret.html", "/%2e%2e/secret.html", "/runs/", "/nothing.html", "/runs/1.html%00"):
        assert ask(port, path)[0] == 404
    assert ask(port, "/", method="POST")[0] == 501


def test_the_command_says_where_and_ends_by_interrupt(
    store: Store, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A port that is taken is one line."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    command = ["serve", "--store", str(store.file), "--port"]
    assert f"--port {port}: cannot be opened: Address already in use" in str(
        CliRunner().invoke(app, [*command, str(port)]).exception
    )
    with monkeypatch.context() as patched:
        patched.setattr(site_server.ThreadingHTTPServer, "serve_forever", interrupted)
        done = CliRunner().invoke(app, [*command, "0"])
    assert done.exit_code == 0 and "http://127.0.0.1:" in done.output and str(store.file) in done.output
