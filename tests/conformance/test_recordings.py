"""Every recorded conversation with Yate 6.4.1, played against `yext serve`, one test a case."""

from collections.abc import Callable

import pytest
from player import cases, config, deviations, extmodule, rmanager
from player.cases import Case
from player.matching import Mismatch, Unplayable
from player.process import patience

PLAYED: dict[str, tuple[str, ...]] = {
    "extmodule": (
        "01_escaping",
        "02_errors",
        "03_install",
        "04_messages",
        "05_watch",
        "06_setlocal",
        "07_connect",
        "08_output_debug_quit",
        "09_engine",
        "10_scripts",
        "11_call_execute",
    ),
    "rmanager": (
        "rm_1_telnet",
        "rm_2_auth",
        "rm_3_commands",
        "rm_4_status_framing",
        "rm_5_machine",
        "rm_7_output_debug",
    ),
    "config": (
        "config_continuation",
        "config_enabled",
        "config_include",
        "config_params",
        "config_sections",
        "config_syntax",
    ),
}
"""The files of cases that are played, by folder."""

PLAYERS: dict[str, Callable[[Case], None]] = {
    "extmodule": extmodule.play,
    "rmanager": rmanager.play,
    "config": config.play,
}

DEVIATIONS = {row.id: row for row in deviations.load()}


def _parameters() -> list[object]:
    return [
        pytest.param(PLAYERS[folder], case, id=case.id)
        for folder, files in PLAYED.items()
        for file in files
        for case in cases.load(folder, file)
    ]


@pytest.mark.parametrize(("play", "case"), _parameters())
def test_recording(play: Callable[[Case], None], case: Case) -> None:
    deviation = DEVIATIONS.get(deviations.CaseId(f"{case.file}.json", case.name))
    patience.seconds = patience.USUAL if deviation is None else patience.SHORT
    try:
        failure = _failure(play, case)
    finally:
        patience.seconds = patience.USUAL
    if deviation is None and failure is not None:
        pytest.fail(f"{case.id}: {case.content['why']}\n{failure}", pytrace=False)
    if deviation is not None and failure is None:
        pytest.fail(
            f"{case.id} is listed in deviations.toml, but plays as recorded: strike it out.\n"
            f"The reason given was: {deviation.reason}",
            pytrace=False,
        )


def _failure(play: Callable[[Case], None], case: Case) -> Mismatch | None:
    try:
        play(case)
    except Mismatch as mismatch:
        return mismatch
    except Unplayable as reason:
        pytest.fail(f"{case.id}: {reason}", pytrace=False)
    return None
