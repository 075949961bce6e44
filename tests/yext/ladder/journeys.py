"""Journeys made by hand, for tests of what is drawn of a record."""

from collections.abc import Mapping

from yext.record.journey import Journey, Step, StepResult

START = 1795780800.0


def journey(
    number: int,
    name: str,
    params: Mapping[str, str] | None = None,
    *,
    sender: str = "engine",
    after: Mapping[str, str] | None = None,
    steps: tuple[Step, ...] = (),
    by: str = "",
    retvalue: str = "",
    parent: int = 0,
    took: float = 0.001,
) -> Journey:
    """A message that has ended; `by` handled it, in a step of its own."""
    before = dict(params or {})
    if by:
        steps = (*steps, Step(by, 100, took, StepResult.HANDLED))
    return Journey(
        number,
        START + number / 8,
        name,
        sender,
        before,
        parent=parent,
        depth=int(bool(parent)),
        steps=steps,
        handled=bool(by),
        took=took,
        after=before if after is None else dict(after),
        retvalue=retvalue,
        ended=True,
    )


def call_of(channel: str, script: str, own: str, first: int = 1) -> list[Journey]:
    """The beginning of a call from `channel`, to a script that answers it as `own`."""
    start = {"id": channel, "billid": f"b-{channel}"}
    call = {**start, "callto": f"external/nodata/{script}", "caller": "40", "called": "99"}
    return [
        journey(first, "chan.startup", start),
        journey(first + 1, "call.execute", call, after={**call, "targetid": own}, by="extmodule"),
        journey(
            first + 2, "call.answered", {"id": own, "targetid": channel}, sender=script, by="phone"
        ),
    ]


def overlapping(count: int) -> list[Journey]:
    """So many calls of one script that do not end, and as many messages that may be of any."""
    record = [one for call in range(count)
              for one in call_of(f"phone/{call}", "a.py", f"a/{call}", call * 5 + 1)]  # fmt: skip
    first = count * 5 + 10
    return record + [
        journey(first + number, "chan.attach", {"source": "tone/dial"}, sender="a.py")
        for number in range(count)
    ]
