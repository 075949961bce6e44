"""Perl: a command of the console, with its help and its completion."""

import pytest


@pytest.mark.parametrize(
    ("line", "text"),
    [("greet Bob", "Hello, Bob!"), ("greet", "Hello, whoever you are!")],
)
def test_the_command_greets(yext, line, text):
    yext.script("greet.pl")
    assert yext.command(line).text == f"{text}\r\n"


def test_it_has_help_and_completion(yext):
    yext.script("greet.pl")
    assert "Says hello" in yext.command("help greet").text
    answer = yext.send("engine.command", partial="gre", partline="", partword="gre")
    assert answer.retvalue == "greet"
