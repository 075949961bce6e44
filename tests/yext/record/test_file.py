"""Files of recorded messages."""

import json
import os
from pathlib import Path

import pytest

from yext.errors import RecordError
from yext.record.file import read_record, write_record
from yext.record.journey import Journey, Step, StepResult, to_json

BYTES = 10**9


def make_journey(number: int, result: StepResult = StepResult.PASSED) -> Journey:
    steps = [Step("a.py", 50, 0.25, result)]
    params = {"odd": "\udcff\x1b"}
    return Journey(number, 1700000000.25, "test", "engine", params, steps=steps, ended=True)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = str(tmp_path / "flow.jsonl")
    journeys = [make_journey(number) for number in (1, 2, 3)]
    assert write_record(path, journeys) == 3
    assert Path(path).read_bytes().isascii()
    assert read_record(path, 10, BYTES) == (journeys, True)
    assert read_record(path, 2, BYTES) == (journeys[1:], True)


def test_the_last_line_about_a_journey_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "flow.jsonl")
    write_record(
        path,
        [make_journey(1, StepResult.TIMED_OUT), make_journey(2), make_journey(1, StepResult.LATE)],
    )
    journeys, _ = read_record(path, 10, BYTES)
    assert [(journey.number, journey.outcome) for journey in journeys] == [
        (1, "late"),
        (2, "not handled"),
    ]


def test_a_last_line_may_be_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    write_record(str(path), [make_journey(1)])
    with path.open("a") as file:
        file.write('{"format": 1, "num')
    assert read_record(str(path), 10, BYTES) == ([make_journey(1)], False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\n", "is no record: line 1 is not JSON"),
        (
            json.dumps(to_json(make_journey(1))).encode() + b"\n{}\n",
            "is no record: line 2 is not a",
        ),
        (b'{"format": 9}\n', "is no record: line 1 has the format 9, not 1"),
    ],
)
def test_any_other_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "flow.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=reason):
        read_record(str(path), 10, BYTES)


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(RecordError, match="is no file"):
        read_record(str(pipe), 10, BYTES)
    with pytest.raises(OSError):
        write_record(str(pipe), [])


def test_only_as_much_is_kept_as_the_record_may_take(tmp_path: Path) -> None:
    path = str(tmp_path / "flow.jsonl")
    journeys = [make_journey(number) for number in range(1, 101)]
    write_record(path, journeys)
    size = journeys[0].size()
    kept, whole = read_record(path, 1000, 5 * size)
    assert whole
    assert kept == journeys[-len(kept) :]
    assert 4 <= len(kept) <= 5


def test_a_file_is_not_read_on_once_that_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "flow.jsonl")
    write_record(path, [make_journey(number) for number in range(1, 101)])
    asked = iter([False] * 10 + [True] * 100)
    with pytest.raises(RecordError, match="not read on after line 11"):
        read_record(path, 1000, BYTES, lambda: next(asked))
