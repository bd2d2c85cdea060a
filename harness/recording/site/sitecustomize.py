"""Python runs this at the start of each process that a recorded program starts. A process in which it cannot work, such
as another interpreter's, runs as if it did not exist."""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != _here]
_own = sys.modules.pop("sitecustomize")
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  the program's own
except ImportError:
    sys.modules["sitecustomize"] = _own
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(_here))))  # of a checkout that nobody installed
try:
    from harness.recording.child import begin

    begin()
except Exception:
    pass
