"""The bounds of what other nodes may say, and the times after which they count as gone."""

from __future__ import annotations

import re
from typing import Final

FRAME_MAX: Final = 1_048_576 - 1024
"""Bytes of the longest frame: what a NATS server takes unless configured otherwise, and a link."""

HANDLERS_MAX: Final = 1000
"""Handlers that a node announces; a node that announces more is refused."""

WATCHES_MAX: Final = 1000
"""Names of messages that a node announces that it watches."""

NODES_MAX: Final = 1000
"""Other nodes that are known; a further one is refused."""

TEXT_MAX: Final = 256
"""Characters of a name or a filter in an announcement."""

BEAT_SECONDS: Final = 0.4
"""Seconds between two signs of life."""

SILENCE_SECONDS: Final = 1.6
"""Seconds without a sign of life after which a node on NATS is gone: noticed within two seconds."""

LINK_SILENCE_SECONDS: Final = 5.0
"""The same on a link, whose connection ends at once if a node dies: what is left are nodes that
hang, and networks that lose everything. A busy machine may keep a node waiting for seconds."""

REPLY_MAX: Final = 262_144
"""Characters of the reply to a command that are sent to another node."""

COMMAND_MAX: Final = 4096
"""Characters of a command line for another node."""

COMMAND_SECONDS: Final = 30.0
"""Seconds that another node has to carry out a command."""

COMMANDS_MAX: Final = 16
"""Commands of one node that are carried out at a time; further ones are refused."""

JOURNEYS_MAX: Final = 200
"""Journeys that are sent to each follower in a second; of more, only the number."""

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_node_name(name: str) -> bool:
    """Return True if a node may be called `name`: 1 to 64 letters, digits, ``.``, ``_``, ``-``."""
    return _NODE.fullmatch(name) is not None
