"""Python: a router, in one engine for all tests of this file."""

import pytest


@pytest.fixture(scope="module")
def engine(yext_module):
    yext_module.script("route.py", "9")
    return yext_module


@pytest.mark.parametrize("called", ["99", "900", "9:%\n", "9\udcff"])
def test_numbers_with_the_prefix_go_to_the_peer(engine, called):
    engine.send("call.route", called=called).assert_handled(
        by="route.py", retvalue=f"sip/{called}@10.0.0.2"
    )


def test_other_numbers_are_left_to_others(engine):
    fallback = engine.stub("call.route", retvalue="sip/operator", priority=200)
    engine.send("call.route", called="12").assert_handled(by="stub", retvalue="sip/operator")
    fallback.assert_once(called="12")


def test_what_is_no_route_is_left_alone(engine):
    engine.send("call.execute", called="99").assert_not_handled()
