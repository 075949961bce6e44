"""The filter language: which messages pass, and the columns of mistakes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yext.errors import FilterError
from yext.record.filters import WORDS, compile_filter
from yext.record.journey import Journey, Step, StepResult

ROUTE = Journey(
    number=418,
    when=0.0,
    name="call.route",
    sender="g 127.0.0.1:40112",
    params={"caller": "40", "called": "99", "name": "John Doe"},
    steps=[
        Step("stats.py", 20, 0.0001, StepResult.PASSED),
        Step("route.py 99", 50, 0.0018, StepResult.HANDLED),
    ],
    handled=True,
    took=0.0109,
    after={"caller": "40", "called": "0099", "name": "John Doe", "odd": "a)b"},
    retvalue="sip/99",
)
AUTH = Journey(number=419, when=0.0, name="user.auth", sender="engine", params={"username": "bob"})
TIMED_OUT = Journey(
    number=420, when=0.0, name="call.execute", sender="engine", params={},
    steps=[Step("ivr.php", 100, 10.0, StepResult.TIMED_OUT)], took=10.0,
)  # fmt: skip
LATE, GONE = (
    Journey(
        number=421, when=0.0, name="x", sender="engine", params={"duration": "7.5"},
        steps=[Step("ivr.php", 100, 10.0, result)],
    )
    for result in (StepResult.LATE, StepResult.GONE)
)  # fmt: skip
ALL = (ROUTE, AUTH, TIMED_OUT)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("", ALL),
        ("  ", ALL),
        ("*", ALL),
        ("call.*", (ROUTE, TIMED_OUT)),
        ("call.* or user.*", ALL),
        ("call.route", (ROUTE,)),
        ("'call.route'", (ROUTE,)),
        ("caller=40", (ROUTE,)),
        ("caller=4*", (ROUTE,)),
        ("caller=5*", ()),
        ("called=99", (ROUTE,)),
        ("called=0099", (ROUTE,)),
        ("caller=", (AUTH, TIMED_OUT)),
        ("name='John Doe'", (ROUTE,)),
        ('"name=John Doe"', (ROUTE,)),
        ("called~^(98|99)$", (ROUTE,)),
        ("called~^00", (ROUTE,)),
        ("called~^[[:digit:]]{4}$", (ROUTE,)),
        ("called~^98", ()),
        (r"odd~\)", (ROUTE,)),
        ("from:g", (ROUTE,)),
        ("from:g*40112", (ROUTE,)),
        ("from:'g 127.0.0.1:40112'", (ROUTE,)),
        ("from:engine", (AUTH, TIMED_OUT)),
        ("by:route.py", (ROUTE,)),
        ("by:stats.py", ()),
        ("by:ivr.php", (TIMED_OUT,)),
        ("handled", (ROUTE,)),
        ("unhandled", (AUTH, TIMED_OUT)),
        ("slow>10ms", (ROUTE, TIMED_OUT)),
        ("slow>10", (ROUTE, TIMED_OUT)),
        ("slow>11ms", (TIMED_OUT,)),
        ("slow>10900us", (TIMED_OUT,)),
        ("slow>9.5s", (TIMED_OUT,)),
        ("failed", (TIMED_OUT,)),
        ("timedout", (TIMED_OUT,)),
        ("gone or late", ()),
        ("called!=99", ()),
        ("called!=98", (ROUTE,)),
        ("called!=0*", ()),
        ("caller!=", (ROUTE,)),
        ("name!='John Doe'", ()),
        ("odd!='John Doe'", (ROUTE,)),
        ("caller>39.5", (ROUTE,)),
        ("caller>40", ()),
        ("called>98 and name>-1", ()),
        ("called>98", (ROUTE,)),
        ("has:odd", (ROUTE,)),
        ("has:user*", (AUTH,)),
        ("not has:caller", (AUTH, TIMED_OUT)),
        ("caller='==x' or caller=-5", ()),
        ("not handled", (AUTH, TIMED_OUT)),
        ("not not handled", (ROUTE,)),
        ("call.* and unhandled", (TIMED_OUT,)),
        ("handled or call.* and unhandled", (ROUTE, TIMED_OUT)),
        ("(handled or call.*) and unhandled", (TIMED_OUT,)),
        ("not (call.* or user.*)", ()),
        ("not call.* or handled", (ROUTE, AUTH)),
        ("((call.*)) and (handled)", (ROUTE,)),
        ("'handled'", ()),
    ],
)
def test_which_messages_pass(expression: str, wanted: tuple[Journey, ...]) -> None:
    compiled = compile_filter(expression)
    assert tuple(one for one in ALL if compiled.matches(one)) == wanted


NO_COLON = "only from:, by: and has: have a colon: write PARAM=VALUE; put a name with : in quotes"


@pytest.mark.parametrize(
    ("expression", "column", "text"),
    [
        ("caller=4* and slow>5ms or )", 26, "nothing to close here"),
        ("handled)", 7, "nothing to close here"),
        ("and handled", 0, "nothing to join here"),
        ("handled and", 11, "something is missing here"),
        ("handled call.*", 8, "'and' or 'or' is missing before this"),
        ("handled and slow<10ms", 16, "write slow>10ms for the time a message took"),
        ("=x", 0, "the name of a parameter is missing before ="),
        ("handled or ~x", 11, "the name of a parameter is missing before ~"),
        ("form:route.py", 4, NO_COLON),
        ("called:99", 6, NO_COLON),
        ("(handled", 0, "this is not closed"),
        ("not", 3, "something is missing here"),
        ("slow>fast", 5, "write a time here: 10ms, 500us, 2s"),
        ("slow>", 5, "write a time here: 10ms, 500us, 2s"),
        ("from:", 5, "write a name after from:"),
        ("a or name='John", 10, "this quote is not closed"),
        ("a~(b", 2, "not a regular expression: this is not closed"),
        ("a or b~c**", 9, "not a regular expression: nothing to repeat here"),
        (
            "a or b~[[:x:]]",
            8,
            "not a regular expression: [:x:] is no class of characters",
        ),
        ("a~[:digit:]+", 2, "not a regular expression: a class is written [[:digit:]]"),
        ("a~[^:digit:]", 2, "not a regular expression: a class is written [[:digit:]]"),
        (
            "a~[x[=e=]]",
            4,
            "not a regular expression: only classes are understood here: [[:alpha:]]",
        ),
        (
            "a~[[.hyphen.]]",
            3,
            "not a regular expression: only classes are understood here: [[:alpha:]]",
        ),
        ("!handled", 0, "write not handled"),
        ("a=b && handled", 4, "write and"),
        ("a=b AND handled", 4, "write and"),
        ("a=b || handled", 4, "write or"),
        ("NOT handled", 0, "write not"),
        ("! handled", 0, "write not"),
        ("x or caller==4", 11, "write one = only: caller=4"),
        ("caller=~4", 6, "write caller~4"),
        ("caller<>4", 6, "write caller!=4"),
        ("caller>=4", 6, "write caller>NUMBER, with a number less by one"),
        ("caller<4", 6, "write has:caller and not caller>NUMBER"),
        ("caller!~4", 6, "write not caller~4"),
        ("called eq 99", 7, "write PARAM=VALUE, without blanks"),
        ("called = 99", 7, "write PARAM=VALUE, without blanks"),
        ("called matches 99", 7, "write PARAM~REGEX, without blanks"),
        ("--help", 0, "a filter has no options: help filter"),
        ("caller>many", 7, "write a number here"),
        ("has:", 4, "write a name after has:"),
        ("(" * 60, 50, "more than 50 open at once"),
        ("x" * 5000, 4096, "the filter is too long"),
    ],
)
def test_mistakes_have_a_column(expression: str, column: int, text: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    assert (caught.value.column, caught.value.text) == (column, text)
    assert caught.value.expression == expression


_WORD = st.sampled_from(
    [
        *WORDS,
        "(",
        ")",
        "call.*",
        "a=b",
        "c~d+",
        "'e f'",
        "slow>3ms",
        "from:x",
        "g!=h",
        "i>3",
        "has:j",
        "!",
        "k==l",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_WORD, max_size=12).map(" ".join)))
def test_any_text_is_a_filter_or_a_mistake(expression: str) -> None:
    try:
        compiled = compile_filter(expression)
    except FilterError as error:
        assert 0 <= error.column <= len(expression)
        assert error.text
    else:
        for journey in ALL:
            assert compiled.matches(journey) in (True, False)


def test_hidden_parameters_cannot_be_part_of_a_filter() -> None:
    with pytest.raises(FilterError, match="password is hidden from observers"):
        compile_filter("handled and password=a*", lambda name: name == "password")


def test_how_a_message_failed_is_a_word_each() -> None:
    for word, wanted in (("late", [LATE]), ("gone", [GONE]), ("failed", [LATE, GONE, TIMED_OUT])):
        found = compile_filter(f"{word} and not handled")
        failed = {id(one) for one in (LATE, GONE, TIMED_OUT, AUTH) if found.matches(one)}
        assert failed == {id(one) for one in wanted}
    assert [compile_filter(f"duration>{n}").matches(LATE) for n in (7, 8)] == [True, False]


def test_an_expression_says_what_it_tests() -> None:
    found = compile_filter("call.* and (caller>4 or has:x) and from:a and by:b and failed")
    assert [(term.kind.name, term.text, term.column) for term in found.terms] == [
        ("NAME", "call.*", 0), ("PARAM", "caller", 12), ("PARAM", "x", 24),
        ("SENDER", "a", 35), ("HANDLER", "b", 46), ("END", "failed", 55),
    ]  # fmt: skip


def test_names_in_the_expression_are_asked_for() -> None:
    assert compile_filter("engine.*").mentions("engine.timer")
    assert not compile_filter("unhandled").mentions("engine.timer")


_NAMES = ("call.route", "call.execute", "user.auth", "engine.timer", "other")
_TERM = st.sampled_from(
    ["call.*", "user.auth", "*", "caller=40", "handled", "slow>10ms", "from:engine", "*.timer"]
)
_EXPRESSION = st.recursive(
    _TERM,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
    ),
    max_leaves=6,
)


@given(_EXPRESSION, st.sampled_from(_NAMES), st.booleans(), st.sampled_from(["40", "50"]))
def test_the_verdict_on_a_name_holds_for_every_message(
    expression: str, name: str, handled: bool, caller: str
) -> None:
    """A message that is not recorded because of its name would not have passed."""
    found = compile_filter(expression)
    verdict = found.by_name(name)
    journey = Journey(1, 0.0, name, "engine", {"caller": caller}, handled=handled)
    assert verdict is None or found.matches(journey) is verdict


@pytest.mark.parametrize(
    ("expression", "verdicts"),
    [
        ("", (True, True)),
        ("call.*", (True, False)),
        ("not call.*", (False, True)),
        ("handled", (None, None)),
        ("call.* and caller=40", (None, False)),
        ("call.* or caller=40", (True, None)),
        ("not (call.* and handled)", (None, True)),
    ],
)
def test_the_name_decides_as_much_as_it_can(
    expression: str, verdicts: tuple[bool | None, bool | None]
) -> None:
    found = compile_filter(expression)
    assert (found.by_name("call.route"), found.by_name("user.auth")) == verdicts
