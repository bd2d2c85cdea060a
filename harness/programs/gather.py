"""The ranks of a job that have ended, waited for by the first of them."""

from __future__ import annotations

import time

from harness.programs.place import Place
from harness.programs.told import Told, read_told

POLL_S = 0.05
BEGIN_S = 60.0
"""A rank without a sign of its start this long after the first one's end was never started, or is on a host that does
not share the folder."""
FAILED_S = 10.0
"""Once a rank has failed, the others fail with it or wait for it for ever."""

NO_SIGN = "no trace: no sign of it in {}, which all hosts of a job must share"
NOT_ENDED = "no trace: it had not ended {:.0f} s after another rank failed"


def gathered(place: Place, whole: bool) -> dict[int, Told]:
    """The `Told` of every rank. whole: the first rank ran to its end. Then the others are waited for as long as they
    run; otherwise for a short time. ^C and SIGTERM end the waiting."""
    found: dict[int, Told] = {}
    since_s = time.monotonic()
    failed_s = None if whole else since_s
    try:
        while len(found) < place.world_size:
            found |= _new(place, found)
            now_s = time.monotonic()
            if failed_s is None and any(told.failure for told in found.values()):
                failed_s = now_s
            if failed_s is not None and now_s - failed_s > FAILED_S:
                break
            if now_s - since_s > BEGIN_S and not _running(place, found):
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        found |= _new(place, found)
    return {rank: found.get(rank) or Told(0, _absent(place, rank)) for rank in range(place.world_size)}


def _new(place: Place, found: dict[int, Told]) -> dict[int, Told]:
    left = (rank for rank in range(place.world_size) if rank not in found)
    return {rank: read_told(place.told(rank)) for rank in left if place.told(rank).exists()}


def _running(place: Place, found: dict[int, Told]) -> bool:
    """Whether a rank has begun and not ended."""
    return any(place.begun(rank).exists() for rank in range(place.world_size) if rank not in found)


def _absent(place: Place, rank: int) -> str:
    return NOT_ENDED.format(FAILED_S) if place.begun(rank).exists() else NO_SIGN.format(place.folder)
