"""The way of a message through the rules.

A walk is a generator: where a rule dispatches a message or sleeps, it yields that request, and
goes on when it was carried out. So nothing waits, and a message whose rules do neither is routed
in one go.

Source: recordings of Yate 6.4.1 (tests/conformance/routes).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from yext.message import Message
from yext.regexroute.contexts import Context, holds
from yext.regexroute.functions.evaluate import LONGEST, Host, replace_functions
from yext.regexroute.match import Match
from yext.regexroute.rules import (
    PLACE,
    Assign,
    Enter,
    Mistake,
    Rule,
    Say,
    Send,
    Step,
    Subject,
    Test,
)
from yext.regexroute.text import boolean, first_word, inner, integer, outer, trim

MOST_RULES: Final = 20_000
"""Rules that one message may be taken through: contexts that include each other twice make
millions of them."""

MOST_BLOCKS: Final = 10
"""Blocks that may be open at once."""

LONGEST_SLEEP: Final = 60_000
"""Milliseconds that ``msleep`` waits at most."""


class RuleSet(NamedTuple):
    """The rules that were read.

    Attributes:
        contexts: the contexts by name.
        insensitive: whether letters match those of the other case.
        deepest: how many jumps and includes may follow each other.
    """

    contexts: Mapping[str, Context]
    insensitive: bool
    deepest: int


class Dispatching(NamedTuple):
    """The request to dispatch a message, and to go on once that is done."""

    message: Message


class Enqueueing(NamedTuple):
    """The request to dispatch a message later."""

    message: Message


class Sleeping(NamedTuple):
    """The request to go on after some milliseconds."""

    milliseconds: int


Request = Dispatching | Enqueueing | Sleeping

Steps = Generator[Request, None, bool]
"""A walk, or a part of one; the result is whether it has routed the message."""


class Trace(Protocol):
    """Records the way through the rules."""

    rules: bool
    """Whether each rule is recorded, also one that does not match."""

    def enter(self, context: str, text: str) -> None:
        """Tell that a text is looked for in a context."""

    def tested(self, context: str, rule: Rule, match: Match | None) -> None:
        """Tell of a rule, and of the match if it holds."""

    def warn(self, text: str) -> None:
        """Tell of a mistake in a rule."""

    def compile_failed(self, pattern: str) -> None:
        """Tell of an expression that is none, and so matches nothing."""

    def say(self, text: str, level: int | None) -> None:
        """Output what a rule says, at a debug level or as plain output."""


class Block(Enum):
    """The state of a block."""

    RUN = auto()
    SKIP = auto()
    DONE = auto()


class Decision(NamedTuple):
    """The rule that has decided where a message goes.

    Attributes:
        context: its context.
        rule: the rule.
        match: what its last test has matched.
    """

    context: str
    rule: Rule
    match: Match


@dataclass(slots=True)
class Walk:
    """The way of one message through the rules.

    Attributes:
        rules: the rules.
        host: what functions know of the engine.
        trace: records the way through the rules.
        message: the message, which the rules change.
        text: the text that is matched.
        retvalue: the return value so far.
        decision: the rule that has routed the message, None for none.
        left: how many more rules may be looked at.
    """

    rules: RuleSet
    host: Host
    trace: Trace
    message: Message
    text: str
    retvalue: str
    decision: Decision | None = None
    left: int = field(default=MOST_RULES)

    # Contexts

    def context(self, name: str, warn: bool = False, depth: int = 0) -> Steps:
        """Take the message through the context `name`.

        Args:
            name: the context.
            warn: whether it is a mistake if there is none of that name.
            depth: how many jumps and includes have led here.
        """
        if not name:
            return False
        if depth > self.rules.deepest:
            self.trace.warn(f"Possible loop detected, current context '{name}'")
            return False
        self.trace.enter(name, self.text)
        context = self.rules.contexts.get(name)
        if context is None:
            if warn:
                self.trace.warn(f"Missing target context '{name}'")
            return False
        blocks: list[Block] = []
        for rule, held in self._candidates(context):
            state = self._enter(rule, blocks, name)
            if state is None:
                return False
            found = self._find(rule, held, name) if state is Block.RUN else None
            if found is None:
                continue
            action, match = found
            if isinstance(action, Assign):
                result = yield from self._assign(action, match, rule, name, depth)
                if result is not None:
                    return result
            elif isinstance(action, Say):
                self.trace.say(self._replaced(action.text, match), action.level)
            elif isinstance(action, Send):
                yield from self._send(action, match)
            elif blocks:
                blocks[-1] = Block.RUN
            else:
                self.trace.warn(f"Got '{{' outside block in {_line(rule, name)}")
        if blocks:
            self.trace.warn(f"There are {len(blocks)} blocks still open at end of context '{name}'")
        return False

    def _candidates(self, context: Context) -> Iterator[tuple[Rule, bool | None]]:
        """Yield the rules that are to be looked at, and whether their first tests are known to
        hold; what those yielded before have changed counts."""
        rules, groups = context.rules, context.groups
        if self.trace.rules:
            groups = []
        index = 0
        while index < len(rules):
            held = 0
            for group in groups:
                held |= group.holds(self._subject(group.example))
            mask = (held | (context.always if groups else context.every)) >> index
            if not mask:
                return
            index += (mask & -mask).bit_length() - 1
            self.left -= 1
            if self.left < 0:
                self.trace.warn(
                    f"More than {MOST_RULES} rules for one message, in context '{context.name}'"
                )
                return
            yield rules[index], True if held >> index & 1 else None
            index += 1

    # Blocks

    def _enter(self, rule: Rule, blocks: list[Block], name: str) -> Block | None:
        """Close and open blocks; return the state that the rule is in, None to leave the context.

        A block that follows ``}`` on its line runs only if those before it in the chain did not.
        """
        state = blocks[-1] if blocks else Block.RUN
        if not (rule.closes or rule.opens):
            return state
        last = Block.SKIP
        if rule.closes:
            if not blocks:
                self.trace.warn(f"Got '}}' outside block in {_line(rule, name)}")
                return Block.SKIP
            last = blocks.pop()
            state = blocks[-1] if blocks else Block.RUN
        if not rule.opens:
            return state if last is Block.SKIP else Block.DONE
        if len(blocks) >= MOST_BLOCKS:
            self.trace.warn(f"Block stack overflow in {_line(rule, name)}")
            return None
        begun = Block.DONE
        if state is Block.RUN:
            if last is Block.SKIP:
                begun = Block.SKIP
            else:
                state = Block.DONE
        blocks.append(begun)
        return state

    # Tests

    def _find(
        self, rule: Rule, held: bool | None, name: str
    ) -> tuple[Say | Enter | Send | Assign, Match] | None:
        """Test a rule; return what is to be done and the last match, None if it does not hold."""
        step = rule.first
        while True:
            match = self._match(step.test, held, rule, name)
            held = None
            following = step.failed if match is None else step.matched
            if isinstance(following, Step):
                step = following
                continue
            if isinstance(following, Mistake):
                self.trace.warn(following.text.replace(PLACE, _place(rule, name)))
                following = None
            if self.trace.rules:
                self.trace.tested(name, rule, match if following is not None else None)
            if following is None or match is None:
                return None
            return following, match

    def _match(self, test: Test, held: bool | None, rule: Rule, name: str) -> Match | None:
        if test.mistake:
            self.trace.warn(test.mistake.replace(PLACE, _place(rule, name)))
            return None
        if test.error:
            self.trace.compile_failed(test.pattern)
        text = self._subject(test)
        if held is None:
            held = holds(test, text, self.rules.insensitive)
        if not held:
            return None
        return Match(text, test, self.rules.insensitive)

    def _subject(self, test: Test) -> str:
        """Return the text that a test looks at."""
        if test.subject is Subject.MATCHED:
            return trim(self.text)
        if test.subject is Subject.PARAM:
            return trim(inner(self.message.get(outer(test.name), test.default)))
        text = self._replace_params(test.function)
        return trim(replace_functions(text, self.message, self.host))

    # Replacements

    def _replaced(self, template: str, match: Match) -> str:
        """Replace groups, parameters and functions in a text, in this order."""
        text = match.replace(template)
        if "$" in text:
            text = self._replace_params(text)
            text = replace_functions(text, self.message, self.host)
        return text[:LONGEST]

    def _replace_params(self, text: str) -> str:
        found: list[str] = []
        begin = 0
        while (here := text.find("${", begin)) >= 0 and (end := text.find("}", here + 2)) >= 0:
            name, dollar, default = text[here + 2 : end].partition("$")
            value = self.message.get(outer(trim(name)), trim(default) if dollar else "")
            found += (text[begin:here], inner(value))
            begin = end + 1
        found.append(text[begin:])
        return "".join(found)

    # Actions

    def _set(self, parts: tuple[str, ...], match: Match, message: Message) -> str:
        """Set the parameters that follow the first part; return that, replaced."""
        target = self._replaced(parts[0], match)
        for part in parts[1:]:
            text = trim(self._replaced(part, match))
            name, equal, value = text.partition("=")
            if not name:
                name, equal = text, ""
            name = trim(name)
            if name.startswith("$") and equal:
                self.host.variables.store(name[1:], trim(value))
            elif name.startswith("$"):
                self.host.variables.pop(name[1:], None)
            elif equal:
                message[outer(name)] = outer(trim(value))
            elif outer(name) in message:
                del message[outer(name)]
        return trim(target)

    def _send(self, action: Send, match: Match) -> Generator[Request, None, None]:
        """Dispatch or enqueue a new message."""
        if not action.parts:
            return
        message = self.message.derive("")
        message.userdata = self.message.userdata
        message.name = outer(self._set(action.parts, match, message))
        if message.name:
            yield Dispatching(message) if action.wait else Enqueueing(message)

    def _assign(
        self, action: Assign, match: Match, rule: Rule, name: str, depth: int
    ) -> Generator[Request, None, bool | None]:
        """Do what the first word of a target says; return the end of the context, None to go on."""
        target = self._set(action.parts, match, self.message)
        if not target:
            return None
        word, rest = first_word(target)
        if word in GOTO:
            return (yield from self.context(rest, not word.startswith("@"), depth + 1))
        if word in INCLUDE:
            included = yield from self.context(rest, not word.startswith("@"), depth + 1)
            return True if included else None
        if word == "msleep":
            milliseconds = integer(trim(rest), low=0, high=LONGEST_SLEEP, clamp=True)
            if milliseconds:
                yield Sleeping(milliseconds)
            return None
        if word in SETTERS:
            self._change(word, rest)
            return None
        if word != "return":
            self.retvalue = target
        elif not boolean(rest):
            return False
        self.decision = Decision(name, rule, match)
        return True

    def _change(self, word: str, rest: str) -> None:
        if word == "retval":
            self.retvalue = rest
        elif rest and word in ("match", "newmatch"):
            self.text = rest
        elif rest and word == "rename":
            self.message.name = outer(rest)


GOTO: Final = frozenset(("goto", "jump", "@goto", "@jump"))
INCLUDE: Final = frozenset(("include", "call", "@include", "@call"))
SETTERS: Final = frozenset(("noop", "match", "newmatch", "rename", "retval"))


def _place(rule: Rule, context: str) -> str:
    return f"#{rule.number} in context '{context}'"


def _line(rule: Rule, context: str) -> str:
    return f"line {_place(rule, context)}"
