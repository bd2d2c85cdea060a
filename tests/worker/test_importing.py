"""How a worker imports what takes long."""

from __future__ import annotations

import gc

import pytest

from harness.worker.importing import importing


def test_what_was_imported_is_never_looked_through_again() -> None:
    """The collector is off meanwhile and on behind it, also where an import fails."""
    before = gc.get_freeze_count()
    try:
        with pytest.raises(ImportError), importing():
            assert not gc.isenabled()
            import nowhere_at_all  # type: ignore[import-not-found]  # noqa: F401
        assert gc.isenabled() and gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
