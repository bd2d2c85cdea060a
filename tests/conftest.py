"""What every test has: the kernels of this checkout under the name that the harness gives them."""

from __future__ import annotations

import signal
from pathlib import Path

from harness import kernels_root

REPOSITORY = Path(__file__).resolve().parent.parent

kernels_root.bind(REPOSITORY / "kernels")

# Some tests send ^C to a command. Where these tests were started in the background it would be ignored, by them and by
# every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
