"""The recording of a terminal: what runs is what is drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from sessions.recording import Step, commands, record, steps
from tests.conftest import REPOSITORY

pytest.importorskip("pyte")
from sessions.terminal_svg import HOLD_S, LONGEST_WAIT_S, draw, screens

SVG = "{http://www.w3.org/2000/svg}"


def cast(*events: tuple[float, str, str]) -> str:
    return "\n".join(json.dumps(line) for line in ({"version": 2, "width": 40, "height": 9}, *map(list, events)))


def shown(svg: str) -> list[str]:
    """The rows, each with its runs of characters joined by a space."""
    return [" ".join(span.text or "" for span in text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_command_is_recorded_with_its_colours_and_status(tmp_path: Path) -> None:
    """Behind a terminal of the recording's width; the last bytes before the exit are there."""
    script = "import os,sys; print('\\x1b[32mright\\x1b[0m', os.get_terminal_size().columns, sys.stdout.isatty())"
    recorded = record(
        [
            Step("file", "# exits.py\nraise SystemExit(3)\n"),
            Step("run", "git init --quiet"),
            Step("record", f'python3 -c "{script}"'),
            Step("record", "python3 exits.py"),
        ],
        tmp_path,
    )
    header = json.loads(recorded.splitlines()[0])
    assert header["statuses"] == [0, 3]
    first, second = screens(recorded)
    assert second.command == "python3 exits.py" and (tmp_path / ".git").is_dir()
    svg = draw(recorded, "two")
    assert "right 120 True" in shown(svg)[-2] and '#7ee787">right' in svg
    assert first.ends_s == second.begins_s


def test_progress_that_is_wiped_out_is_not_drawn() -> None:
    svg = draw(cast((0, "m", "a"), (0, "o", "$ a\r\n"), (1, "o", "10 %"), (2, "o", "\r\x1b[2Kdone <1>\r\n")), "one")
    assert shown(svg) == ["$ a", "done <1>"]


def test_waits_are_shortened_and_their_order_kept() -> None:
    [screen] = screens(cast((0, "m", "a"), (0, "o", "one\r\n"), (90, "o", "two\r\n"), (90.5, "o", "three\r\n")))
    assert [row.at_s for row in screen.rows] == [0, LONGEST_WAIT_S, LONGEST_WAIT_S + 0.5]
    assert screen.ends_s == LONGEST_WAIT_S + 0.5 + HOLD_S


def test_each_command_has_the_screen_for_itself() -> None:
    """Without animation the first one is seen, and no other over it."""
    svg = draw(cast((0, "m", "a"), (0, "o", "one\r\n"), (1, "m", "b"), (1, "o", "two\r\n")), "two")
    rows = list(ElementTree.fromstring(svg).iter(f"{SVG}text"))
    assert [row.get("y") for row in rows] == [rows[0].get("y")] * 2
    assert [row.get("opacity") for row in rows] == [None, "0"]


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no asciicast"):
        screens('{"version": 1}\n')


def test_the_tutorial_is_played_from_an_empty_folder_to_its_verdict() -> None:
    """Its own kernel is tried, swept and compared; nothing of the harness but `init` runs unseen."""
    assert [command.split()[1] for command in commands()] == ["try", "sweep", "compare"]
    assert [step.text.split()[1] for step in steps() if step.kind == "run" and "harness" in step.text] == ["init"]
    places = [step.kind for step in steps()]
    assert places.index("file") < places.index("record") and places[-1] == "record"
    assert [step.text for step in steps() if step.text.startswith("sed ")] == [
        "sed -i 's/part.double()/part.float()/' soft.py"
    ]


KEPT = REPOSITORY / "docs" / "pictures" / "terminal.cast"


@pytest.mark.skipif(not KEPT.is_file(), reason="no recording is kept")
def test_the_kept_recording_is_of_the_tutorials_commands() -> None:
    """Drawn again it gives the same bytes, and the README describes it."""
    recorded = KEPT.read_text(encoding="utf-8")
    assert [screen.command for screen in screens(recorded)] == commands()
    tried, swept, compared = json.loads(recorded.splitlines()[0])["statuses"]
    assert tried == compared == 0 and swept in (0, 3)  # 3: the machine is shared, and the sweep says so
    svg = KEPT.with_suffix(".svg").read_text(encoding="utf-8")
    title = ElementTree.fromstring(svg).findtext(f"{SVG}title") or ""
    assert draw(recorded, title) == svg and len(svg) < 60_000
    assert f'alt="{title}' in (REPOSITORY / "README.md").read_text(encoding="utf-8")
