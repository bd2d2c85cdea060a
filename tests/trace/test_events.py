"""Events are read whatever surrounds them; damage costs what it hits, and is counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace import salvage
from harness.trace.event import Event, nanoseconds
from harness.trace.events import read_events
from tests.trace.made import KERNELS, Row, gpu, text

NAMES = [row["name"] for row in KERNELS]


def read(content: bytes, size: int = 1 << 20) -> tuple[list[Event], Counter[str]]:
    quality: Counter[str] = Counter()
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return [event for block in read_events(pieces, quality) for event in block], quality


@given(st.integers(1, 3000))
def test_where_the_bytes_are_cut_into_pieces_changes_nothing(size: int) -> None:
    """In the header, in a name of several bytes, in a number."""
    rows = [*KERNELS[:5], gpu(1, 2, 'größe {["}, {'), *KERNELS[5:9]]
    content = json.dumps({"a": [{"b": 1}, {"c": 2}], "traceEvents": rows}, ensure_ascii=False).encode()
    found, quality = read(content, size)
    assert [event.name for event in found] == [row["name"] for row in rows] and not quality


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("bare", [True, False])
def test_every_layout_of_json_is_read(indent: int | None, bare: bool) -> None:
    """Compact or indented, an object with a header and a tail or Chrome's bare list."""
    content = KERNELS if bare else {"x": {"traceEvents": 1}, "traceEvents": KERNELS, "y": [{"z": 1}, {"z": 2}]}
    separators = (",", ":") if indent is None else None
    found, quality = read(json.dumps(content, indent=indent, separators=separators).encode(), 700)
    assert [event.name for event in found] == NAMES and not quality


def test_the_fast_and_the_careful_way_give_the_same() -> None:
    """So that damage in one block changes nothing in what is read of the others."""
    rows = [*KERNELS, gpu(3, 4, 'ünïcode \\ " \n', None), gpu(1, 2, "s", 3, tid="stream 7", stream="7")]
    fast, _ = read(text(rows).encode())
    careful, _, closed = salvage.read(json.dumps(rows).encode()[1:], True, Counter())
    assert closed and len(fast) == len(careful) == len(rows)
    for one, other in zip(fast[:-1], careful[:-1], strict=True):
        assert nanoseconds(bytes(one.ts)) == nanoseconds(bytes(other.ts))
        assert (one.name, one.cat, one.pid, one.tid, one.args) == (
            other.name,
            other.cat,
            other.pid,
            other.tid,
            other.args,
        )


Damage = Callable[[str], str]
FIRST = KERNELS[0]["name"]


@pytest.mark.parametrize(
    ("damage", "lost", "counted"),
    [
        (lambda t: t[: t.rindex('"k1"')], 1, {"damaged_events": 1, "unclosed_list": 1}),
        (lambda t: t[: t.rindex(', "args"')], 1, {"damaged_events": 1, "unclosed_list": 1}),
        (lambda t: t[: t.rindex("]")], 0, {"unclosed_list": 1}),
        (lambda t: t[: t.rindex("]")] + ",", 0, {"unclosed_list": 1}),
        (lambda t: t.replace('"name": "k0"', '"name": "k"0"', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"name": "k0"', '"name": "C:\\users\\k"', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"stream": 7', '"bandwidth": inf, "stream": 7', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"stream": 7', '"bandwidth": -nan', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"stream": 7', '"stack": "a "b" c", "stream": 7', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"dur": 2.125', '"dur": inf', 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"dur": 2.125', '"dur": NaN', 1), 0, {}),
        (lambda t: t.replace('"name": "k0"', '"name": "k\x01\x02\t"', 1), 0, {}),
        (lambda t: t.replace('"name": "k0"', '"name": "k\\ud800"', 1), 0, {}),
        (lambda t: t.replace('"ts": 0.5', '"ts" 0.5', 1), 1, {"damaged_events": 1}),
        (lambda t: t.replace('"ts": 10.5', '"ts": 1\x00\x00', 1), 1, {"damaged_events": 1}),
        (lambda t: t.replace("}}, {", "}} {", 1), 0, {}),
        (lambda t: t.replace("}}, {", '}}, 17, "x", null, {', 1), 0, {}),
        (lambda t: t.replace("}}, {", "}}, #%$!, {", 1), 0, {"damaged_events": 1}),
        (lambda t: t.replace('"stream": 7', '"x": ' + "[" * 9000, 1), 0, {"repaired_events": 1}),
        (lambda t: t.replace('"name": "k0"', '"name" "k", "x": [{"name": 1}, {"id": 2}]', 1), 1, {"damaged_events": 2}),
        (lambda t: '{"INFO": "say "hi""' + t[t.index(', "traceEvents"') :], 0, {}),
        (lambda t: t[t.index("{", 60) + 5 :], 1, {"no_list": 1}),
    ],
    ids=[
        "cut in a name", "cut before arguments", "not closed", "comma at the end", "quote in a name", "Windows path",
        "bare inf", "bare nan", "quote in arguments", "infinite duration", "NaN duration", "control characters",
        "half a pair", "no colon", "zero bytes", "no comma", "other values", "garbage",
        "deep nesting", "lists in a damaged event", "quotes in the header",
        "no header",
    ],
)  # fmt: skip
def test_damage_costs_only_what_it_hits(damage: Damage, lost: int, counted: dict[str, int]) -> None:
    """All events before and behind it are there, whatever the size of the blocks."""
    content = damage(text(KERNELS)).encode("utf-8", "surrogatepass")
    for size in (1 << 20, 3000):
        found, quality = read(content, size)
        assert len([event for event in found if event.cat == "kernel"]) == len(KERNELS) - lost
        assert dict(quality) == counted
        for event in found:
            event.name.encode()


