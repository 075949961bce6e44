"""The behaviour of yext where it deliberately deviates from a recording, played like one.

A row of instead.json is a recorded case up to and including step `after`, followed by the steps
for yext.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from player import cases, deviations
from player.cases import Case
from player.matching import Mismatch, Unplayable
from test_recordings import PLAYED, PLAYERS

INSTEAD = json.loads((Path(__file__).parent / "instead.json").read_text(encoding="utf-8"))


def _parameters() -> list[object]:
    recorded = {
        deviations.CaseId(f"{case.file}.json", case.name): (folder, case)
        for folder in ("extmodule", "rmanager")
        for file in cases.files(folder)
        for case in cases.load(folder, file)
    }
    parameters: list[object] = []
    for row in INSTEAD:
        folder, case = recorded[deviations.CaseId(row["file"], row["case"])]
        steps = [*case.content["steps"][: row["after"]], *row["steps"]]
        altered = case._replace(content={**case.content, "steps": steps})
        parameters.append(pytest.param(PLAYERS[folder], altered, id=case.id))
    return parameters


@pytest.mark.parametrize(("play", "case"), _parameters())
def test_instead(play: Callable[[Case], None], case: Case) -> None:
    try:
        play(case)
    except (Mismatch, Unplayable) as failure:
        pytest.fail(f"{case.id}, as yext is to play it: {failure}", pytrace=False)


def test_every_deviation_that_is_played_has_a_test_of_what_is_done_instead() -> None:
    played = {f"{file}.json" for files in PLAYED.values() for file in files}
    tested = {deviations.CaseId(row["file"], row["case"]) for row in INSTEAD}
    for row in deviations.load():
        if row.file in played:
            assert row.id in tested or row.expect, row.id
    assert tested <= {row.id for row in deviations.load()}
