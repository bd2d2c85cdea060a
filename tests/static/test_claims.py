"""One process at a time takes equal code on; what one was killed at is given up by all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.static.claims import Claims, InProgress, OverLimit, give_up, is_free
from tests.conftest import REPOSITORY

HOLDS = """
import sys
from pathlib import Path
from harness.static.claims import Claims
claims = Claims(Path(sys.argv[1])); claims.take("key"); print("taken", flush=True); sys.stdin.read()
"""


def test_a_claim_ends_with_its_process_and_what_is_given_up_stays_so(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None and other.stdout is not None and other.stdout.readline() == b"taken\n"
    mine = Claims(tmp_path)
    with pytest.raises(InProgress):
        mine.take("key")
    assert not is_free(tmp_path, "key") and is_free(tmp_path, "another")
    other.kill()
    other.communicate()
    assert is_free(tmp_path, "key")
    mine.take("key")
    mine.take("key")
    assert not is_free(tmp_path, "key")
    mine.give_back()
    give_up(tmp_path, other.pid, "of a process that holds nothing any more")
    mine.take("key")
    give_up(tmp_path, os.getpid(), "too slow")
    with pytest.raises(OverLimit, match="too slow"):
        mine.take("key")
    mine.give_back()
