"""An example of every command: the list that all ways of giving commands are tested with."""

from yext.console.commands import TABLE
from yext.engine.commands import BUS_COMMANDS

SESSION_EXAMPLES = {
    "quit": "quit",
    "echo": "echo on",
    "help": "help status",
    "auth": "auth secret",
    "status": "status engine",
    "uptime": "uptime",
    "date": "date",
    "machine": "machine off",
    "output": "output off",
    "color": "color no",
    "debug": "debug level 7",
    "meminfo": "meminfo",
    "drop": "drop all",
    "call": "call nowhere/1 2",
    "control": "control nobody op a=b",
    "cfgmerge": "cfgmerge yate",
    "reload": "reload",
    "restart": "restart",
    "stop": "stop 3",
    "alias": "alias up uptime",
    "?": "? uptime",
    "flow": "flow last 3",
    "intercept": "intercept",
    "resume": "resume",
    "answer": "answer 1 true",
    "message": "message no.such a='b c'",
    "watch": "watch 1 uptime",
    "top": "top",
    "history": "history",
    "!": "!1",
    "set": "set bell on",
    "frame": "frame off",
    "transcript": "transcript",
    "who": "who",
    "clear": "clear",
    "source": "source commands.txt",
}
"""By the names of the session's table."""

BUS_EXAMPLES = {
    "module": "module list",
    "events": "events",
    "logview": "logview",
    "runparam": "runparam colour=blue",
    "dispatcher": "dispatcher handlers name=engine.help",
    "status dispatcher": "status dispatcher handlers engine.help",
    "version": "version",
    "external": "external show",
    "sniffer": "sniffer",
    "route": "route 99 caller=40",
}
"""By the names that the engine and its modules know."""

EXAMPLES = SESSION_EXAMPLES | BUS_EXAMPLES

FAILING = {"call", "control", "restart", "message", "set", "resume", "answer", "route"}
"""Those that fail in an engine with nothing in it: no channel, no supervisor, no handler,
no terminal, no rules."""

ENDING = {"quit", "stop"}
"""Those after which nothing more is carried out."""


def missing() -> set[str]:
    """Commands that have no example."""
    return {*(row.name for row in TABLE), *BUS_COMMANDS} - set(EXAMPLES)
