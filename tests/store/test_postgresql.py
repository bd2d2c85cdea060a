"""A team's store in a real PostgreSQL server: the same values, roles, restarts, and no password anywhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harness.errors import HarnessError
from harness.store import Store, database, export_run
from harness.store.copying import copy
from harness.values.run import Run
from tests.store.older import as_version_2, as_version_3
from tests.store.postgresql import PASSWORD, QUOTED, Server, server
from tests.store.pushing import push_all
from tests.store.test_exchange import RUNS
from tests.store.test_points import everything, filled, without_ids
from tests.store.test_store import measured, run

pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture
def team(postgres: Server) -> Server:
    """With an empty store."""
    postgres.empty()
    assert database.create(database.read_url(postgres.url()))
    return postgres


def test_a_database_without_a_store_says_what_makes_one(postgres: Server) -> None:
    postgres.empty()
    with pytest.raises(HarnessError, match=r"no run store yet; `harness store create --store URL` makes one") as error:
        Store(postgres.url())
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert PASSWORD not in str(error.value) and QUOTED not in str(error.value)


def test_first_openers_at_once_agree(postgres: Server) -> None:
    """`CREATE TABLE IF NOT EXISTS` is no lock; eight at once, four times."""
    for _ in range(4):
        postgres.empty()
        made: list[object] = []
        start = threading.Barrier(8)

        def open_first(made: list[object] = made, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                made.append(database.create(database.read_url(postgres.url())))
            except HarnessError as error:
                made.append(error)

        threads = [threading.Thread(target=open_first) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, made)) == ["False"] * 7 + ["True"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(RUNS)
def test_both_databases_give_the_same_run(tmp_path_factory: pytest.TempPathFactory, team: Server, before: Run) -> None:
    """To the byte of its export; what one refuses, the other refuses."""
    folder = tmp_path_factory.mktemp("both")
    found: list[bytes | str] = []
    for number, location in enumerate((str(folder / "runs.sqlite"), team.url())):
        store = Store(location)
        identity = f"u{time.monotonic_ns()}"
        try:
            loaded = store.load(store.add_run(before, identity))
        except HarnessError:
            found.append("refused")
            continue
        finally:
            store.close()
        export_run(Run(**{**{f: getattr(loaded, f) for f in loaded.__struct_fields__}, "id": ""}), "u",
                   folder / f"{number}.json")  # fmt: skip
        found.append((folder / f"{number}.json").read_bytes())
    assert found[0] == found[1]


def test_roles_do_what_they_may(team: Server) -> None:
    """A reader reads, a writer writes, and neither needs to own or make a table."""
    for role, grants in (("reader", "SELECT"), ("writer", "SELECT, INSERT, UPDATE")):
        team.sql(f"DROP ROLE IF EXISTS {role}_x")
        team.sql(f"CREATE ROLE {role}_x LOGIN PASSWORD 'x'")
        team.sql(f"GRANT USAGE ON SCHEMA public TO {role}_x")
        team.sql(f"GRANT {grants} ON ALL TABLES IN SCHEMA public TO {role}_x")
    team.sql("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO writer_x")
    writer, reader = Store(team.url("writer_x", "x")), Store(team.url("reader_x", "x"))
    number = writer.begin(run())
    writer.add_measurement(number, 0, measured())
    writer.finish(number, "complete")
    assert reader.load("last").measurements == Store(team.url()).load("last").measurements
    assert len(reader.runs()) == 1
    with pytest.raises(HarnessError, match="permission denied for table runs"):
        reader.begin(run())
    for role in ("reader", "writer"):
        team.sql(f"DROP OWNED BY {role}_x")
        team.sql(f"DROP ROLE {role}_x")


def test_a_read_only_server_is_read(team: Server) -> None:
    """As a hot standby is."""
    Store(team.url()).add_run(run(state="complete"), "u")
    team.sql("ALTER DATABASE history SET default_transaction_read_only = on")
    try:
        store = Store(team.url())
        assert store.load("last").state == "complete"
        with pytest.raises(HarnessError, match="read-only transaction"):
            store.begin(run())
    finally:
        team.sql("ALTER DATABASE history RESET default_transaction_read_only", database="postgres")


def test_a_server_that_restarts_between_two_cases_loses_none(team: Server) -> None:
    """The connection that it closed is noticed before the next row, not by it."""
    store = Store(team.url())
    number = store.begin(run())
    store.add_measurement(number, 0, measured("a"))
    team.stop()
    with pytest.raises(HarnessError) as away:
        store.add_measurement(number, 0, measured("lost"))
    assert "\n" not in str(away.value) and QUOTED not in str(away.value)
    team.start()
    store.add_measurement(number, 0, measured("b"))
    assert len(store.load(number).measurements) == 2


def test_a_mute_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and says nothing."""
    monkeypatch.setattr(database, "CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(HarnessError, match="not a run store"):
        Store(f"postgresql://team:x@127.0.0.1:{mute.getsockname()[1]}/history")


def test_names_of_any_length_and_script_are_kept(team: Server, tmp_path: Path) -> None:
    """A NUL, which the server cannot keep, is refused in one line, by a file too."""
    store = Store(team.url())
    long = run(suite="s" * 2000, note="\u202eπ\x1b[31m", state="complete")
    assert store.load(store.add_run(long, "u" * 90)).suite == long.suite
    for one in (store, Store(str(tmp_path / "runs.sqlite"))):
        with pytest.raises(HarnessError, match="it contains a NUL; remove it"):
            one.add_run(run(suite="a\0"), "v")


def test_a_run_that_the_server_refuses_keeps_no_other_back(team: Server, tmp_path: Path) -> None:
    """PostgreSQL indexes no text that does not compress below 8 KB; it would stop every later push, too."""
    store, long = Store(str(tmp_path / "runs.sqlite")), "".join(chr(0x4E00 + 7919 * n % 20_000) for n in range(9000))
    for number, suite in enumerate(("first", long, "third")):
        store.add_run(run(suite=suite, measurements=(measured("a"),), state="complete"), f"u{number}")
    for copied in (2, 0):
        done = copy(store, Store(team.url()))
        assert (done.runs, done.there, len(done.refused)) == (copied, 2 - copied, 1)
        assert done.refused[0].startswith("run 2: ") and "index row" in done.refused[0]
    assert [one.suite for one in Store(team.url()).runs()] == ["first", "third"]


@pytest.mark.slow
def test_eight_writers_one_killed_and_a_restart_lose_nothing(team: Server, tmp_path: Path) -> None:
    """All pushes begin, one is killed, the server restarts, and everybody pushes again: each run is there once, whole,
    as a reader says that knows nothing of this program."""

    def restart() -> None:
        team.stop()
        team.start()

    for said in push_all(team.url(), tmp_path, restart):
        assert "Traceback" not in said and QUOTED not in said
    assert team.sql("SELECT count(*), count(DISTINCT uuid) FROM runs") == [(48, 48)]
    assert team.sql("SELECT min(n), max(n) FROM (SELECT count(*) n FROM measurements GROUP BY run) x") == [(4, 4)]


def test_a_team_that_is_away_costs_a_line_and_no_run(team: Server, tmp_path: Path) -> None:
    """What was measured stays in the local file, and arrives when the server is back."""
    local = Store(str(tmp_path / "runs.sqlite"))
    local.add_run(run(state="complete"), "u")
    shared = Store(team.url())
    team.stop()
    with pytest.raises(HarnessError) as away:
        copy(local, shared)
    assert "\n" not in str(away.value) and len(local.runs()) == 1
    team.start()
    assert copy(local, shared).runs == 1 and copy(local, shared).there == 1


def test_points_are_the_same_in_both_databases(team: Server, tmp_path: Path) -> None:
    """Imported, pushed, and made anew by an upgrade."""
    local, shared = filled(Store(str(tmp_path / "runs.sqlite"))), filled(Store(team.url()))
    assert everything(local) == everything(shared)
    as_version_3(database.open_engine(database.read_url(team.url())))
    database.upgrade(database.read_url(team.url()))
    upgraded = Store(team.url())
    assert everything(local) == everything(upgraded) and local.runs() == upgraded.runs()
    team.empty()
    database.create(database.read_url(team.url()))
    copy(local, Store(team.url()))
    assert without_ids(everything(Store(team.url()))) == without_ids(everything(local))


def test_a_store_of_version_2_is_upgraded_where_it_lies(team: Server) -> None:
    """Its names had greatest lengths, and its version no key."""
    Store(team.url()).add_run(run(state="complete"), "u")
    as_version_2(database.open_engine(database.read_url(team.url())))
    team.sql("ALTER TABLE runs ALTER COLUMN suite TYPE VARCHAR(200)")
    with pytest.raises(HarnessError, match=r"store version 2, this program reads .*: `harness store upgrade`"):
        Store(team.url())
    assert database.upgrade(database.read_url(team.url())) == (2, None)
    store = Store(team.url())
    assert store.load("last").state == "complete"
    assert store.load(store.add_run(run(suite="s" * 300), "v")).suite == "s" * 300
