"""Basic expressions of POSIX: they match what GNU grep matches, and mistakes have a column."""

import os
import subprocess
from pathlib import Path

import pytest

from yext.errors import PatternError
from yext.patterns.automaton import LONGEST_PATTERN
from yext.patterns.posix import LONGEST_CONFIGURED, basic_regex, yate_matcher

TEXTS = (
    "", "a", "b", "aa", "ab", "ba", "aab", "abab", "aaa", "ababab", "abc", "a b", "a.b", "axb",
    "a+b", "a?b", "a*b", "*a", "**", "a|b", "(a)", "a{2}", "a\\b", "a]b", "a-b", "a_b", "[", "]",
    "^a", "a$", "$", "^", "-", "call.route", "call.execute", "call", "recall", "calls",
    "re-call now", "user.auth", "engine.timer", "drop sip/1", "status engine", "version", "99",
    "099", "1 2", "x1", "\ttab", " ", "a\udcffb",
)  # fmt: skip

PATTERNS = (
    # literals and any character
    "call.route", r"call\.route", "^call", "route$", "^call$", "^$", "", ".", "^.$", "a.b", "a^b",
    "a$b", "^^a", "a$$",
    # alternatives and groups
    r"^\(call\|user\)\.", r"^drop\|^status", r"\(a\|b\)\(a\|b\)", "(a)", "a|b", r"^\(a\|\)b",
    r"\(^a\)", r"\(b$\)", r"^\(ab\)*$", r"x\|^b", r"b$\|x", r"\(\(a\)\(b\)\)*c",
    # repetitions
    "ab*", r"ab\+", r"^ab\?$", r"^a\{2\}$", r"^\(ab\)\{2,\}$", r"^a\{1,2\}b", r"^a\{,1\}b",
    r"a\{0\}b", "a{2}", "a+b", "a?b", r"^a\{2\}\{1,2\}$", r"a*\+", "*a", r"\(*a\)", "^*",
    r"x\|*a", r"^\(a*\)*$", r"\(a\|b\)*c", r"^[[:alpha:]]*\.[[:alpha:]]\{4\}$", r"\(.\)*x",
    # brackets
    "[ab]", "^[^a]", "[]]", "^[]a]$", "^[^]a]$", "[a-]$", "^[-a]", "[.]", r"[\.]", r"a[\]b",
    "[*]", "[$]", "[a^]$", "[[:alpha:]]", "^[[:digit:]]*$", "^[[:alnum:]_]*$", "[[:space:]]",
    "^[[:upper:][:lower:]]*$", "[^[:print:]]", "[[:blank:]]", "[[:punct:]]", "[[:cntrl:]]",
    "[[:graph:]]", "^[[:xdigit:]]*$", "[[.-.]]", "[[=a=]]b", "[a-c]b", "[[.a.]-b]c",
    # edges of words
    r"\<call", r"call\>", r"\<call\>", r"\<[a-z]*\>\.", r"\<.\>", r"a\<", r"\>b", r"\<\>",
    r"\bcall\b", r"\Bcall", r"call\B", r"\<\(a\|b\)\>", r"^\<", r"\>$", r"[a-z.]*\> ",
    r"\(\<a\|b\>\)*c",
    # sets of characters, edges of the text
    r"^\w*$", r"\W", r"\s", r"^\S*$", r"\`a", r"b\'", r"a\`b",
    # escaped
    r"a\*b", r"\[", r"\]", r"\^a", r"a\$", r"a\\b", r"a\-b", r"a\.b",
)  # fmt: skip


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts"
    path.write_text("".join(f"{text}\n" for text in TEXTS), "utf-8", "surrogateescape")
    return path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_grep_finds_is_found(pattern: str, texts: Path) -> None:
    run = subprocess.run(
        ["grep", "--text", "--line-number", "-e", pattern, str(texts)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stderr
    found = {int(line.partition(b":")[0]) - 1 for line in run.stdout.splitlines()}
    matches = basic_regex(pattern)
    ours = {number for number, text in enumerate(TEXTS) if matches(text)}
    assert {TEXTS[number] for number in ours} == {TEXTS[number] for number in found}


@pytest.mark.parametrize(
    ("pattern", "column", "text"),
    [
        (r"a\(b", 1, "this is not closed"),
        (r"ab\)", 2, "nothing to close here"),
        (r"a\|\(b\|c", 3, "this is not closed"),
        (r"\{2\}", 0, "nothing to repeat here"),
        (r"a\|\{2\}", 3, "nothing to repeat here"),
        (r"^\{2\}", 1, "nothing to repeat here"),
        (r"a\{2", 1, r"numbers and \} are wanted after \{"),
        (r"a\{x\}", 1, r"numbers and \} are wanted after \{"),
        (r"a\{\}", 1, r"numbers and \} are wanted after \{"),
        (r"a\{3,2\}", 1, "the second number is less than the first"),
        (r"a\{40000\}", 1, "more than 32767 repetitions"),
        (r"a\{9999\}", 1, "the expression is too large from here on"),
        ("a[b", 1, "this is not closed"),
        ("[]", 0, "this is not closed"),
        ("[^]", 0, "this is not closed"),
        ("[b-a]", 1, "this range is empty"),
        ("[[:alpah:]]", 1, "[:alpah:] is no class of characters"),
        ("[[:alpha", 1, "[:alpha is no class of characters"),
        ("[a-[:digit:]]", 3, "a range cannot end with a class"),
        ("[[.space.]]", 1, "collating symbols of more than one character"),
        ("[[=ab=]]", 1, "equivalence classes of more than one character"),
        ("a\\", 1, "nothing follows the backslash"),
        (r"\(a\)\1", 5, r"back-references such as \1 are not supported"),
        (r"\d", 0, r"\d is not understood"),
        (r"a\}", 1, r"\} is not understood"),
        ("x" * (LONGEST_PATTERN + 1), LONGEST_PATTERN, f"more than {LONGEST_PATTERN} characters"),
    ],
)
def test_mistakes_have_a_column(pattern: str, column: int, text: str) -> None:
    with pytest.raises(PatternError) as caught:
        basic_regex(pattern)
    assert (caught.value.column, caught.value.text) == (column, text)


def test_an_expression_of_a_file_may_be_long() -> None:
    words = [f"command{number}" for number in range(300)]
    listed = r"\|".join(words)
    matches = basic_regex(rf"^\({listed}\)$", LONGEST_CONFIGURED)
    assert all(map(matches, words))
    assert not matches("command300")


def test_yate_reads_a_pattern_as_text_unless_it_begins_with_a_circumflex() -> None:
    assert yate_matcher("call.*")("call.*")
    assert not yate_matcher("call.*")("call.route")
    assert yate_matcher("^call.*")("call.route")
