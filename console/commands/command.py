"""A row of the table of session commands."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from yext import Reply
from yext.command import EOL
from yext.console.commands.parameters import ArgumentError, Line
from yext.console.commands.signature import Signature, signature_of
from yext.console.replies.reply import failed, not_authenticated
from yext.console.session.authority import Authority
from yext.errors import NotAllowedError
from yext.log import safe

if TYPE_CHECKING:
    from yext.console.session.session import Session

Function = Callable[..., "Reply | Awaitable[Reply]"]
"""Carries out a command; `console.commands.signature` says what its parameters mean."""


class Listed(enum.Enum):
    """Whose help and completion show a command."""

    YATE = enum.auto()
    """Yate's and yext's. Words too many are ignored, as Yate does."""

    YEXT = enum.auto()
    """Yext's alone."""

    NOWHERE = enum.auto()


class SessionCommand(NamedTuple):
    """A command of a session.

    Attributes:
        name: the words it begins with.
        help: what it does, in a line of help.
        function: carries it out; its parameters make usage, completion and validation.
        authority: what a session must be to use it.
        listed: whose help shows it, in the order of the table.
        stated_usage: the usage line where Yate's own differs from that of the parameters.
        missing: the reply to a line without a required argument, empty for the usage.
        example: a line to try, as the hint about a mistake.
        observes: whether it shows messages, which users see only where a listener lets them.
        verbs: the commands of its first word; without one, `function` is called.
    """

    name: str
    help: str
    function: Function
    authority: Authority = Authority.ADMIN
    listed: Listed = Listed.YEXT
    stated_usage: str = ""
    missing: str = ""
    example: str = ""
    observes: bool = False
    verbs: tuple[SessionCommand, ...] = ()

    @property
    def signature(self) -> Signature:
        """The parameters of the function."""
        return signature_of(self.function)

    @property
    def usage(self) -> str:
        """The usage line: the name and the parameters."""
        if self.stated_usage:
            return self.stated_usage
        if self.verbs:
            verbs = (one.usage.removeprefix(f"{self.name} ") for one in self.verbs)
            return f"{self.name} [{'|'.join(verbs)}]"
        return f"{self.name} {self.signature.usage}".rstrip()

    @property
    def line_after(self) -> int | None:
        """How many words come before the command line that is its argument, None without one."""
        kinds = [type(one.kind) for one in self.signature.positional]
        return kinds.index(Line) if Line in kinds else None

    def find_verb(self, word: str) -> SessionCommand | None:
        """The verb of that name."""
        return next((one for one in self.verbs if one.name == f"{self.name} {word}"), None)

    async def call(self, session: Session, interpreter: object, rest: str) -> Reply:
        """Carry out the command.

        Args:
            rest: what follows its name.
        """
        word, _, after = rest.strip().partition(" ")
        if self.verbs and word:
            return await self._call_verb(session, interpreter, word, after)
        strict = self.listed is not Listed.YATE
        try:
            positional, options = self.signature.bind(rest, self.missing, strict=strict)
            target = interpreter if self.signature.wants_interpreter else session
            result = self.function(target, *positional, **options)
            return result if isinstance(result, Reply) else await result
        except ArgumentError as error:
            return self._refuse(error)
        except NotAllowedError as error:
            return Reply(False, f"{error}{EOL}", error.params())

    async def _call_verb(
        self, session: Session, interpreter: object, word: str, rest: str
    ) -> Reply:
        verb = self.find_verb(word)
        if verb is None:
            names = ", ".join(one.name.removeprefix(f"{self.name} ") for one in self.verbs)
            return failed(f"Unknown {self.name} command: {safe(word)}", f"one of {names}")
        if session.authority < verb.authority:
            return not_authenticated()
        return await verb.call(session, interpreter, rest)

    def _refuse(self, error: ArgumentError) -> Reply:
        if not error.reason:
            return failed(f"Usage: {self.usage}", error.hint or self.example)
        return failed(safe(error.reason), error.hint or self.example or self.usage)

    def complete(
        self, session: Session, interpreter: object, before: str, word: str
    ) -> dict[str, str]:
        """The words that may come next, each with a description.

        Args:
            before: what stands between the command's name and the word being typed.
            word: the start of the word being typed.
        """
        if not self.verbs:
            return self.signature.complete(session, interpreter, before, word)
        if not before:
            return {one.name.rpartition(" ")[2]: one.help for one in self.verbs}
        first, _, after = before.partition(" ")
        verb = self.find_verb(first)
        return verb.complete(session, interpreter, after, word) if verb is not None else {}
