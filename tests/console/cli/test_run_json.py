"""The data of ``external show`` and other tables: the types that docs/json.md names."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from yext import Reply
from yext.console.cli.exitcodes import MEANINGS
from yext.console.replies.to_json import data_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")

RESTARTED = "#!/bin/sh\necho '%%>setlocal:restart:true'\nread -r line\nexit 7\n"


def schema_of_a_script() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", PAGE.partition("## A script")[2], re.DOTALL)
    assert found is not None
    schema: dict[str, Any] = json.loads(found[1])
    return schema


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``yext run`` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", "console", "run", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration directory with scripts in each state that lasts."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name, text in {
        "99": "#!/bin/sh\necho '%%>install:50:x'\ncat >/dev/null\n",
        "bad.sh": "#!/bin/sh\nexit 3\n",
        "again.sh": RESTARTED,
    }.items():
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={scripts}/\nrestart_delay=60000\n"
    )
    return tmp_path


def test_scripts_are_as_the_schema_says(conf: Path) -> None:
    done = run(
        "--json", "-c", str(conf), "external show", "external start 99 1", "external start bad.sh",
        "external start again.sh", "external start gone.sh", "external start 99 -",
        "external stop 99 -", "external show",
    )  # fmt: skip
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert replies[0]["data"] == []
    rows = replies[-1]["data"]
    jsonschema.Draft202012Validator(
        {"type": "array", "items": schema_of_a_script(), "$defs": schema_of_a_script()["$defs"]}
    ).validate(rows)
    running, bad, again, gone, stopped = rows
    assert (running["script"], running["parameter"], running["state"]) == ("99", "1", "running")
    assert running["pid"] == int(replies[1]["data"]["pid"])
    assert (running["handlers"], running["restarts"], running["last exit"]) == (1, 0, None)
    assert (bad["state"], bad["pid"], bad["last exit"]) == ("failed", None, "exit status 3")
    assert bad["failed at"] == bad["last exit at"] == bad["last failure at"]
    assert (again["state"], again["restarts"], again["restarts max"]) == ("backing off", 1, 5)
    assert 0 < again["again in"] <= 75
    assert gone["last failure"] == "gone.sh: No such file or directory (ENOENT, 2)"
    assert (stopped["state"], stopped["failed at"]) == ("stopped", None)


def test_a_table_of_numbers_and_names() -> None:
    text = "channel\tscript\tpeer\theard\tdropped\tplayed\r\n1\t7 8\t-\t12\t0\t-\r\n"
    assert data_of("external audio", Reply(True, text)) == [
        {"channel": "1", "script": "7 8", "peer": None, "heard": 12, "dropped": 0, "played": None}
    ]


def test_cells_of_a_status_are_numbers_where_they_can_be() -> None:
    text = "name=x,type=misc,format=State|Time;a=1;one=up|12\r\n"
    data: Any = data_of("status x", Reply(True, text))
    [row] = data[0]["rows"]
    assert row == {"id": "one", "State": "up", "Time": 12}


def test_the_exit_codes_are_the_same_on_the_page_and_in_the_help() -> None:
    rows = [f"| {code} | {meaning} |" for code, meaning in MEANINGS.items()]
    assert "\n".join(rows) in PAGE
    shown = run("--help").stdout
    for code, meaning in MEANINGS.items():
        assert f"\n  {code}  {meaning}\n" in shown
