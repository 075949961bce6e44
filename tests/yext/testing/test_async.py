"""The fixture for tests that are coroutines, under the plugins of pytest-asyncio and anyio."""

import pytest

pytest_plugins = "pytester"

STEPS = """
import asyncio
import pytest

SCRIPT = '''#!/usr/bin/env python3
import sys
print("%%>install:50:call.route", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message"):
        print(f"%%<message:{line.split(':')[1]}:true::sip/1", flush=True)
'''

@pytest.mark.MARK
async def test_steps(yext_async, tmp_path):
    (tmp_path / "a.py").write_text(SCRIPT)
    (tmp_path / "a.py").chmod(0o755)
    script = await yext_async.script(tmp_path / "a.py")
    assert script.state == "running"
    db = await yext_async.stub("database", retvalue="x")
    answers = await asyncio.gather(*(yext_async.send("call.route") for _ in range(5)))
    assert [answer.retvalue for answer in answers] == ["sip/1"] * 5
    answers[0].assert_handled(by="a.py")
    sent = await yext_async.send_nowait("database")
    assert (await yext_async.gather(sent))[0].retvalue == "x"
    db.assert_once()
    caller = await yext_async.call("tone/dial")
    await (await caller.hear("tone:dial")).hangup()
    assert await script.stop() == "exit status 0"
    assert len(yext_async.messages) > 6

@pytest.mark.MARK
async def test_fails(yext_async):
    (await yext_async.send("call.route")).assert_handled()

@pytest.mark.MARK
async def test_wrong_fixture(yext):
    yext.send("call.route")
"""


@pytest.mark.parametrize("marker", ["asyncio", "anyio"])
def test_each_step_is_awaited(pytester: pytest.Pytester, marker: str) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        STEPS.replace("MARK", marker),
        conftest="import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n",
    )
    found = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    found.assert_outcomes(passed=1, failed=2)
    assert "never awaited" not in found.stdout.str()
    found.stdout.fnmatch_lines(
        ["*expected  call.route handled*", "*this test is async: take the fixture yext_async*"]
    )
    assert "asyncio/runners.py" not in found.stdout.str()
