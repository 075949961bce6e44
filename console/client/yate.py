"""What a Yate takes for something else: command lines that must not be sent to one.

``external WORD`` starts a script called WORD, whatever WORD is: on a Yate, a look at ``external
show`` would run a program. Words that only yext knows are therefore answered on this side.

Source: Yate 6.4.1, recorded in tests/conformance/attached.
"""

from __future__ import annotations

from collections.abc import Mapping

from yext import Reply
from yext.conf.options import nearest
from yext.console.commands import TABLE
from yext.console.commands.command import Listed, SessionCommand
from yext.console.commands.interpreter import alias_line
from yext.console.replies.reply import failed
from yext.console.session.secrets import ALIAS_SEPARATOR
from yext.extmodule.commands import NO_TIMEOUT, VERBS, YATE_VERBS
from yext.log import safe

EXTERNAL = "external"

ONLY_YEXT = {row.name: row for row in TABLE if row.listed is not Listed.YATE and row.name != "?"}
"""The session commands that no Yate has."""

_EXTERNAL_ONLY_YEXT = frozenset(VERBS) - frozenset(YATE_VERBS)

_COMMANDS = frozenset(row.name for row in TABLE) | {"status", "reload", "debug", "uptime"}

_LOOK = {
    "show": ("keeps no states of scripts", "external info lists those that run"),
    "why": ("does not keep why a script failed", "external start says what can be found out"),
    "log": (
        "does not keep what a script writes on standard error",
        "see the file that it logs to: yext attach --log FILE, or run the script by yext-exec",
    ),
    "dismiss": ("keeps nothing of scripts that do not run", "external info lists those that run"),
}
"""What a Yate does not do in place of a sub-command of ``external``, and what to do instead."""

_TIMEOUT = (
    "waits for answers as long as extmodule.conf says",
    "timeout=0 there, or %%>setlocal:timeout:0 in the script",
)

_OTHERS = {
    "message": ("takes no message from its remote manager", "yext attach --bus HOST:PORT"),
    **dict.fromkeys(
        ("intercept", "resume", "answer"),
        ("does not let its messages be held", "try the scripts with yext: yext -c DIR"),
    ),
    "top": ("does not measure its scripts", "yext attach --bus HOST:PORT"),
    "phone": ("has no phone", "try the script with yext on this host: yext -c DIR"),
}


def answered_here(line: str, aliases: Mapping[str, str]) -> Reply | None:
    """Return the reply to a command line that must not be sent to a Yate, None for any other.

    Args:
        aliases: the aliases of the session at the other end.
    """
    for one in _carried_out(line, aliases):
        reply = _answered(one)
        if reply is not None:
            return reply
    return None


def _carried_out(line: str, aliases: Mapping[str, str]) -> list[str]:
    """The lines that a line stands for; of one that defines an alias, those it will stand for."""
    word, _, rest = line.partition(" ")
    if word == "alias":
        return [part.strip() for part in rest.strip().partition(" ")[2].split(ALIAS_SEPARATOR)]
    if word in aliases:
        return [alias_line(part, rest).strip() for part in aliases[word].split(ALIAS_SEPARATOR)]
    return [line]


def _answered(line: str) -> Reply | None:
    words = line.split()
    if not words:
        return None
    if words[0] in ("help", "?"):
        return _help(words[1:])
    if words[0] == EXTERNAL and words[1:] and words[1] in _EXTERNAL_ONLY_YEXT:
        return _not_there(f"{EXTERNAL} {words[1]}", _LOOK.get(words[1]))
    if words[0] == EXTERNAL and words[2:] and words[2] == NO_TIMEOUT:
        return _not_there(f"{EXTERNAL} {words[1]} {NO_TIMEOUT}", _TIMEOUT)
    if words[0] == EXTERNAL and words[1:] and (meant := _meant(words[1])):
        return _no_script(words[1], meant)
    if words[0] in ONLY_YEXT or words[0] in _OTHERS:
        return _not_there(words[0], _OTHERS.get(words[0]))
    return None


def _meant(word: str) -> str:
    """What was meant by a word after ``external`` that is none of its sub-commands.

    Empty where it may well be the name of a script.
    """
    if word in VERBS or "." in word or "/" in word:
        return ""
    if word in _COMMANDS:
        return f"{word} {EXTERNAL}"
    return next((f"{EXTERNAL} {verb}" for verb in nearest(word, VERBS)), "")


def _no_script(word: str, meant: str) -> Reply:
    reason = f"{EXTERNAL} {word}: a Yate would start a script called '{safe(word)}'"
    return failed(reason, f"Did you mean: {meant}? A script starts with: {EXTERNAL} start {word}")


def _help(topic: list[str]) -> Reply | None:
    """The help for a command that this side carries out."""
    row: SessionCommand | None = ONLY_YEXT.get(topic[0]) if topic else None
    return Reply(True, f"  {row.usage}\r\n{row.help}\r\n") if row is not None else None


def _not_there(command: str, why: tuple[str, str] | None) -> Reply:
    what, hint = why or ("has nothing of that kind", "help lists what it has")
    return failed(f"{command}: a Yate {what}", hint)
