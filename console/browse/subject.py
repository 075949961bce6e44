"""What is browsed: the messages, and what can be done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext import Reply
    from yext.console.session.flow import Flow
    from yext.ladder.ladder import Ladder
    from yext.record.journey import Journey
    from yext.record.recorder import Follower


@dataclass(frozen=True, slots=True)
class Subject:
    """The messages of a session.

    Attributes:
        flow: the session's flow: its record, its filter, and what it may see.
        follow: has a function called with each message from now on, and returns the function that
            ends that; None for messages of a file.
        fetch: returns the messages of a record elsewhere, as of `FlowRecorder`; None for none.
        most, most_bytes: the bounds of the record: messages, and bytes of memory.
        run: carries out a command line.
        save: writes messages to a file, in the format of its ending.
        held: returns the messages that the session holds (`intercept`), the one held longest first:
            the number of each, and a line about it.
        find_ladder: makes the ladder of the call that has a message with an id or number.
    """

    flow: Flow
    follow: Callable[[Follower], Callable[[], None]] | None
    fetch: Callable[[], Awaitable[list[Journey]]] | None
    most: int
    most_bytes: int
    run: Callable[[str], Awaitable[Reply]]
    save: Callable[[str, Sequence[Journey]], Awaitable[Reply]]
    held: Callable[[], Sequence[tuple[int, str]]]
    find_ladder: Callable[[str], Awaitable[Ladder | None]]
