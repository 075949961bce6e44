"""The steps of a transcript."""

import pytest

from yext.console.transcripts.format import TranscriptError, Word, parse, updated

TEXT = """# A comment.
scripts ../scripts
script route.py 9

send call.route called=99 caller="John Doe"
  handled by route.py
  return sip/99@10.0.0.2
# A comment between.

command external info
  1. route.py 9
    Global

  last
tick 3
"""


def test_steps_are_read() -> None:
    transcript = parse("x.yext", TEXT)
    assert transcript.setting(Word.SCRIPTS) == "../scripts"
    assert transcript.setting(Word.CONFIG) == ""
    assert [(one.line, one.word, one.below) for one in transcript.steps] == [
        (2, Word.SCRIPTS, []),
        (3, Word.SCRIPT, []),
        (5, Word.SEND, ["handled by route.py", "return sip/99@10.0.0.2"]),
        (10, Word.COMMAND, ["1. route.py 9", "  Global", "", "last"]),
        (15, Word.TICK, []),
    ]
    send = transcript.steps[2]
    assert (send.name, send.params) == ("call.route", {"called": "99", "caller": "John Doe"})


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "x.yext: there is no step in it"),
        ("config a\n", "x.yext: there is no step in it"),
        ("  handled\nsend a\n", "x.yext:1: there is no step right above this line"),
        ("send a\n# b\n  c\n", "x.yext:3: there is no step right above this line"),
        ("sned a\n", "x.yext:1: sned is no step; did you mean send?"),
        ("hello\n", "x.yext:1: hello is no step; a step begins with config, scripts, "),
        ("send a b\n", "x.yext:1: b is not key=value"),
        ("send\n", "x.yext:1: send of what?"),
        ("send a\nscripts b\n", "x.yext:2: scripts must come before all other steps"),
        ("tick x\n", "x.yext:1: x is not a number from 1 to 9999"),
        ("speed 0\nsend a\n", "x.yext:1: 0 is not a number from 1 to 9999"),
        ("speed\nsend a\n", "x.yext:1: speed of what?"),
        ("tick\n  done\n", "x.yext:2: nothing can be expected of tick"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, mistake: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        parse("x.yext", text)
    assert str(caught.value).startswith(mistake)


def test_an_update_changes_the_lines_below_some_steps_only() -> None:
    transcript = parse("x.yext", TEXT)
    text = updated(transcript, {5: ["not handled"], 10: ["a", "", "b"], 15: []})
    assert text == TEXT.replace(
        "  handled by route.py\n  return sip/99@10.0.0.2\n", "  not handled\n"
    ).replace("  1. route.py 9\n    Global\n\n  last\n", "  a\n\n  b\n")
    assert updated(transcript, {}) == TEXT
