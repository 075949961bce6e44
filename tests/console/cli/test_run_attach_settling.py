"""A batch has the same exit codes and waits for the same scripts locally and by ``--attach``."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import ROOT, Remote
from test_run_settling import BAD, SLOW_ROUTE

MESSAGE = "message call.route called=99"

BATCHES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...], str]] = {
    "speaks": (0, ("external start route.sh", MESSAGE), (), "handled in"),
    "parts of a line": (0, (f"external start route.sh; {MESSAGE}",), (), "handled in"),
    "parts of an alias": (
        0, (f"alias go external start route.sh; {MESSAGE}", "go"), (), "handled in",
    ),
    "piped": (0, ("-",), (f"alias go external start route.sh; {MESSAGE}", "go"), "handled in"),
    "waits in vain": (1, ("external start three.sh", f"message --wait 3600 {MESSAGE[8:]}"), (),
                      "Nobody handles call.route: three.sh"),
    "not waited for": (1, ("--no-settle", "external start route.sh", MESSAGE), (),
                       "do: message --wait 10 call.route: route.sh is still starting"),
    "unhandled": (1, (MESSAGE,), (), "nobody handled call.route"),
    "unknown": (2, ("nonsense",), (), "Cannot understand: nonsense"),
    **{
        line: (1, (line,), (), "")
        for line in (
            "phone wait tone 1", "external why nothing", "external log nothing",
            "external show nothing", "external dismiss nothing", "status nothing",
            "reload nothing", r"sniffer filter \(", "external start gone.sh",
        )
    },
    **{name: (1, (f"external start {name}", "uptime"), (), f"{name} ended ") for name in BAD},
}  # fmt: skip
"""By name: the exit code, the arguments of ``yext run``, its standard input, and a text that it
prints."""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    remote = Remote(tmp_path_factory.mktemp("served"))
    for name, text in (BAD | {"route.sh": SLOW_ROUTE}).items():
        remote.script(name, text)
    yield remote
    remote.close()


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("attached", [False, True], ids=["local", "attached"])
def test_a_batch_ends_in_the_same_way(remote: Remote, name: str, attached: bool) -> None:
    code, arguments, given, text = BATCHES[name]
    if attached:
        where = ["--attach", f"127.0.0.1:{remote.port()}"]
        # What an earlier batch has left there is stopped first, and is none of this one's.
        subprocess.run(
            [sys.executable, "-m", "console", "run", *where, "external stop route.sh"],
            cwd=ROOT, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    else:
        where = ["-c", str(_configuration(remote.folder))]
    done = subprocess.run(
        [sys.executable, "-m", "console", "run", *where, *arguments],
        cwd=ROOT, input="\n".join(given), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert text in done.stdout + done.stderr


def _configuration(served: Path) -> Path:
    """A folder with the served engine's scripts, and without its listeners."""
    folder = served / "local"
    folder.mkdir(exist_ok=True)
    (folder / "extmodule.conf").write_text((served / "extmodule.conf").read_text())
    return folder
