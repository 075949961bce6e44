"""Replies that the console makes itself, and the explanation of a failed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yext import Reply
from yext.command import EOL
from yext.log import safe


def failed(text: str, hint: str = "") -> Reply:
    """A failed reply whose text is the reason.

    Args:
        text: the reason, one line without its end.
        hint: one thing to do about it, empty for none.
    """
    return Reply(False, text + EOL, {"reason": text} | ({"hint": hint} if hint else {}))


def not_authenticated() -> Reply:
    """The reply to a command that the session's authority does not allow, known or unknown."""
    params = {
        "reason": "not authenticated for this command",
        "error": "noauth",
        "hint": "auth PASSWORD",
    }
    return Reply(False, f"Not authenticated!{EOL}", params)


def framed_reply(word: str, text: str, *, ok: bool, eol: str = "\n") -> str:
    """A reply between two lines that begin with the word of `frame`, the last with its outcome.

    Args:
        word: the word, empty for the text alone.
        text: the text of the reply.
        ok: whether the command succeeded.
        eol: the end of a line.
    """
    return _framed(word, "reply", text, "ok" if ok else "failed", eol)


def framed_notice(word: str, text: str, *, eol: str = "\n") -> str:
    """A notice between two lines that begin with the word of `frame`; arguments as of
    `framed_reply`."""
    return _framed(word, "notice", text, "end", eol)


def _framed(word: str, begin: str, text: str, end: str, eol: str) -> str:
    if not word:
        return text
    ended = text if text.endswith("\n") or not text else f"{text}{eol}"
    return f"{word} {begin}{eol}{ended}{word} {end}{eol}"


def put_together(parts: Sequence[tuple[str, Reply]], params: Mapping[str, str]) -> Reply:
    """Join the replies to several commands into one, which fails if any of them failed.

    Args:
        parts: each command line with its reply, in the order they were carried out.
        params: the parameters of the joined reply.
    """
    text = "".join(reply.text for _, reply in parts)
    return Reply(all(reply.ok for _, reply in parts), text, params, parts=tuple(parts))


def explanation(reply: Reply) -> list[str]:
    """The lines to add to the text of a failed reply: reason and hint where it lacks them."""
    if reply.ok:
        return []
    reason, hint = (reply.params.get(key, "").strip() for key in ("reason", "hint"))
    lines = []
    if reply.known and not all(part in reply.text for part in reason.split("; ")):
        lines.append(safe(reason))
    if hint and hint not in reply.text:
        lines.append(safe(hint if hint.startswith("Did you mean") else f"do: {hint}"))
    return lines
