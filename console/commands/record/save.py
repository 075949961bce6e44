"""Saving recorded messages, in the format of the file's ending."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

from yext import Reply
from yext.command import EOL
from yext.commander import check_file
from yext.console.session.session import Session
from yext.log import safe

if TYPE_CHECKING:
    from yext.record.journey import Journey


async def save_messages(session: Session, file: str, journeys: Iterable[Journey]) -> Reply:
    """Write messages to a file in the format of its ending.

    Raises:
        NotAllowedError: the session may not write that file.
    """
    from yext.console.export.formats import writer_for
    from yext.console.export.gather import gather
    from yext.console.export.origin import origin_of

    check_file(session, file)
    origin = origin_of(session.engine, session.flow.filter.text)
    visible = await gather(session.flow, journeys)
    try:
        count = await asyncio.to_thread(writer_for(file), file, visible, origin)
    except OSError as error:
        return os_failed(file, error)
    return Reply(
        True, f"Saved {messages_text(count)} to {safe(file)}{EOL}", data={"messages": count}
    )


def messages_text(count: int) -> str:
    """Return a number of messages in words."""
    return f"{count:,} message{'' if count == 1 else 's'}"


def os_failed(path: str, error: OSError) -> Reply:
    """Return the reply to a command that could not use the file at `path`."""
    reason = error.strerror or str(error)
    params = {"reason": reason, "path": path}
    if error.errno is not None:
        params["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    return Reply(False, f"{safe(path)}: {reason}{EOL}", params)
