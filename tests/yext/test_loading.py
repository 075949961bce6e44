"""What is imported late, and when."""

import ast
import subprocess
import sys
from pathlib import Path

from yext.engine import loader

ROOT = Path(__file__).parents[2]


def imported_late() -> set[str]:
    """The modules that functions of yext/extmodule import when they are called."""
    names = set()
    for path in (ROOT / "yext" / "extmodule").rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        names.add(str(node.module))
                    elif isinstance(node, ast.Import):
                        names |= {alias.name for alias in node.names}
    return names


def test_what_scripts_need_is_there_before_descriptors_run_out() -> None:
    """Once an engine has loaded the rest no function imports anything new, but for `yext check`."""
    program = (
        "import asyncio, sys\n"
        "from yext import Engine; from yext.engine import loader\n"
        "async def main():\n"
        "    async with Engine():\n"
        "        loader.load_rest()\n"
        "        print(*sorted(set(sys.argv[1:]) - set(sys.modules)))\n"
        "asyncio.run(main())\n"
    )
    late = imported_late()
    assert "yext.extmodule.diagnosis.diagnose" in late
    done = subprocess.run(
        [sys.executable, "-c", program, *late],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["yext.extmodule.check"]


def test_the_rest_is_loaded_soon_after_the_start() -> None:
    program = (
        "import asyncio, sys\n"
        "from yext import Engine; from yext.engine import loader\n"
        "async def main():\n"
        "    async with Engine() as engine:\n"
        "        before = 'yext.extmodule.diagnosis.diagnose' in sys.modules\n"
        "        loop = asyncio.get_running_loop()\n"
        "        loaded = loop.create_future()\n"
        "        loop.call_at(engine._rest.when() + 0.01, loaded.set_result, None)\n"
        "        await loaded\n"
        "        print(before, 'yext.extmodule.diagnosis.diagnose' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "True"]


def test_every_module_that_is_loaded_by_name_is_there() -> None:
    loader.load_rest()
    for where in loader.BUILT_IN.values():
        name, _, attribute = where.partition(":")
        assert hasattr(__import__(name, fromlist=[attribute]), attribute)
