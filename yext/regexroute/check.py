"""What in regexroute.conf cannot do what it says, found before a start."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

from yext.conf import Problem, Severity
from yext.conf.options import nearest
from yext.patterns.graph import Expression
from yext.patterns.languages import covers, example
from yext.patterns.several import Several
from yext.regexroute.contexts import Context
from yext.regexroute.functions.evaluate import NAMES
from yext.regexroute.router import GOTO, INCLUDE, MOST_BLOCKS, SETTERS
from yext.regexroute.rules import Action, Assign, Enter, Rule, Send, Step, Subject
from yext.regexroute.settings import CONTEXTS, Settings
from yext.regexroute.text import first_word, inner, outer, trim

WhyNot = Callable[[str, str], str]
"""Returns why a script would not start for a call by a method; empty if it would."""

_DYNAMIC: Final = re.compile(r"[\\$]")
_FUNCTION: Final = re.compile(r"\$\(\s*([^,()$ ]+),")
_SCRIPT: Final = re.compile(r"external/([^/\\$]*)/([^ \\$]+)(?: .*)?", re.DOTALL)
_CALLTO: Final = "callto="
_NO_CONTEXTS: Final = ("-", "error", "return", "msleep")
"""First words of targets in ``[contexts]`` that are none."""

_GOES_ON: Final = frozenset((*SETTERS, *INCLUDE, "msleep"))


def examine(settings: Settings, why_not: WhyNot) -> list[Problem]:
    """Return the problems that are no mistakes by themselves.

    Args:
        settings: what regexroute.conf says.
        why_not: tells why a script would not start.
    """
    found: list[Problem] = []
    for context in settings.rules.contexts.values():
        found += _blocks(context)
        found += _unreachable(context)
        for rule in context.rules:
            found += _targets(context, rule, settings, why_not)
            found += _functions(rule)
    return found


def _problem(rule: Rule, text: str, severity: Severity = Severity.WARNING) -> Problem:
    return Problem(rule.entry.file, rule.entry.line, severity, outer(text))


def _actions(rule: Rule) -> Iterator[Action]:
    """Yield what a rule may do."""
    step: object = rule.first
    while isinstance(step, Step):
        if isinstance(step.matched, Action):
            yield step.matched
        step = step.failed if isinstance(step.failed, Step) else step.matched


# Targets


def _targets(
    context: Context, rule: Rule, settings: Settings, why_not: WhyNot
) -> Iterator[Problem]:
    seen: set[str] = set()
    for action in _actions(rule):
        if not isinstance(action, Assign | Send) or not action.parts:
            continue
        target = trim(action.parts[0])
        called = [trim(part) for part in action.parts[1:]]
        scripts = [part[len(_CALLTO) :] for part in called if part.startswith(_CALLTO)]
        if isinstance(action, Assign) and target not in seen:
            seen.add(target)
            scripts.append(target)
            word, rest = first_word(target)
            if word in GOTO or word in INCLUDE:
                yield from _context(rule, word, rest, settings)
            elif context.name == CONTEXTS and word not in (*SETTERS, *_NO_CONTEXTS):
                yield from _classified(rule, target, settings)
        for script in filter(None, map(_SCRIPT.fullmatch, scripts)):
            why = why_not(outer(script[1]), outer(script[2]))
            if why:
                yield _problem(rule, inner(why), Severity.ERROR)


def _classified(rule: Rule, target: str, settings: Settings) -> Iterator[Problem]:
    """Yield a warning for a context that calls get, and that has no rules."""
    if target and not _DYNAMIC.search(target) and target not in settings.rules.contexts:
        text = f"there is no context [{target}]: no rule routes such calls"
        yield _problem(rule, f"{text}{_near(target, settings.rules.contexts)}")


def _near(name: str, names: Collection[str]) -> str:
    near = nearest(name, names)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _context(rule: Rule, word: str, name: str, settings: Settings) -> Iterator[Problem]:
    contexts = settings.rules.contexts
    if word.startswith("@") or _DYNAMIC.search(name) or name in contexts:
        return
    what = f"there is no context [{name}]" if name else f"'{word}' names no context"
    yield _problem(rule, f"{what}{_near(name, contexts)}", Severity.ERROR)


def _functions(rule: Rule) -> Iterator[Problem]:
    """Yield a warning for each function with arguments that there is not."""
    for name in dict.fromkeys(_FUNCTION.findall(f"{rule.key} {rule.value}")):
        if name not in NAMES and not name.startswith(("++", "--")):
            yield _problem(rule, f"there is no function '{name}'{_near(name, NAMES)}")


# Blocks


def _blocks(context: Context) -> Iterator[Problem]:
    opened: list[Rule] = []
    for rule in context.rules:
        if rule.closes and not opened:
            yield _problem(rule, "'}' closes nothing: the rule is left out")
            continue
        if rule.closes:
            opened.pop()
        if rule.opens:
            if len(opened) == MOST_BLOCKS:
                text = f"more than {MOST_BLOCKS} blocks in each other: the context ends here"
                yield _problem(rule, text)
                return
            opened.append(rule)
        elif any(isinstance(action, Enter) for action in _actions(rule)):
            yield _problem(rule, "'{' opens no block here")
    for rule in opened:
        yield _problem(rule, "this block is not closed")


# What can never match


def _unreachable(context: Context) -> Iterator[Problem]:
    """Yield a warning for each rule that cannot match, or that no text reaches."""
    plain = {
        index: test.expression
        for index, test in enumerate(rule.first.test for rule in context.rules)
        if test.expression is not None and not test.inverted
    }
    several = Several(
        {
            index: expression
            for index, expression in plain.items()
            if context.rules[index].first.test.subject is Subject.MATCHED
        }
    )
    depth = enders = 0
    for index, rule in enumerate(context.rules):
        depth += rule.opens - rule.closes
        expression = plain.get(index)
        text = _example(expression) if expression is not None else ""
        if text is None:
            yield _problem(rule, f"never matches: no text matches {rule.first.test.pattern}")
        elif _changes_text(rule):
            # With another text to match, earlier rules say nothing; nor do those within blocks.
            enders = 0
        elif (
            expression is not None
            and rule.first.test.subject is Subject.MATCHED
            and not (depth or rule.closes or rule.opens)
        ):
            hidden = _hidden_by(expression, several(text) & enders, plain)
            if hidden is not None:
                pattern = rule.first.test.pattern or "it"
                place = context.rules[hidden].place
                yield _problem(rule, f"never matches: {place} takes all that {pattern} matches")
            elif _ends(rule) and rule.first.failed is None:
                enders |= 1 << index


def _example(expression: Expression | None) -> str | None:
    try:
        return example(expression) if expression is not None else ""
    except LookupError:
        return ""


def _hidden_by(
    expression: Expression, candidates: int, expressions: dict[int, Expression]
) -> int | None:
    """Return the first of some expressions that matches all that `expression` matches.

    Args:
        expression: the expression.
        candidates: a bit for each that matches an example of it.
        expressions: the expressions by their numbers.
    """
    while candidates:
        index = (candidates & -candidates).bit_length() - 1
        if covers(expressions[index], expression):
            return index
        candidates &= candidates - 1
    return None


def _ends(rule: Rule) -> bool:
    """Return whether a rule whose first test holds ends its context, whatever else is so."""
    action = rule.first.matched
    if not isinstance(action, Assign):
        return False
    target = trim(action.parts[0])
    dynamic = _DYNAMIC.search(target)
    begin = target[: dynamic.start()] if dynamic is not None else target
    word, rest = first_word(begin)
    if not word or word in _GOES_ON:
        return False
    if dynamic is not None and not rest:
        # What comes after might make it a word that goes on.
        return not any(one.startswith(word) for one in _GOES_ON)
    return True


def _changes_text(rule: Rule) -> bool:
    """Return whether a rule may change the text that is matched."""
    for action in _actions(rule):
        if not isinstance(action, Assign):
            continue
        target = trim(action.parts[0])
        word, _ = first_word(target)
        if word in ("match", "newmatch") or word in INCLUDE or target.startswith(("\\", "$")):
            return True
    return False
