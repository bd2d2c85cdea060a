"""Stored runs: one SQLite file (or another database by URL), written while a run goes on; and portable run files."""

from harness.store import attempts, events
from harness.store.exchange import export_run, read_exported
from harness.store.store import Store
from harness.values.summary import Summary

__all__ = ["Store", "Summary", "attempts", "events", "export_run", "read_exported"]
