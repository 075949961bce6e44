"""The steps of a transcript, read from its text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from yext.conf.options import nearest
from yext.console.transcripts import values
from yext.errors import YextError

SUFFIX = ".yext"


class TranscriptError(YextError):
    """A transcript cannot be read; the text names the file and the line."""


class Word(StrEnum):
    """The first word of a step."""

    CONFIG = "config"
    """The engine has this configuration directory."""

    SCRIPTS = "scripts"
    """Scripts are looked for in this folder."""

    SPEED = "speed"
    """The engine's clock runs so many times faster."""

    SCRIPT = "script"
    """A script is started, and is ready."""

    STUB = "stub"
    """Such messages are answered in place of another module."""

    SEND = "send"
    """A message is sent."""

    BROADCAST = "broadcast"
    """A message is sent that all handlers get, even after one has handled it."""

    SENT = "sent"
    """A script has sent such a message, or does so soon."""

    COMMAND = "command"
    """A command is carried out, as in the console."""

    TICK = "tick"
    """So many seconds pass by the engine's timer."""


SETTINGS = (Word.CONFIG, Word.SCRIPTS, Word.SPEED)
"""The steps that come before the engine is started."""


@dataclass(slots=True)
class Step:
    """A step.

    Attributes:
        line: its line in the file, from 1.
        word: its first word.
        text: what follows that.
        name: of a message, its name.
        params: of a message, its parameters.
        below: the indented lines below it, without the indentation.
        end: the line after the last of those.
    """

    line: int
    word: Word
    text: str
    name: str = ""
    params: dict[str, str] = field(default_factory=dict)
    below: list[str] = field(default_factory=list)
    end: int = 0


@dataclass
class Transcript:
    """A transcript.

    Attributes:
        path: its file.
        lines: the lines of the file.
        steps: its steps.
    """

    path: str
    lines: list[str]
    steps: list[Step]

    def setting(self, word: Word) -> str:
        """Return the value of a setting, empty if it is not there."""
        return next((step.text for step in self.steps if step.word is word), "")


_MESSAGES = (Word.STUB, Word.SEND, Word.BROADCAST, Word.SENT)

_NUMBER = re.compile(r"[1-9][0-9]{0,3}")

_BARE = (*SETTINGS, Word.TICK)
"""Steps that have nothing below them."""


def read_transcript(path: str) -> Transcript:
    """Read the transcript in a file.

    Raises:
        OSError: the file cannot be read.
        TranscriptError: it is not a transcript.
    """
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return parse(path, file.read())


def parse(path: str, text: str) -> Transcript:
    """Read the text of a transcript.

    Raises:
        TranscriptError: it has a mistake.
    """
    lines = text.split("\n")
    steps: list[Step] = []
    gap, is_open = 0, False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            gap += 1
            continue
        if line[0] in " \t":
            if not is_open:
                raise TranscriptError(f"{path}:{number}: there is no step right above this line")
            _add_below(path, number, line, steps[-1], gap)
        elif line.startswith("#"):
            is_open = False
        else:
            steps.append(_step(path, number, line, steps))
            is_open = True
        gap = 0
    if not any(step.word not in SETTINGS for step in steps):
        raise TranscriptError(f"{path}: there is no step in it")
    return Transcript(path, lines, steps)


def _add_below(path: str, number: int, line: str, step: Step, gap: int) -> None:
    if step.word in _BARE:
        raise TranscriptError(f"{path}:{number}: nothing can be expected of {step.word}")
    if step.word is Word.COMMAND:
        # An empty line of a reply; editors remove the blanks at its start.
        step.below += [""] * gap
        step.below.append(line[1:] if line[0] == "\t" else line.removeprefix(" ").removeprefix(" "))
    else:
        step.below.append(line.strip())
    step.end = number + 1


def _step(path: str, number: int, line: str, before: list[Step]) -> Step:
    first, _, rest = line.partition(" ")
    try:
        word = Word(first.strip())
    except ValueError:
        near = nearest(first, [one.value for one in Word])
        hint = f"did you mean {near[0]}?" if near else f"a step begins with {', '.join(Word)}"
        raise TranscriptError(f"{path}:{number}: {first} is no step; {hint}") from None
    step = Step(number, word, rest.strip(), end=number + 1)
    if word in SETTINGS and any(one.word not in SETTINGS for one in before):
        raise TranscriptError(f"{path}:{number}: {word} must come before all other steps")
    if word in (Word.TICK, Word.SPEED) and not _NUMBER.fullmatch(step.text or "1"):
        raise TranscriptError(f"{path}:{number}: {step.text} is not a number from 1 to 9999")
    if not step.text and word is not Word.TICK:
        raise TranscriptError(f"{path}:{number}: {word} of what?")
    if word in _MESSAGES:
        step.name, _, params = step.text.partition(" ")
        try:
            step.params = values.read_params(params)
        except ValueError as error:
            raise TranscriptError(f"{path}:{number}: {error}") from None
    return step


def updated(transcript: Transcript, came: dict[int, list[str]]) -> str:
    """Return the text of a transcript with other lines below some steps.

    Args:
        transcript: the transcript.
        came: the new lines, without indentation, by the line of the step.
    """
    lines: list[str] = []
    at = 0
    for step in transcript.steps:
        if step.line not in came:
            continue
        lines += transcript.lines[at : step.line]
        lines += [f"  {line}" if line else "" for line in came[step.line]]
        at = step.end - 1
    return "\n".join([*lines, *transcript.lines[at:]])
