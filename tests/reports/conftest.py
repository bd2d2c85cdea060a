"""Reports of this checkout under the name that they are installed as."""

from __future__ import annotations

from harness import reports_root

reports_root.bind()
