"""The command ``transcript``: what the session shows, with times, in a file."""

from __future__ import annotations

import os
import time
from typing import Annotated

from yext import Reply
from yext.command import EOL
from yext.commander import check_file
from yext.console.commands.command import SessionCommand
from yext.console.commands.lines.files import complete_file
from yext.console.commands.parameters import Rest
from yext.console.replies.reply import failed
from yext.console.session.session import Session
from yext.console.session.transcript import Transcript
from yext.console.session.view import Copying
from yext.log import safe

OFF = "off"
"""Ends a transcript, as the name of a file."""


def transcript(
    session: Session, file: Annotated[str, Rest("FILE|off", completer=complete_file)] = ""
) -> Reply:
    """Write what the session shows to a file, with times; without one, show which file it is."""
    current = session.transcript
    if not file:
        if current is None:
            return Reply(True, f"No transcript{EOL}")
        why = f", which ended: {current.error}" if current.error else ""
        return Reply(True, f"Transcript: {safe(current.path)}{why}{EOL}")
    if file == OFF:
        if current is None:
            return failed("No transcript", "transcript FILE")
        session.end_transcript()
        return Reply(True, f"Transcript ended: {safe(current.path)}{EOL}")
    view = session.view
    if not isinstance(view, Copying):
        return failed("This session has no screen to be written down", "redirect its output")
    path = os.path.expanduser(file)
    check_file(session, path)
    try:
        begun = Transcript(path)
    except OSError as error:
        return failed(f"{safe(file)}: {error.strerror}", "check the name")
    session.end_transcript()
    session.transcript = begun
    view.copy_to(begun.add)
    begun.add(f"transcript of {session.label}, {time.strftime('%Y-%m-%d %H:%M:%S %z')}")
    return Reply(True, f"Transcript: {safe(file)}, until transcript off{EOL}")


TRANSCRIPT = SessionCommand(
    "transcript", "Writes what the session shows to a file, with times; off ends it", transcript,
    example="transcript incident.txt",
)  # fmt: skip
"""The row of ``transcript``."""