@pytest.mark.parametrize("field", ["ts", "dur", "pid", "tid", "correlation", "device", "stream", "name", "id"])
@pytest.mark.parametrize("number", ["1e999000", "-5001e1000000", "9" * 6000, "0." + "3" * 6000, '"' + "9" * 6000 + '"'])
def test_a_number_of_absurd_size_costs_nothing(field: str, number: str) -> None:
    """In any field: the events around it are read, in no time."""
    import time

    from harness.trace.collect import collect

    row = {**gpu(1, 2, "odd", 77), "id": 1}
    content = text([*KERNELS, row])
    at = content.index(f'"{field}": ', content.rindex('{"ph"')) + len(field) + 4
    end = min(found for found in (content.find(",", at), content.find("}", at)) if found > 0)
    start = time.process_time()
    quality: Counter[str] = Counter()
    rows = collect(read_events(iter([(content[:at] + number + content[end:]).encode()]), quality), quality)
    assert len(rows.gpu.start_ns) >= len(KERNELS) and time.process_time() - start < 1


def test_a_comment_between_events_is_passed_over() -> None:
    """On a line of its own; what looks like one inside of a name is a name."""
    content = text([*KERNELS[:2], gpu(1, 2, "# no comment\n// nor this")])
    for comment in ("# a comment", "  // another, with { and ]"):
        found, quality = read(content.replace("}}, {", "}},\n" + comment + "\n{", 1).encode())
        assert len(found) == 3 and not quality


@pytest.mark.parametrize("second", ["object", "list"])
@pytest.mark.parametrize("size", [1 << 20, 700])
def test_two_documents_in_one_file_are_both_read(second: str, size: int) -> None:
    """As `cat a b > c` makes them, wherever a block ends."""
    more = text(KERNELS) if second == "object" else json.dumps(KERNELS)
    between = "" if second == "object" else "\n"
    first = text(KERNELS) if second == "object" else json.dumps(KERNELS)
    found, quality = read((first + between + more).encode(), size)
    assert [event.name for event in found] == NAMES + NAMES and quality == {"further_documents": 1}


def test_bytes_that_are_no_utf8_cost_a_letter() -> None:
    """The name is told apart from others, and prints."""
    found, quality = read(text(KERNELS).encode().replace(b'"k0"', b'"k\xff"', 1))
    assert len(found) == 50 and found[0].name == "k\ufffd" and quality == {"undecodable_texts": 1}


def test_rows_of_a_repaired_event_keep_their_launch_and_place() -> None:
    """What is behind the damage in the arguments is searched for by name."""
    broken = text([gpu(1, 2, "k", 77, stream=3, device=5)]).replace(
        '"correlation"', '"stack": "a "b" c", "correlation"'
    )
    (event,), quality = read(broken.encode())
    assert quality == {"repaired_events": 1} and event.args is not None
    assert (event.args.correlation, event.args.stream, event.args.device) == (77, 3, 5)


def test_an_event_longer_than_a_piece_is_whole() -> None:
    """Stacks and shapes can be long; it is not taken for damage."""
    rows: list[Row] = [{**KERNELS[0], "args": {"stack": "x" * 200_000, "list": [{"name": 1}, {"name": 2}]}}, *KERNELS]
    found, quality = read(text(rows).encode(), 1 << 12)
    assert len(found) == 51 and not quality


@pytest.mark.parametrize(
    "content", [b"hello", b"{}", b'{"a": [1, 2]}', b'{"traceEvents": 3}', b"\0" * 100, b"[]", b"[1]"]
)
def test_what_is_no_trace_has_no_events(content: bytes) -> None:
    """And raises nothing: the reader of the file says it."""
    assert read(content)[0] == []


@given(st.binary(max_size=400), st.integers(0, 6000))
def test_no_damage_raises(noise: bytes, at: int) -> None:
    """Whatever bytes stand wherever."""
    content = text(KERNELS).encode()
    found, _ = read(content[:at] + noise + content[at + len(noise) :], 1000)
    assert len(found) <= 60


@given(st.data())
def test_events_before_a_cut_are_all_there(data: Any) -> None:
    """A file that ends early loses the event in which it ends and those behind it."""
    content = text(KERNELS).encode()
    at = data.draw(st.integers(content.index(b"[") + 1, len(content)))
    whole = content[:at].count(b"}}")
    assert len(read(content[:at])[0]) == whole
