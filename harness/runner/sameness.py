"""Finds the questions that both sides answer with the same code, which need no timing.

The code is the same if it is of one tree, was seen to read the same files, or compiles to the same launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from harness.errors import HarnessError
from harness.observe.origin import shadows
from harness.revisions import same_tree
from harness.runner.paired_side import PairedSide
from harness.values.case import Case
from harness.values.closure import Closure

Cases = Mapping[str, tuple[Case, Case]]
"""Base's and head's case of each question."""


def of_one_tree(base: PairedSide, head: PairedSide, cases: Cases) -> list[str]:
    """The cases whose files are all the same: one folder, or two folders of one git tree in which nothing was built."""
    apart = base.checkout.root != head.checkout.root
    if built_apart(base, head) or (apart and not same_tree(base.checkout, head.checkout)):
        return []
    return [name for name in cases if _asked_alike(base, head, cases[name])]


def seen_to_read_the_same(base: PairedSide, head: PairedSide, cases: Cases) -> list[str]:
    """The cases that loaded, read, listed and looked for the same files when both sides were checked, with nothing in
    them that could hide another read."""
    if built_apart(base, head):
        return []
    return [name for name, both in cases.items() if _asked_alike(base, head, both) and _read_alike(base, head, both)]


def same_launches(base: PairedSide, head: PairedSide, cases: Cases, say: Callable[[str], None]) -> list[str]:
    """The kernels whose code differs but whose calls do the same on the GPU. Empty where one side does not compile;
    they are then timed as if they differed."""
    here, there = base.environment, head.environment
    assert here is not None and there is not None
    kernels = [name for name, (case, _) in cases.items() if case.kind == "kernel"]
    capable = here.compute_capability and here.compute_capability == there.compute_capability
    if not kernels or not capable or built_apart(base, head):
        return []
    say(f"compile {len(kernels)} cases of both sides: equal binaries and launches need no timing")
    ids = [[cases[name][number].id for name in kernels] for number in (0, 1)]
    with ThreadPoolExecutor(2) as pool:  # each waits for processes of its own; nothing is timed meanwhile
        asked = [pool.submit(side.launches, own) for side, own in zip((base, head), ids, strict=True)]
    found = []
    for side, answer in zip((base, head), asked, strict=True):
        try:
            found.append(answer.result())
        except HarnessError as error:
            say(f"{side.word}: not compiled: {error}")
            return []
    return [
        name
        for name, *both in zip(kernels, *ids, strict=True)
        if found[0].get(both[0]) and found[0].get(both[0]) == found[1].get(both[1])
    ]


def built_apart(base: PairedSide, head: PairedSide) -> bool:
    """Whether anything besides files of the trees may differ: the interpreters, or the results of each tree's setup."""
    one_folder = base.checkout.root == head.checkout.root
    built = base.suite.compare.setup or head.suite.compare.setup
    return base.python != head.python or bool(built and not one_folder)


def shadowing_notes(base: PairedSide, head: PairedSide) -> list[str]:
    """A warning for each tree that has modules named like those of libraries."""
    of_base, of_head = shadows(base.checkout.root), shadows(head.checkout.root)
    sides = [("both sides", of_base)] if of_base == of_head else [(base.word, of_base), (head.word, of_head)]
    return [
        f"{word}: {', '.join(names)} at the root of the tree bears the name of a library's module; an import finds the "
        "library's where the harness imported that before, else the tree's"
        for word, names in sides
        if names
    ]


def _asked_alike(base: PairedSide, head: PairedSide, both: tuple[Case, Case]) -> bool:
    """Whether both are answered with the same variants and tunables, for the same sizes and weights."""
    asked = base.fingerprints.get(both[0].id)
    return bool(asked) and asked == head.fingerprints.get(both[1].id)


def _read_alike(base: PairedSide, head: PairedSide, both: tuple[Case, Case]) -> bool:
    of_base, of_head = (
        side.closures.get(case.same_as or case.id, Closure()) for side, case in zip((base, head), both, strict=True)
    )
    return of_base.proves_same(of_head)
