"""A page of messages, their journeys and the ladders of their calls: one file of HTML, no server.

All that came from scripts is data: it is made safe, escaped where it is written, and only ever
becomes text in the page. A policy in the page lets nothing run but the page's own script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yext.console.export.origin import Origin
from yext.console.ladder.svg import draw_svg, stylesheet
from yext.console.replies.trace import params_in_order
from yext.ladder.calls import Call, calls_of
from yext.ladder.ladder import Ladder, ladder_of
from yext.log import safe
from yext.record.file import open_private
from yext.record.journey import to_json
from yext.version import VERSION

if TYPE_CHECKING:
    from yext.record.journey import Journey

_FOLDER: Final = Path(__file__).parent

_IN_SCRIPT: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What could end the element that holds JSON, or begin a comment there."""


def write_page(path: str, journeys: Sequence[Journey], origin: Origin) -> int:
    """Write messages as a page to the file at `path`; return how many there were.

    Raises:
        OSError: the file cannot be written.
    """
    ordered = sorted(journeys, key=lambda journey: journey.number)
    text = "".join(draw_page(ordered, origin))
    with open(path, "w", encoding="utf-8", opener=open_private) as file:
        file.write(text)
    return len(ordered)


def draw_page(journeys: Sequence[Journey], origin: Origin) -> Iterator[str]:
    """Draw the page, in pieces.

    Args:
        journeys: in the order of their numbers.
    """
    style = _asset("page.css") + stylesheet()
    script = _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " base-uri 'none'; form-action 'none'"
    )
    title = f"Messages of {safe(origin.node)}" if origin.node else "Messages"
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="generator" content="yext {VERSION}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1><p>{escape(_summary(journeys, origin))}</p></header>\n"
    )
    yield _asset("page.html")
    calls = [(call, ladder_of(call)) for call in calls_of(journeys)]
    for at, (call, ladder) in enumerate(calls):
        yield _call(at, call, ladder)
    yield f'</section>\n<script type="application/json" id="data">{_data(journeys, calls)}</script>'
    yield f"\n<script>{script}</script>\n</body>\n</html>\n"


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """The source of a policy that allows exactly this text."""
    found = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def _stamp(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def _summary(journeys: Sequence[Journey], origin: Origin) -> str:
    parts = [f"{len(journeys):,} message{'' if len(journeys) == 1 else 's'}"]
    if journeys:
        first, last = journeys[0].when, max(one.when for one in journeys)
        parts.append(f"{_stamp(first)} to {_stamp(last)}, {time.strftime('%z')}")
    if origin.filter:
        parts.append(f"filter: {safe(origin.filter)}")
    return ", ".join([*parts, f"yext {VERSION}"])


def _call(at: int, call: Call, ladder: Ladder) -> str:
    picture = draw_svg(ladder, _name(call), styled=False)
    heading = escape(safe(_name(call)))
    return f'<article id="call-{at}" hidden>\n<h2>{heading}</h2>\n{picture}</article>\n'


def _name(call: Call) -> str:
    """What a call is called: who calls whom, as far as its messages say so, and its ids."""
    found = {}
    for name in ("caller", "called", "billid"):
        values = (one.params.get(name) or one.after.get(name, "") for one in call.messages)
        found[name] = next((value[:60] for value in values if value), "")
    who = f"{found['caller'] or '?'} to {found['called'] or '?'}"
    ids = found["billid"] or ", ".join(sorted(call.ids)[:3])
    return f"{who}, {ids}"[:200]


def _data(journeys: Sequence[Journey], calls: Sequence[tuple[Call, Ladder]]) -> str:
    """The messages and calls as JSON that may stand in an element ``script``."""
    found = {
        "messages": [_message(journey) for journey in journeys],
        "calls": [
            {"name": safe(_name(call)), "numbers": [one.number for one in call.messages]}
            for call, _ in calls
        ],
    }
    return json.dumps(found, separators=(",", ":")).translate(_IN_SCRIPT)


def _message(journey: Journey) -> Any:
    """A message as an object; parameters are pairs, as objects have an order of their own."""
    found = to_json(journey)
    # The list shows the most important ones, as a line of the flow does.
    order = [*params_in_order(journey.name, journey.params), *journey.params]
    found["params"] = [(name, journey.params[name]) for name in dict.fromkeys(order)]
    found["reply"]["params"] = list(journey.after.items())
    return _safe(found)


def _safe(found: Any) -> Any:
    """Make all texts of an object safe."""
    if isinstance(found, str):
        return safe(found)
    if isinstance(found, dict):
        return {name: _safe(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_safe(value) for value in found]
    return found
