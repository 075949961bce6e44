"""The module on an engine: status, reload, the flow, what waits, and the bounds."""

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from yext import Engine, Message
from yext.log import ALL
from yext.record.journey import Journey, to_json
from yext.regexroute import handlers, router

YATE_CONF = "[general]\nmodload=no\n[modules]\nregexroute.yate=yes\n"
BASIC = "[default]\n^99$=sip/99\n"


def on_engine(tmp_path: Path, conf: str, use: Any) -> Any:
    """Run a coroutine function on an engine with some rules, and return its result."""
    (tmp_path / "yate.conf").write_text(YATE_CONF)
    if conf:
        (tmp_path / "regexroute.conf").write_text(conf)

    async def main() -> Any:
        async with Engine(tmp_path) as engine:
            return await use(engine)

    return asyncio.run(main())


async def routed(engine: Engine, called: str, **params: str) -> tuple[bool, str]:
    message = Message("call.route", {"called": called, **params})
    return await engine.dispatch(message), message.retvalue


def status_of(engine: Engine) -> Coroutine[Any, Any, Any]:
    return engine.command("status regexroute")


@pytest.mark.parametrize(
    ("conf", "shown"),
    [
        ("", "sections=0,extra=0,variables=0,processing=0"),
        (BASIC, "sections=1,extra=0,variables=0,processing=0"),
        (
            "[$init]\na=1\nb=2\n[extra]\nx.y=50\nx.z=60\n[x.y]\n.*=t\n",
            "sections=3,extra=1,variables=2,processing=0",
        ),
    ],
)
def test_status_counts(tmp_path: Path, conf: str, shown: str) -> None:
    reply = on_engine(tmp_path, conf, status_of)
    assert reply.text == f"name=regexroute,type=route;{shown}\r\n"


def test_rules_that_debug_have_a_status_and_a_level_of_their_own(tmp_path: Path) -> None:
    async def use(engine: Engine) -> tuple[str, list[str]]:
        log: list[str] = []
        engine.log.level = ALL
        engine.log.subscribe(lambda event: log.append(event.line()))
        status = (await engine.command("status rex_debug")).text
        for level in (9, 3):
            asked = {"module": "rex_debug", "line": f"level {level}"}
            await engine.dispatch(Message("engine.debug", asked))
            await routed(engine, "5")
        return status, [line for line in log if "hello" in line]

    status, log = on_engine(tmp_path, "[default]\n.*=debug 8 hello\n", use)
    assert status == "name=rex_debug,type=misc;\r\n"
    assert log == ["<RegexRoute:CALL> hello"]


def test_without_a_file_nothing_is_installed(tmp_path: Path) -> None:
    async def use(engine: Engine) -> list[str]:
        return [one.name for one in engine.dispatcher.handlers() if one.owner == "regexroute"]

    names = on_engine(tmp_path, "", use)
    assert "call.route" not in names
    assert "engine.status" in names


def test_a_reload_changes_rules_handlers_and_variables(tmp_path: Path) -> None:
    after = (
        "[priorities]\nroute=40\nstatus=33\n[$once]\na=9\nc=3\n[$init]\nb=7\n"
        "[extra]\nx.y=50\n[x.y]\n.*=extra\n[default]\n^99$=new $(a)$(b)$(c)\n"
    )

    async def use(engine: Engine) -> None:
        assert await routed(engine, "99") == (True, "old 12")
        (tmp_path / "regexroute.conf").write_text(after)
        reply = await engine.command("reload regexroute")
        assert reply.ok
        assert "regexroute: route 100 -> 40" in reply.text
        assert "regexroute: 2 rules in 2 contexts" in reply.text
        assert await routed(engine, "99") == (True, "new 173")
        message = Message("x.y")
        assert await engine.dispatch(message)
        assert (message.retvalue, message.get("handlers")) == ("extra", "regexroute:50")
        places = {one.name: one.priority for one in engine.dispatcher.handlers()
                  if one.owner == "regexroute"}  # fmt: skip
        assert (places["call.route"], places["engine.status"]) == (40, 33)
        (tmp_path / "regexroute.conf").unlink()
        assert (await engine.command("reload regexroute")).ok
        assert await routed(engine, "99") == (False, "")

    on_engine(tmp_path, "[$once]\na=1\n[$init]\nb=2\n[default]\n^99$=old $(a)$(b)\n", use)


