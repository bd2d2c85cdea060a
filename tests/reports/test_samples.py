"""The sample reports and the README's table are what the stored runs give."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import REPOSITORY


def test_samples_are_regenerated_byte_for_byte() -> None:
    script = REPOSITORY / "reports" / "samples" / "regenerate.py"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
