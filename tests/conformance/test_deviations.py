"""What yext does instead where it deliberately differs from a recording, played like one.

A row of instead.json is a recorded case up to and with step `after`, and from there on the steps
that yext is to play.
"""

import json
from pathlib import Path

import pytest
from player import cases, deviations, extmodule
from player.cases import Case
from player.matching import Mismatch, Unplayable
from test_recordings import PLAYED

INSTEAD = json.loads((Path(__file__).parent / "instead.json").read_text(encoding="utf-8"))


def _cases() -> list[Case]:
    recorded = {
        deviations.CaseId(f"{case.file}.json", case.name): case
        for file in cases.files("extmodule")
        for case in cases.load("extmodule", file)
    }
    altered = []
    for row in INSTEAD:
        case = recorded[deviations.CaseId(row["file"], row["case"])]
        steps = [*case.content["steps"][: row["after"]], *row["steps"]]
        altered.append(case._replace(content={**case.content, "steps": steps}))
    return altered


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.id)
def test_instead(case: Case) -> None:
    try:
        extmodule.play(case)
    except (Mismatch, Unplayable) as failure:
        pytest.fail(f"{case.id}, as yext is to play it: {failure}", pytrace=False)


def test_every_deviation_that_is_played_has_a_test_of_what_is_done_instead() -> None:
    played = {f"{file}.json" for files in PLAYED.values() for file in files}
    tested = {deviations.CaseId(row["file"], row["case"]) for row in INSTEAD}
    for row in deviations.load():
        if row.file in played:
            assert row.id in tested or row.expect, row.id
    assert tested <= {row.id for row in deviations.load()}