def test_a_filter_that_is_an_expression_decides_who_is_named(tmp_path: Path) -> None:
    async def use(engine: Engine) -> list[str]:
        shown = (await engine.command("dispatcher handlers name=x.y")).text
        assert shown == "x.y priority=50 trackname=''\r\n"
        found = []
        for kind in ("abc", "b"):
            message = Message("x.y", {"kind": kind})
            found.append(f"{await engine.dispatch(message)} {message.get('handlers')}")
        return found

    conf = "[extra]\nx.y=50,,x.y,kind,^a\n[x.y]\n.*=t\n"
    assert on_engine(tmp_path, conf, use) == ["True regexroute:50", "False "]


MISTAKES = {
    "expression": ("^\\(99=x", "not a regular expression: ^\\(99: column 2: this is not closed"),
    "reference": ("^\\(.\\)\\1=x", "back-references such as \\1"),
    "if": ("^1=if x", "Missing 'if'"),
    "or": ("^1=or x", "Malformed 'or' rule"),
    "parameter": ("${}x=y", "Invalid parameter match '${}x'"),
}


@pytest.mark.parametrize(("line", "text"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_and_changes_nothing(tmp_path: Path, line: str, text: str) -> None:
    async def use(engine: Engine) -> Any:
        (tmp_path / "regexroute.conf").write_text(f"[default]\n^99$=changed\n{line}\n")
        reply = await engine.command("reload")
        return reply, await routed(engine, "99")

    reply, result = on_engine(tmp_path, BASIC, use)
    assert not reply.ok
    assert "regexroute.conf:3: " in reply.text
    assert text in reply.text
    assert "Nothing was changed" in reply.text
    assert result == (True, "sip/99")


# The flow

REMARKS = [
    ("^99$=t", {"called": "99"}, "by regexroute.conf:2 [default] ^99$=t: '99' matches ^99$"),
    ("^x^=t", {"called": "9"}, "by regexroute.conf:2 [default] ^x^=t: '9' does not match ^x"),
    ("^1=t", {"called": "9"}, "no rule of [default] routes it"),
    (
        "${password}^s=t",
        {"called": "9", "password": "s3cret"},
        "by regexroute.conf:2 [default] (hidden)",
    ),
    (
        "$(length,${password})^6$=t",
        {"called": "9", "password": "s3cret"},
        "by regexroute.conf:2 [default] (hidden)",
    ),
    (
        "^9$=t;called=8;password=s3cret;a=b",
        {"called": "9"},
        "by regexroute.conf:2 [default] ^9$=t;called=8;password=(hidden);a=b: '9' matches ^9$",
    ),
    (
        ".*=goto sub\n[sub]\n^9=if ${a}^1$=t",
        {"called": "9", "a": "1"},
        "by regexroute.conf:4 [sub] ^9=if ${a}^1$=t: '1' matches ^1$",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "params", "remark"), REMARKS)
def test_the_record_names_the_line_that_routed(
    tmp_path: Path, rules: str, params: Mapping[str, str], remark: str
) -> None:
    async def use(engine: Engine) -> Journey:
        kept: list[Journey] = []
        engine.recorder.follow(kept.append)
        await engine.dispatch(Message("call.route", params))
        return kept[0]

    journey = on_engine(tmp_path, f"[default]\n{rules}\n", use)
    assert [step.remark for step in journey.steps] == [remark]
    assert to_json(journey)["handlers"][0]["remark"] == remark


def test_a_trace_has_no_secret_of_a_rule(tmp_path: Path) -> None:
    async def use(engine: Engine) -> Mapping[str, str]:
        message = Message("call.route", {"called": "9", "trace_to_msg": "yes"})
        await engine.dispatch(message)
        return dict(message.params)

    rules = "${password}^p4ss$=x\n^9$=t;password=s3cret\n"
    params = on_engine(tmp_path, f"[default]\n{rules}", use)
    assert params.pop("password") == "s3cret"
    assert params["trace_msg_1"] == "Matched:false default:0 - (hidden)"
    assert params["trace_msg_2"] == "Matched:true default:1 - ^9$=t;password=(hidden)"


def test_messages_of_rules_are_nested_in_the_one_they_route(tmp_path: Path) -> None:
    async def use(engine: Engine) -> list[Journey]:
        kept: list[Journey] = []
        engine.recorder.follow(kept.append)
        engine.install("sub", lambda message: True)
        await routed(engine, "9")
        return list(kept)

    inner, outer = on_engine(tmp_path, "[default]\n.*=dispatch sub;a=1\n.*=t\n", use)
    assert (inner.name, inner.parent, inner.sender) == ("sub", outer.number, "regexroute")


# What waits, and the bounds


def test_a_message_that_sleeps_or_waits_holds_up_no_other(tmp_path: Path) -> None:
    async def use(engine: Engine) -> None:
        released = asyncio.Event()

        async def slow(message: Message) -> bool:
            await released.wait()
            return True

        engine.install("slow", slow)
        waiting = asyncio.create_task(routed(engine, "1"))
        sleeping = asyncio.create_task(routed(engine, "2"))
        assert await routed(engine, "3") == (True, "three")
        assert "processing=2" in (await status_of(engine)).text
        assert not waiting.done()
        released.set()
        assert await waiting == (True, "one 1")
        assert await sleeping == (True, "two")

    conf = (
        "[default]\n^1=dispatch slow;$d=$(dispatching)\n^1=one $(d)\n"
        "^2=msleep 50\n^2=two\n^3=three\n"
    )
    on_engine(tmp_path, conf.replace("$d=$(dispatching)", "$d=1"), use)


def test_a_stop_releases_what_sleeps(tmp_path: Path) -> None:
    async def use(engine: Engine) -> Any:
        task = asyncio.create_task(routed(engine, "1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert "processing=1" in (await status_of(engine)).text
        return task

    async def main() -> None:
        (tmp_path / "yate.conf").write_text(YATE_CONF)
        (tmp_path / "regexroute.conf").write_text("[default]\n.*=msleep 60000\n.*=t\n")
        async with Engine(tmp_path) as engine:
            task = await use(engine)
        assert await task == (False, "")

    asyncio.run(main())


def warned(tmp_path: Path, conf: str, **params: str) -> tuple[Any, list[str]]:
    async def use(engine: Engine) -> Any:
        log: list[str] = []
        engine.log.subscribe(lambda event: log.append(event.line()))
        return await routed(engine, "1", **params), log

    found: tuple[Any, list[str]] = on_engine(tmp_path, conf, use)
    return found


def test_rules_that_dispatch_what_they_route_end(tmp_path: Path) -> None:
    result, log = warned(tmp_path, "[default]\n.*=dispatch call.route;called=1\n.*=t\n")
    assert result == (True, "t")
    assert any(f"More than {handlers.MOST_NESTED} messages" in line for line in log)


def test_contexts_that_include_each_other_end(tmp_path: Path) -> None:
    sections = [f"[c{n}]\n.*=include c{n + 1}\n.*=include c{n + 1}\n" for n in range(90)]
    conf = f"[priorities]\nmaxdepth=100\n[default]\n.*=goto c0\n{''.join(sections)}[c90]\n.*=;a=1\n"
    result, log = warned(tmp_path, conf)
    assert result == (False, "")
    assert any(f"More than {router.MOST_RULES} rules" in line for line in log)


def test_functions_that_make_themselves_anew_end(tmp_path: Path) -> None:
    conf = "[$init]\nv=x$(v)\n[default]\n.*=t;r=$(v)\n"
    result, log = warned(tmp_path, conf)
    assert result == (True, "t")
    assert any("functions in one text" in line for line in log)


def test_texts_that_double_stay_bounded(tmp_path: Path) -> None:
    doubling = ".*=;a=${a}${a}\n" * 40
    result, _ = warned(
        tmp_path, f"[default]\n{doubling}$(length,${{a}})^6553[0-9]$=bounded\n", a="x"
    )
    assert result == (True, "bounded")


def test_deep_contexts_in_each_others_messages_need_no_deep_stack(tmp_path: Path) -> None:
    sections = [f"[c{n}]\n.*=include c{n + 1}\n" for n in range(98)]
    conf = (
        "[priorities]\nmaxdepth=100\n[default]\n.*=include c0\n.*=t\n"
        f"{''.join(sections)}[c98]\n.*=dispatch call.route;called=1\n"
    )
    result, log = warned(tmp_path, conf)
    assert result == (True, "t")
    assert any(f"More than {handlers.MOST_NESTED} messages" in line for line in log)


def test_a_fault_in_a_rule_leaves_the_message_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(router, "replace_functions", broken)

    async def use(engine: Engine) -> tuple[bool, str]:
        engine.install("call.route", lambda message: True, 200)
        return await routed(engine, "1")

    assert on_engine(tmp_path, "[default]\n.*=t$(length,a)\n", use) == (True, "")


@pytest.mark.parametrize("called", ["\ud800", "\udcff", "\U0001f600", "\x00", "a\nb"])
def test_any_text_can_be_routed(tmp_path: Path, called: str) -> None:
    async def use(engine: Engine) -> tuple[bool, str]:
        return await routed(engine, called)

    handled, target = on_engine(tmp_path, "[default]\n.*=to \\0\n", use)
    assert handled
    assert target == f"to {called if called != chr(0xD800) else '?'}"
