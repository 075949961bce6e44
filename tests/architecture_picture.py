"""Draw the rooms of the code and the imports between them: docs/architecture.svg.

Run as a script, write the file. The picture depends only on `house.ROOMS` and on its arrows. A room
is a box above all rooms that it imports. An arrow that follows from others (a imports b, b imports
c, a imports c) is left out, as in a Hasse diagram, and so is one to a room of `BASE`.

The layout is that of Sugiyama, Tagawa and Toda (1981): floors, then the order on each floor by
barycentres, then coordinates. An arrow over several floors has a `Place` without a label on each
floor between, so that it passes beside the boxes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import house

PICTURE = house.ROOT / "docs" / "architecture.svg"

PACKAGES = ("yext", "console")
"""The packages, lowest first. Each has its own floors."""

BASE = ("yext.log", "yext.errors")
"""Rooms that any other may import, without an arrow."""

Imports = Mapping[str, Sequence[str]]
"""For each room, the rooms that it imports, in the order of `house.ROOMS`."""

CHARACTER = 7.3
"""Width of a character of a label, in pixels."""

BOX, GAP, FLOOR, MARGIN = 26, 22, 52, 26
"""Height of a box, least distance of boxes, distance of floors, margin, in pixels."""

SWEEPS = 24
"""Passes over all floors, for the order and for the coordinates."""

STYLE = """
    text { font: 12px ui-monospace, Consolas, Menlo, monospace; fill: #1f2933; text-anchor: middle }
    .package { font: bold 15px sans-serif; fill: #52606d; text-anchor: start }
    .panel { fill: #f5f7fa; stroke: #cbd2d9 }
    .room { fill: #ffffff; stroke: #3e4c59 }
    .arrow { fill: none; stroke: #7b8794; stroke-width: 1.2; marker-end: url(#head) }
"""


@dataclass(eq=False)
class Place:
    """A box, or the point where an arrow crosses a floor.

    Attributes:
        label: text of the box; empty for a crossing.
        width: in pixels.
        up, down: neighbours on the floors above and below.
        x: the middle, in pixels.
    """

    label: str = ""
    width: float = 12
    up: list[Place] = field(default_factory=list)
    down: list[Place] = field(default_factory=list)
    x: float = 0


def room_imports(graph: house.Graph) -> dict[str, list[str]]:
    """Return the imports between rooms. Imports that go up are left out: a test forbids them."""
    order = {room: number for number, room in enumerate(house.ROOMS)}
    found: dict[str, set[str]] = {}
    for name, imported in graph.items():
        below = found.setdefault(house.room(name), set())
        below.update(house.room(other) for other in imported if other in graph)
    return {
        room: [one for one in house.ROOMS if one in found[room] and order[one] < order[room]]
        for room in house.ROOMS
        if room in found
    }


def direct(imports: Imports) -> dict[str, list[str]]:
    """Leave out the imports that follow from others, and those of `BASE`."""
    below: dict[str, set[str]] = {}
    for room, imported in imports.items():
        below[room] = {*imported, *(far for one in imported for far in below[one])}
    return {
        room: [
            one
            for one in imported
            if one not in BASE and not any(one in below[other] for other in imported)
        ]
        for room, imported in imports.items()
    }


def floors(imports: Imports) -> dict[str, int]:
    """Return the floor of each room, 0 for the lowest.

    A room is above all that it imports, and as close as possible below the rooms that import it.
    All rooms of a package are above those of the packages below it.
    """
    floor: dict[str, int] = {}
    for package in PACKAGES:
        ground = max(floor.values(), default=-1) + 1
        rooms = [room for room in imports if room.partition(".")[0] == package]
        for room in rooms:
            floor[room] = max([ground, *(floor[one] + 1 for one in imports[room])])
        for room in reversed(rooms):
            users = [floor[one] for one in rooms if room in imports[one]]
            floor[room] = min(users) - 1 if users else floor[room]
    return floor


def label(room: str) -> str:
    """Return the path of a room inside its package."""
    parts = room.split(".")
    path = house.ROOT.joinpath(*parts)
    if len(parts) == 1:
        return "__init__.py"
    return "/".join(parts[1:]) + ("/" if path.is_dir() else ".py")


def arrange(
    imports: Imports, floor: Mapping[str, int]
) -> tuple[dict[str, Place], list[list[Place]]]:
    """Place the rooms: return them by name, and all places by floor, from left to right."""
    places = {room: Place(label(room), len(label(room)) * CHARACTER + 18) for room in imports}
    rows: list[list[Place]] = [[] for _ in range(max(floor.values()) + 1)]
    for room, place in places.items():
        rows[floor[room]].append(place)
    for room, imported in imports.items():
        for other in imported:
            upper = places[room]
            for between in range(floor[room] - 1, floor[other], -1):
                crossing = Place()
                rows[between].append(crossing)
                _join(upper, crossing)
                upper = crossing
            _join(upper, places[other])
    _sort(rows)
    _align(rows)
    return places, rows


def _join(upper: Place, lower: Place) -> None:
    upper.down.append(lower)
    lower.up.append(upper)


def _sort(rows: list[list[Place]]) -> None:
    """Order each floor so that few arrows cross: keep the best of several sweeps."""
    best = [list(row) for row in rows]
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in reversed(rows) if downwards else rows:
            neighbours = {place: place.up if downwards else place.down for place in row}
            here = {place: index for index, place in enumerate(row)}
            there = {place: index for other in rows for index, place in enumerate(other)}
            row.sort(
                key=lambda place: _mean((there[one] for one in neighbours[place]), here[place])
            )
        if _crossings(rows) < _crossings(best):
            best = [list(row) for row in rows]
    rows[:] = best


def _mean(values: Iterable[float], default: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else default


def _crossings(rows: Sequence[Sequence[Place]]) -> int:
    """Count the crossings of arrows."""
    count = 0
    for lower, upper in itertools.pairwise(rows):
        column = {place: index for index, place in enumerate(lower)}
        arrows = [(left, column[one]) for left, place in enumerate(upper) for one in place.down]
        count += sum(a < c and b > d for a, b in arrows for c, d in arrows)
    return count


def _align(rows: Sequence[Sequence[Place]]) -> None:
    """Move each place towards the middle of its neighbours."""
    for row in rows:
        _spread(row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            _spread(row, [_mean((one.x for one in (*p.up, *p.down)), p.x) for p in row])


def _spread(row: Sequence[Place], wanted: Sequence[float]) -> None:
    """Put the places as close as possible to `wanted`, in order and without overlap.

    With the widths subtracted this is isotonic regression, by pooling adjacent violators.
    """
    offsets = [0.0]
    for left, right in itertools.pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + GAP)
    pools: list[list[float]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append([want - offset])
        while len(pools) > 1 and _mean(pools[-2], 0) >= _mean(pools[-1], 0):
            last = pools.pop()
            pools[-1] += last
    starts = [_mean(pool, 0) for pool in pools for _ in pool]
    for place, start, offset in zip(row, starts, offsets, strict=True):
        place.x = start + offset


def draw(imports: Imports) -> str:
    """Return the picture as SVG."""
    imports = direct(imports)
    floor = floors(imports)
    places, rows = arrange(imports, floor)
    left = min(place.x - place.width / 2 for row in rows for place in row) - MARGIN
    right = max(place.x + place.width / 2 for row in rows for place in row) + MARGIN
    top = len(rows) - 1

    def at(place: Place, row: int) -> tuple[int, int]:
        return round(place.x - left) + MARGIN, (top - row) * FLOOR + 2 * MARGIN

    panels, arrows, boxes = [], [], []
    for package in PACKAGES:
        own = [floor[room] for room in imports if room.partition(".")[0] == package]
        panels += _panel(package, min(own), max(own), top, round(right - left))
    for room, place in places.items():
        x, y = at(place, floor[room])
        boxes += _box(place, x, y)
        for step in place.down:
            way, row = [(x, y + BOX // 2)], floor[room] - 1
            while not step.label:
                way.append(at(step, row))
                step, row = step.down[0], row - 1
            end = at(step, row)
            arrows.append(_arrow([*way, (end[0], end[1] - BOX // 2)]))
    size = f'width="{round(right - left) + 2 * MARGIN}" height="{top * FLOOR + 4 * MARGIN}"'
    head = '<path d="M0 0 8 4 0 8z" fill="#7b8794"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"  <style>{STYLE}  </style>",
            '  <defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" '
            f'orient="auto" markerUnits="userSpaceOnUse">{head}</marker></defs>',
            '  <rect width="100%" height="100%" fill="#ffffff"/>',
            *panels,
            *arrows,
            *boxes,
            "</svg>\n",
        ]
    )


def _panel(package: str, lowest: int, highest: int, top: int, width: int) -> list[str]:
    y = (top - highest) * FLOOR + 2 * MARGIN - FLOOR // 2 + 2
    height = (highest - lowest + 1) * FLOOR - 4
    return [
        f'  <rect class="panel" x="{MARGIN}" y="{y}" width="{width}" height="{height}" rx="8"/>',
        f'  <text class="package" x="{MARGIN + 12}" y="{y + 22}">{package}/</text>',
    ]


def _box(place: Place, x: int, y: int) -> list[str]:
    width = round(place.width)
    return [
        f'  <rect class="room" x="{x - width // 2}" y="{y - BOX // 2}" width="{width}" '
        f'height="{BOX}" rx="4"/>',
        f'  <text x="{x}" y="{y + 4}">{place.label}</text>',
    ]


def _arrow(way: Sequence[tuple[int, int]]) -> str:
    """Draw a smooth curve through the points, vertical at both ends and where it turns back."""
    steps = [to_x - x for (x, _), (to_x, _) in itertools.pairwise(way)]
    turns = [min(a, b, key=abs) / 3 if a * b > 0 else 0 for a, b in itertools.pairwise(steps)]
    parts = [f"M{way[0][0]} {way[0][1]}"]
    for here, there, out, into in zip(way, way[1:], [0, *turns], [*turns, 0], strict=False):
        (x, y), (to_x, to_y) = here, there
        # A third of the way where the curve passes straight on, more where it leaves a vertical.
        first = f"{round(x + out)} {y + (to_y - y) // (3 if out else 2)}"
        second = f"{round(to_x - into)} {to_y - (to_y - y) // (3 if into else 2)}"
        parts.append(f"C{first} {second} {to_x} {to_y}")
    return f'  <path class="arrow" d="{" ".join(parts)}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(room_imports(house.imports())), encoding="utf-8")
