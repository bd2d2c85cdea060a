"""A table of machines names each setting that gives a machine another usual speed."""

from __future__ import annotations

import msgspec

from harness.store.machines import SETTINGS
from harness_reports.table import text_of
from harness_reports.tables.health import NAMED, health
from tests.reports.table_factory import machine_healths


def test_every_setting_stands_under_its_name() -> None:
    """Those that a machine lacks are left out."""
    (found, *_) = machine_healths()
    look = msgspec.structs.replace(
        found.newest, settings=("580.15", "700.0", "as found", "2.11.0", "None", "3", "96.00.A5")
    )
    table = health([msgspec.structs.replace(found, newest=look)])
    said = text_of(table.rows[0].cells[-1])
    assert said == "driver 580.15, 700 W, clocks as found, torch 2.11.0, method 3, VBIOS 96.00.A5"
    assert len(NAMED) == len(SETTINGS) + 1, "the VBIOS follows"
