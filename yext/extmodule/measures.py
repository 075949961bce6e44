"""What the metrics show of scripts and peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from yext.extmodule.script.states import ScriptState
from yext.measures.counts import Counts
from yext.measures.family import (
    Family,
    Kind,
    Sample,
    by_label,
    failed_logins,
    listeners_up,
)
from yext.measures.histogram import Histogram

if TYPE_CHECKING:
    from yext.extmodule.peer.listener import Listeners
    from yext.extmodule.settings import Settings
    from yext.extmodule.supervisor import Supervisor


class Measured(Protocol):
    """What is measured: the module."""

    supervisor: Supervisor
    listeners: Listeners


def measures(module: Measured) -> Iterator[Family]:
    """Return the measures of the module's scripts, peers and listeners."""
    supervisor, tallies = module.supervisor, module.supervisor.tallies
    yield _scripts(supervisor)
    for name, text, label, numbers in (
        ("script_restarts", "Scripts started again by themselves", "script", tallies.restarts),
        ("script_ends", "Scripts that have ended, by cause", "cause", tallies.ends),
        ("start_failures", "Programs that could not be started", "reason", tallies.failures),
        ("answer_timeouts", "Messages not answered in time", "script", _timeouts(supervisor)),
    ):
        samples = by_label(label, numbers.numbers())
        yield Family(f"yext_{name}", Kind.COUNTER, text, samples)
    yield _answers(supervisor)
    peers = Counter("script" if peer.is_script else "listener" for peer in supervisor.peers)
    came: dict[str, float | Histogram] = {"script": peers["script"], "listener": peers["listener"]}
    text = "Peers connected, by how they came"
    yield Family("yext_peers", Kind.GAUGE, text, by_label("from", came))
    waiting = sum(len(peer.pending.waiting) for peer in supervisor.peers)
    text = "Messages that wait for the answer of a peer"
    yield Family("yext_pending_messages", Kind.GAUGE, text, [Sample((), waiting)])
    yield failed_logins("extmodule", module.listeners.failed_logins)
    yield _listeners(supervisor.settings, module.listeners)


def _scripts(supervisor: Supervisor) -> Family:
    states = Counter(
        "not answering" if script.silence() is not None else str(script.state)
        for script in supervisor.scripts
    )
    numbers = {str(state): states[state] for state in (*ScriptState, "not answering")}
    return Family("yext_scripts", Kind.GAUGE, "Scripts, by state", by_label("state", numbers))


def _listeners(settings: Settings, listeners: Listeners) -> Family:
    up = {spec.name: spec.name in listeners.open for spec in settings.listeners}
    return listeners_up("extmodule", up, settings.unusable)


def _timeouts(supervisor: Supervisor) -> Counts:
    """Return the timeouts of peers that have left, and of those that are there."""
    found = Counts()
    for name, number in supervisor.tallies.timeouts.numbers().items():
        found.add(name, int(number))
    for peer in supervisor.peers:
        if peer.silence is not None:
            found.add(peer.name, peer.silence.total)
    return found


def _answers(supervisor: Supervisor) -> Family:
    times = supervisor.times.values if supervisor.times is not None else {}
    histograms: dict[str, float | Histogram] = {}
    for name, answers in times.items():
        answers.settle()
        histograms[name] = answers.histogram
    text = "Time from a message to the answer of its handler, by script or listener"
    return Family("yext_handler_seconds", Kind.HISTOGRAM, text, by_label("script", histograms))
