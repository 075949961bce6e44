"""What an attached link needs of the engine at the other end of its connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from yext import Reply
from yext.console.link import Counts, Overview, Word


class RemoteEngine(Protocol):
    """An engine behind a connection that is logged in, spoken to in the best way that it knows.

    Attributes:
        product: ``Yate`` or ``yext``, as far as it is known.
        version: its version.
        node: its node name, made safe.
    """

    product: str
    version: str
    node: str

    def is_local(self, line: str) -> bool:
        """Whether a command line is carried out on this side, by the link's own interpreter."""

    async def prepare(self, line: str) -> None:
        """Fetch what a command that is carried out on this side needs of the engine."""

    async def show_output(self) -> None:
        """Turn on the output of the engine for this session; raises as `run`."""

    async def run(self, line: str) -> Reply:
        """Run a command line there.

        Raises:
            ConnectError: the connection was lost before the reply.
            LineError: the line cannot be sent.
        """

    async def look_up(self, line: str) -> Reply | None:
        """As `console.link.Link.look_up`; raises as `run`."""

    async def complete(self, line: str) -> list[Word]:
        """The words that may stand in place of the last word of `line`; raises as `run`."""

    async def described(self) -> Mapping[str, str]:
        """A description of each command, by its name; raises as `run`."""

    async def overview(self) -> Overview:
        """What a session shows when it begins; raises as `run`."""

    def counts(self) -> Counts:
        """The newest numbers that are known, without asking for them."""

    def usage(self, line: str) -> str:
        """The usage line of the command being typed, empty where it is not known."""

    async def settle(self, seconds: float, strict: bool) -> bool:
        """Wait until the programs that the session has started are settled; raises as `run`.

        Args:
            seconds, strict: as of `console.session.starts.Starts`; those of the first call hold.

        Returns:
            True if one of them ended badly; False where that is not known.
        """

    async def resume(self, lost: float, before: RemoteEngine | None) -> str:
        """Go on with what was followed before the connection was lost; raises as `run`.

        Args:
            lost: when it was lost, in seconds since 1970.
            before: the engine as it was spoken to before.

        Returns:
            What was missed, counted; empty where that is not known.
        """

    def leave(self) -> None:
        """Say goodbye, without waiting for an answer."""

    def flow(self) -> str:
        """The state of the message flow, for the bottom line; empty where it is not known."""
