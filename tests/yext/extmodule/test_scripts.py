"""Scripts and peers are found by name, in order, and those that have ended are forgotten."""

from typing import cast

from yext.extmodule.script.script import Script
from yext.extmodule.scripts import Index, Scripts


class Line:
    """Stands in for a script."""

    def __init__(self, name: str, parameter: str = "", *, configured: bool = False) -> None:
        self.name = name
        self.parameter = parameter
        self.configured = configured


def test_items_are_found_by_name_and_parameter_in_order() -> None:
    index: Index[Line] = Index()
    first, second, other = Line("a", "1"), Line("a", "2"), Line("b", "1")
    for item in (first, second, other, first):
        index.add(item)
    assert list(index) == [first, second, other]
    assert index.named("a", None) == [first, second]
    assert index.named("a", "2") == [second]
    assert index.named("a", "") == index.named("c", None) == []
    assert index.first("a", None) is first
    assert index.first("b", "1") is other
    assert index.first("b", "2") is index.first("c", None) is None


def test_nothing_is_left_of_what_was_removed() -> None:
    index: Index[Line] = Index()
    items = [Line("a", str(number % 3)) for number in range(9)]
    for item in items:
        index.add(item)
    index.remove(items[0])
    index.remove(items[0])
    assert index.first("a", "0") is items[3]
    for item in items:
        index.remove(item)
    assert not len(index)
    assert index.named("a", None) == index.named("a", "0") == []


def test_the_scripts_that_ended_first_are_forgotten_first() -> None:
    scripts = Scripts()
    made = [cast(Script, Line("a", str(number))) for number in range(5)]
    kept = cast(Script, Line("kept", configured=True))
    for script in (*made, kept):
        scripts.add(script)
    scripts.ended(kept, 2)
    for number in (3, 0, 4):
        scripts.ended(made[number], 2)
    assert list(scripts) == [made[0], made[1], made[2], made[4], kept]
    scripts.started(made[0])
    scripts.ended(made[1], 2)
    assert made[0] in scripts
    assert made[4] in scripts
    scripts.ended(made[2], 1)
    assert list(scripts) == [made[0], made[2], kept]
