"""The settings of regexroute.conf: priorities, variables, handlers of further messages, contexts.

Source: Yate's conf.d/regexroute.conf.sample.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from yext.conf import Conf, Problem, Severity
from yext.conf.model import Entry
from yext.conf.options import Option, read_options, unknown_problems
from yext.errors import PatternError
from yext.patterns.graph import Expression
from yext.regexroute.contexts import Context
from yext.regexroute.router import RuleSet
from yext.regexroute.rules import DEFAULT_RULE, PLACE, Dialect, Mistake, Rule, Step
from yext.regexroute.text import inner, integer

_MOST: Final = 0x7FFFFFFF

PRIORITIES: Final = (
    Option(
        "preroute", "int", 100, 0, _MOST, "", "Priority of the handler of call.preroute, 0 for none"
    ),
    Option("route", "int", 100, 0, _MOST, "", "Priority of the handler of call.route, 0 for none"),
    Option("status", "int", 110, 0, _MOST, "", "Priority of status and completion, 0 for none"),
    Option("extended", "bool", False, help="Read the expressions as extended ones"),
    Option("insensitive", "bool", False, help="Match letters of either case"),
    Option(
        "defaultrule",
        "str",
        DEFAULT_RULE,
        help="Expression of ${param} and $(function) where none is given",
    ),
    Option("prerouteall", "bool", False, help="Preroute also calls with a context or no caller"),
    Option("maxdepth", "int", 5, 5, 100, "", "Jumps and includes that may follow each other"),
    Option("trackparam", "bool", True, help="Name the module in the parameter 'handlers'"),
    Option("rex_debug", "bool", True, help="Give the text of 'debug' a switch of its own"),
    Option("add_once", "bool", True, help="Add variables missing of [$once] at a reload"),
)

ONCE: Final = "$once"
INIT: Final = "$init"
EXTRA: Final = "extra"
CONTEXTS: Final = "contexts"
SECTION: Final = "priorities"

_NO_CONTEXTS: Final = (SECTION, ONCE, INIT, EXTRA)

_DEFAULT_PRIORITY: Final = 100


class Extra(NamedTuple):
    """A handler of a message by a line of ``[extra]``.

    Attributes:
        name: the message.
        priority: the priority.
        param: the parameter that is matched, empty for the message's name.
        context: the context.
        filter_name, filter_value: a parameter and the value that it must have, empty for none; a
            value that begins with ``^`` is an expression.
        entry: where it stands.
    """

    name: str
    priority: int
    param: str
    context: str
    filter_name: str
    filter_value: str
    entry: Entry

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from others, wherever it stands."""
        return self[:-1]


class Settings(NamedTuple):
    """All that regexroute.conf says.

    Attributes:
        options: the options of ``[priorities]`` by name.
        once, init: the variables of the sections of that name.
        extra: the handlers of further messages.
        rules: the contexts.
        sections: the number of sections.
        fingerprint: the lines of all sections, to tell whether anything has changed.
        problems: the mistakes.
    """

    options: dict[str, object]
    once: dict[str, str]
    init: dict[str, str]
    extra: tuple[Extra, ...]
    rules: RuleSet
    sections: int
    fingerprint: tuple[tuple[str, str, str], ...]
    problems: list[Problem]


def read_settings(conf: Conf) -> Settings:
    """Read regexroute.conf."""
    options, problems = read_options(conf, SECTION, PRIORITIES)
    problems = [*conf.problems, *problems]
    problems += unknown_problems(conf, SECTION, [option.name for option in PRIORITIES])
    dialect = Dialect(
        bool(options["extended"]), bool(options["insensitive"]), inner(str(options["defaultrule"]))
    )
    contexts = {
        inner(section.name): Context(section, dialect)
        for section in conf.sections
        if section.name not in _NO_CONTEXTS
    }
    rules = RuleSet(contexts, dialect.insensitive, _number(options["maxdepth"]))
    for context in contexts.values():
        for rule in context.rules:
            problems += _mistakes(rule)
    extra = tuple(_extra(entry) for _, entry in conf.items(EXTRA))
    problems += [found for one in extra for found in _extra_problems(one, rules)]
    once, init = _variables(conf, ONCE), _variables(conf, INIT)
    lines = tuple(
        (section.name, entry.key, entry.value)
        for section in conf.sections
        for entry in section.entries
    )
    return Settings(options, once, init, extra, rules, len(conf.sections), lines, problems)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _variables(conf: Conf, section: str) -> dict[str, str]:
    return {inner(entry.key): inner(entry.value) for _, entry in conf.items(section)}


def _extra(entry: Entry) -> Extra:
    priority, param, context, name, value = [*entry.value.split(","), "", "", "", ""][:5]
    filtered = (name, value) if name and value else ("", "")
    return Extra(
        entry.key,
        integer(priority, _DEFAULT_PRIORITY),
        param,
        context or entry.key,
        *filtered,
        entry,
    )


def _extra_problems(extra: Extra, rules: RuleSet) -> list[Problem]:
    entry = extra.entry
    problems = []
    if inner(extra.context) not in rules.contexts:
        text = f"Missing context [{extra.context}] for handling {extra.name}"
        problems.append(Problem(entry.file, entry.line, Severity.WARNING, text))
    if extra.filter_value.startswith("^"):
        try:
            Expression(inner(extra.filter_value))
        except PatternError as error:
            problems.append(Problem(entry.file, entry.line, Severity.ERROR, str(error)))
    return problems


def _mistakes(rule: Rule) -> list[Problem]:
    """Return an error for each part of a rule that cannot work; it fails when it is reached."""
    texts = []
    for test in rule.tests():
        texts += [test.error] if test.error else []
        texts += [test.mistake.replace(f" in rule {PLACE}", "")] if test.mistake else []
    step: object = rule.first
    while isinstance(step, Step):
        for following in (step.matched, step.failed):
            if isinstance(following, Mistake):
                texts.append(
                    following.text.replace(f" in rule {PLACE}", "").replace(
                        f" rule {PLACE}", " rule"
                    )
                )
        step = step.failed if isinstance(step.failed, Step) else step.matched
    entry = rule.entry
    return [Problem(entry.file, entry.line, Severity.ERROR, text) for text in texts]
