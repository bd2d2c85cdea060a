"""Records of compute-sanitizer become errors by line; the document has the fields that the tool writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.attempt.sanitizer_records import access_errors
from harness.values.sanitizer import AccessError

WRITE = """
<record><kind>Precise</kind><level>Error</level>
  <what><text>Invalid __global__ write of size 4 bytes</text><size>4</size><accessAddress>0x1a0</accessAddress></what>
  <where><func>add_kernel</func><path>/here/mine.py</path><line>{line}</line><pc>0xe0</pc></where>
  <who><threadIdx><x>{thread}</x><y>0</y><z>0</z></threadIdx><blockIdx><x>3</x><y>0</y><z>0</z></blockIdx></who>
  <hostStack><saveLocation>kernel launch time</saveLocation>
    <frame><func>main</func><path>/there/main.c</path><line>99</line></frame></hostStack>
</record>"""
RACE = """
<record><kind>Analysis</kind><level>Error</level>
  <what><text>Race condition</text>
    <source><direction>Write</direction><func>add_kernel</func><path>/here/mine.py</path><line>27</line>
      <count>248</count></source>
    <destination><direction>Read</direction><func>add_kernel</func><path>/here/mine.py</path><line>28</line>
      <count>248</count></destination></what>
</record>"""


def read(folder: Path, *records: str) -> tuple[AccessError, ...]:
    file = folder / "records.xml"
    file.write_text(f'<?xml version="1.0"?><ComputeSanitizerOutput>{"".join(records)}</ComputeSanitizerOutput>')
    return access_errors("memcheck", file)


def test_threads_of_a_line_are_one_error_with_their_number(tmp_path: Path) -> None:
    found = read(
        tmp_path, *(WRITE.format(line=17, thread=thread) for thread in (5, 6, 7)), WRITE.format(line=18, thread=0)
    )
    assert found == (
        AccessError(
            "memcheck", "Invalid __global__ write of size 4 bytes", "add_kernel", "/here/mine.py", 17, 3,
            place="at 0x1a0", example="thread 5,0,0, block 3,0,0",
        ),
        AccessError(
            "memcheck", "Invalid __global__ write of size 4 bytes", "add_kernel", "/here/mine.py", 18, 1,
            place="at 0x1a0", example="thread 0,0,0, block 3,0,0",
        ),
    )  # fmt: skip


def test_a_race_has_two_lines_and_the_host_s_frames_are_none(tmp_path: Path) -> None:
    (found,) = read(tmp_path, RACE)
    assert (found.kind, found.line, found.other_line, found.count) == ("Race condition", 27, 28, 248)
    (found,) = read(tmp_path, WRITE.format(line=17, thread=1))
    assert found.other_line == 0


def test_nothing_found_is_nothing_and_a_record_of_another_kind_is_told(tmp_path: Path) -> None:
    assert read(tmp_path) == ()
    (found,) = read(tmp_path, "<record><kind>Api</kind><what><text>cudaErrorLaunchFailure</text></what></record>")
    assert (found.kind, found.file, found.line, found.count) == ("cudaErrorLaunchFailure", "", 0, 1)


@pytest.mark.parametrize("text", ["", "<ComputeSanitizerOutput><record>", "======== COMPUTE-SANITIZER"])
def test_what_is_no_document_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match="no XML of compute-sanitizer"):
        access_errors("racecheck", tmp_path / "a.xml")
    with pytest.raises(ValueError, match="no XML of compute-sanitizer"):
        access_errors("racecheck", tmp_path / "missing.xml")
