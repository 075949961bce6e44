"""Print what each input path costs at several lengths: ``python -m tests.faults.lengths``.

The table of docs/performance.md. Of each path the input that costs most is shown.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import mock

from tests.faults.test_linear import PATHS, seconds
from yext.console.client import hosts

LENGTHS = (1_000, 10_000, 100_000)

KINDS = {
    "message": "a message of a peer",
    "answer": "an answer of a peer",
    "bytes": "a line in small pieces",
    "install": "an install request",
    "digits": "numbers of a peer",
    "telnet": "telnet",
    "typed": "keys for the plain line editor",
    "hidden": "a line searched for passwords",
    "alias": "an alias put in",
    "tone": "the name of a tone",
    "safe": "text made safe for a terminal",
    "log": "a log line of an attached engine",
    "reply": "a status of an attached engine",
    "peers": "external info of an attached engine",
    "failure": "a failed reply of an attached engine",
    "completions": "words that an attached engine offers",
    "filter": "a filter of the flow, and its expressions on a value",
    "user_regexp": "user_regexp on a command",
    "wildcard": "a name with wildcards",
    "conf": "a configuration file",
    "hosts": "hosts.toml",
    "wave": "the header of a sound file",
    "record": "a file of recorded messages",
    "calls": "recorded messages sorted into calls, 10 B each",
}
"""The paths, by the first word of their names in `PATHS`."""


def main() -> None:
    """Measure every path and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mock.patch.object(hosts, "hosts_path", lambda: folder / "hosts.toml"):
            worst: dict[str, tuple[float, ...]] = {}
            for path, make in PATHS.items():
                kind = path.split()[0]
                costs = tuple(seconds(make(folder, length)) * 1e6 for length in LENGTHS)
                worst[kind] = max(worst.get(kind, costs), costs, key=lambda found: found[-1])
    print(f"| input | {' | '.join(f'{length:,} B' for length in LENGTHS)} | ns a byte |")
    print("|---|--:|--:|--:|--:|")
    for kind, text in KINDS.items():
        costs = worst.pop(kind, (0.0, 0.0, 0.0))
        shown = " | ".join(f"{cost:,.0f} µs" for cost in costs)
        print(f"| {text} | {shown} | {1000 * costs[-1] / LENGTHS[-1]:.0f} |")
    assert not worst, f"paths without a name here: {list(worst)}"


if __name__ == "__main__":
    main()
