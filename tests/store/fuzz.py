"""Mutants of an exported run and of a store's file, each read as a user reads it: an error of one line, or it is shown.

A mutant is made by its number alone, so that one that breaks something is found again.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from harness.compare.history import history
from harness.errors import HarnessError
from harness.store import Store, read_exported
from harness.store.checking import check
from harness.store.copying import copy as copy_runs
from harness_reports.documents.runs import run_text
from harness_reports.documents.stored import history_text
from harness_reports.pages import markdown
from harness_reports.pages.terminal import render
from harness_reports.pages.write import write
from harness_reports.views.history_view import trends_of_points
from harness_reports.views.view import build
from tests.store.test_hostile import ODD, _keys, _small

ODD_BYTES = (b"\x00", b"\xff\xfe", b"\xf0\x9f", b"NaN", b"1e999", b"[" * 3000, b'"\\ud800"', b"-0", b"{}", b"\x1b[2J")
WRITES_PAGES = 16
"""Every so many of what is shown: pages with charts take a second."""


def files(folder: Path, numbers: Iterable[int]) -> dict[str, int]:
    """Of mutated exports, how many were refused and how many were shown."""
    found = {"files refused": 0, "files shown": 0}
    for number in numbers:
        file = folder / ("mutant.json.gz" if number % 7 == 0 else "mutant.json")
        file.write_bytes(_mutated_file(folder, number))
        found["files shown" if _imports(file, folder, number) else "files refused"] += 1
    return found


def stores(folder: Path, numbers: Iterable[int]) -> dict[str, int]:
    """Of mutated SQLite files, how many were refused and how many were read."""
    whole = _store(folder)
    found = {"stores refused": 0, "stores read": 0}
    for number in numbers:
        path = folder / "mutant.sqlite"
        for beside in folder.glob("mutant.sqlite*"):
            beside.unlink()
        shutil.copy(whole, path)
        _mutate_store(path, random.Random(number))
        found["stores read" if _reads(path, folder, number) else "stores refused"] += 1
    return found


def _imports(file: Path, folder: Path, number: int) -> bool:
    for old in folder.glob("into.sqlite*"):
        old.unlink()
    store = Store(str(folder / "into.sqlite"))
    try:
        identity = store.add_run(read_exported(file)[0], f"u{number}")
        _show(store, identity, folder, number)
    except HarnessError as error:
        assert "\n" not in str(error), (number, error)
        assert store.runs() == [], f"mutant {number} was refused and is stored: {error}"
        return False
    finally:
        store.close()
    return True


def _show(store: Store, name: str, folder: Path, number: int) -> None:
    run = store.load(name)
    view = build(run)
    render(view), run_text(run), markdown.render(view)
    points = store.points(store.series())
    history_text(history(points))
    trends_of_points(points)
    if number % WRITES_PAGES == 0:
        write(run, folder / "report", ("html", "md", "pr", "json"))


def _reads(path: Path, folder: Path, number: int) -> bool:
    """Every way of reading has its own line; what one refuses, another may still show."""
    read = True
    steps = (
        lambda store: store.runs(), lambda store: _show(store, "1", folder, number), check,
        lambda store: store.load("uuid-2"), lambda store: copy_runs(store, Store(str(folder / f"copy{number}.sqlite"))),
    )  # fmt: skip
    for step in steps:
        store = None
        try:
            store = Store(str(path))
            step(store)
        except HarnessError as error:
            assert "\n" not in str(error), (number, error)
            read = False
        finally:
            if store is not None:
                store.close()
    for left in folder.glob(f"copy{number}.sqlite*"):
        left.unlink()
    return read


@cache
def _plain(folder: Path) -> Any:
    return _small(folder)


def _mutated_file(folder: Path, number: int) -> bytes:
    """One to three odd values, or bytes that are flipped, cut out, doubled or put in."""
    rng, plain = random.Random(number), copy.deepcopy(_plain(folder))
    if number % 3:
        places = [keys for keys in _keys(plain) if keys]
        for *way, last in rng.sample(places, rng.randint(1, 3)):
            holder = plain
            try:
                for key in way:
                    holder = holder[key]
                holder[last] = rng.choice(ODD)
            except (KeyError, IndexError, TypeError):
                continue  # an earlier one took its place away
        data = json.dumps(plain).encode()
        return gzip.compress(data) if number % 7 == 0 else data
    data = bytearray(json.dumps(plain).encode())
    return _bytes(bytearray(gzip.compress(bytes(data))) if number % 7 == 0 else data, rng)


def _bytes(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        at, kind = rng.randrange(len(data)), rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 400)]
        elif kind == 2:
            data[at:at] = data[at : at + rng.randint(1, 400)]
        elif kind == 3:
            data[at:at] = rng.choice(ODD_BYTES)
        else:
            del data[max(1, at) :]
        data = data or bytearray(b" ")
    return bytes(data)


@cache
def _store(folder: Path) -> Path:
    path = folder / "whole.sqlite"
    store = Store(str(path))
    (folder / "whole.json").write_text(json.dumps(_plain(folder)))
    run, _ = read_exported(folder / "whole.json")
    for number in range(3):
        store.add_run(run, f"uuid-{number}")
    store.close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    return path


def _mutate_store(path: Path, rng: random.Random) -> None:
    """Damaged pages, or rows that SQLite takes and nobody writes."""
    if rng.random() < 0.5:
        data = bytearray(path.read_bytes())
        for _ in range(rng.randint(1, 12)):
            at = rng.randrange(len(data))
            data[at : at + rng.randint(1, 64)] = rng.randbytes(rng.randint(1, 64))
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)
        return
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA ignore_check_constraints=ON")
        tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(rng.randint(1, 3)):
            table = rng.choice(tables or ["gone"])
            columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            column = rng.choice(columns or ["gone"])
            try:
                if rng.random() < 0.15:
                    raw.execute(f"DROP TABLE {table}" if rng.random() < 0.5 else f"DELETE FROM {table}")
                else:
                    raw.execute(f'UPDATE {table} SET "{column}" = ?', (_odd_column(rng),))
            except sqlite3.Error:
                continue  # a constraint holds, or an earlier one took the table away
        raw.commit()


def _odd_column(rng: random.Random) -> Any:
    odd = (
        0,
        -1,
        2**63 - 1,
        1e308,
        float("inf"),
        "",
        "x" * 3000,
        "\x1b[31m\u202e",
        "2026",
        b"",
        b"\x93\x01\x02",
        b"\xc1",
    )
    return rng.choice((*odd, rng.randbytes(40)))
