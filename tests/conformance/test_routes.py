"""The recorded routes, played against an engine: answers, logs and the messages that rules send."""

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from yext import Engine, Message
from yext.log import INFO
from yext.version import VERSION

FOLDER = Path(__file__).parent / "routes"
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads((FOLDER / "routes.json").read_text("utf-8"))
}
DEVIATIONS = {
    (row["name"], row["called"]): row["instead"].replace("{VERSION}", VERSION)
    for row in tomllib.loads((FOLDER / "deviations.toml").read_text("utf-8"))["deviation"]
}
YATE_CONF = """
[general]
modload=no
nodename=alder
[modules]
extmodule.yate=yes
regexroute.yate=yes
"""
TIME = 1700000000
MICROSECONDS = re.compile(r"\d+ usec")


def untimed(text: str) -> str:
    return MICROSECONDS.sub("N usec", text)


async def played(case: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Send the messages of a case; return what the recording has of each."""
    (folder / "yate.conf").write_text(YATE_CONF)
    (folder / "regexroute.conf").write_text("\n".join(case["conf"]) + "\n", "utf-8")
    found = []
    async with Engine(folder) as engine:
        engine.log.level = INFO
        log: list[str] = []
        sent: list[list[Any]] = []
        engine.log.subscribe(lambda event: log.append(untimed(event.line())))
        for name, answer in case.get("handlers", {}).items():

            def handle(message: Message, answer: dict[str, Any] = answer) -> bool:
                sent.append([message.name, message.retvalue, dict(message.params)])
                message.retvalue = answer["retvalue"]
                message.params.update(answer["params"])
                return bool(answer["handled"])

            engine.install(name, handle, 50)
        for given in case["messages"]:
            log.clear()
            sent.clear()
            message = Message(
                given["message"], given["params"], retvalue=given.get("retvalue", ""), time=TIME
            )
            handled = await engine.dispatch(message)
            await engine.dispatcher.wait_idle(10)
            params = {name: untimed(value) for name, value in message.params.items()}
            found.append(
                {
                    "handled": handled,
                    "name": message.name,
                    "returned": message.retvalue,
                    "after": params,
                    "log": list(log),
                    "sent": list(sent),
                }
            )
    return found


def expected(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the recording has of a message, or what a deviation has instead."""
    after = dict(given["after"])
    instead = DEVIATIONS.get((name, given["params"].get("called", "")))
    if instead is not None:
        assert after["r"] != instead
        after["r"] = instead
    return {
        "handled": given["handled"],
        "name": given.get("name", given["message"]),
        "returned": given["returned"],
        "after": after,
        "log": given["log"],
        "sent": given.get("sent", []),
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_recorded_route_comes_out_the_same(case: dict[str, Any], tmp_path: Path) -> None:
    found = asyncio.run(played(case, tmp_path))
    wanted = [expected(case["name"], given) for given in case["messages"]]
    for given, one, other in zip(case["messages"], found, wanted, strict=True):
        assert one == other, given
        assert list(one["after"]) == list(other["after"]), given


def test_there_are_hundreds_of_routes_and_each_deviation_is_one() -> None:
    called = {
        (name, given["params"].get("called", ""))
        for name, case in CASES.items()
        for given in case["messages"]
    }
    assert sum(len(case["messages"]) for case in CASES.values()) >= 600
    assert called.issuperset(DEVIATIONS)
