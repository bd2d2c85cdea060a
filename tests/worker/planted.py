"""A service whose jobs misbehave."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time

import msgspec

from harness.errors import CaseFailed
from harness.worker.messages import Boot, Done
from harness.worker.wire import Wire


class Order(msgspec.Struct, frozen=True, tag=True):
    what: str


class Word(msgspec.Struct, frozen=True, tag=True):
    text: str


def serve(wire: Wire, boot: Boot) -> None:
    while True:
        what = wire.receive(Order).what
        if what == "print":
            print("printed")
            sys.stdout.flush()
            os.write(1, b"written\n")
            subprocess.run(["echo", "echoed"], check=True)
        elif what == "hang":
            time.sleep(60)
        elif what == "die":
            print("last words", file=sys.stderr, flush=True)
            os.abort()
        elif what == "close everything":
            os.closerange(0, 256)
            time.sleep(60)
        elif what == "refuse":
            raise CaseFailed("no such tile")
        elif what == "list files":
            shown = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, check=True).stdout
            wire.send(Word("socket" if "socket:" in shown else "no socket"))
        elif what == "has torch":
            wire.send(Word(str("torch" in sys.modules)))
        elif what == "import beside":
            wire.send(Word(importlib.import_module("beside").WHERE))
        elif what == "interpret":
            wire.send(Word(os.environ.get("TRITON_INTERPRET", "")))
        wire.send(Word(what))
        wire.send(Done())
