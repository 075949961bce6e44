"""The pytest plugin for authors of scripts: a real engine, driven from plain test functions.

Installing yext makes it available. docs/testing.md describes it:

    def test_route(yext):
        yext.script("route.py", "9")
        yext.send("call.route", called="99").assert_handled(retvalue="sip/99@10.0.0.2")

The engine is imported with the first test that uses it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from yext.engine.engine import Engine
    from yext.testing.bench import TestBench
    from yext.testing.kit.running import CommandLine
    from yext.testing.kit.twin import AsyncTwin

    Factory = Callable[..., AbstractContextManager[TestBench]]

__tracebackhide__ = True  # pytest shows no frame of this file.

pytest_plugins = ("yext.console.testing",)
"""What gives a test the commands of a console session: see `yext.testing.kit.hooks`."""

MARKER = (
    "yext(speed=1, config=None, unanswered=False, crash=False): the engine of the fixture yext; how"
    " many seconds go by in a second, its configuration directory, and whether scripts may leave"
    " messages unanswered, or crash"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("yext", "tests of external modules")
    group.addoption(
        "--yext-speed", type=float, default=1.0, metavar="N",
        help="let N seconds go by in a second, in tests without @pytest.mark.yext(speed=…)",
    )  # fmt: skip
    parser.addini("yext_scripts", "folders of scripts, beside that of the test", type="paths")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that this plugin calls."""
    from yext.testing.kit import hooks

    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@contextmanager
def _imported_as_it_is(config: pytest.Config) -> Iterator[None]:
    """Import the engine without pytest's work on the assertions of plugins.

    It would compile all of the engine anew, which takes a second or two, and has no assertions
    to explain.
    """
    hook: Any = config.pluginmanager.rewrite_hook
    was_there = hook in sys.meta_path
    if was_there:
        sys.meta_path.remove(hook)
    try:
        yield
    finally:
        if was_there:
            sys.meta_path.insert(0, hook)


# Fixtures


@pytest.fixture
def yext_config(tmp_path: Path) -> Path:
    """The configuration directory of the test's engine, empty unless overridden."""
    directory = tmp_path / "yext-conf"
    directory.mkdir()
    return directory


@pytest.fixture(scope="session")
def yext_factory(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """Make an engine of any scope: ``with yext_factory(config_dir, folders=[…]) as engine:``."""

    def commands(engine: Engine) -> CommandLine | None:
        with _imported_as_it_is(pytestconfig):
            made: CommandLine | None = pytestconfig.hook.pytest_yext_commands(engine=engine)
            return made

    @contextmanager
    def make(config_dir: Path | None = None, **options: Any) -> Iterator[TestBench]:
        with _imported_as_it_is(pytestconfig):
            from yext.testing.bench import TestBench

        options.setdefault("speed", pytestconfig.getoption("yext_speed"))
        folders = [*options.pop("folders", ()), *pytestconfig.getini("yext_scripts")]
        bench = TestBench(
            config_dir or tmp_path_factory.mktemp("yext-conf"),
            folders=folders,
            commands=commands,
            scratch=lambda: tmp_path_factory.mktemp("yext-again"),
            **options,
        )
        bench.shared = True
        try:
            yield bench
        finally:
            bench.close()

    return make


def _engine(
    factory: Factory, request: pytest.FixtureRequest, config_dir: Path | None
) -> AbstractContextManager[TestBench]:
    """Make the engine of a fixture, as the marker says."""
    folder = request.path.parent
    marked = _marked(request.node).get("config")
    return factory(folder / marked if marked else config_dir, folders=[folder])


@pytest.fixture
def yext(
    yext_factory: Factory, request: pytest.FixtureRequest, yext_config: Path
) -> Iterator[TestBench]:
    """A started engine, which is stopped with all its scripts at the end of the test."""
    with _engine(yext_factory, request, yext_config) as bench:
        bench.shared = False
        yield bench


@pytest.fixture
def yext_engine(yext: TestBench) -> TestBench:
    """The other name of the fixture `yext`."""
    return yext


@pytest.fixture(scope="module")
def yext_module(yext_factory: Factory, request: pytest.FixtureRequest) -> Iterator[TestBench]:
    """An engine for all tests of a module."""
    with _engine(yext_factory, request, None) as bench:
        yield bench


@pytest.fixture(scope="session")
def yext_session(yext_factory: Factory, pytestconfig: pytest.Config) -> Iterator[TestBench]:
    """An engine for all tests of the run."""
    with yext_factory(None, folders=[pytestconfig.rootpath]) as bench:
        yield bench


@pytest.fixture
def yext_async(yext: TestBench) -> AsyncTwin:
    """The fixture `yext` for tests that are coroutines: each step is awaited."""
    return _twin(yext)


@pytest.fixture
def yext_module_async(yext_module: TestBench) -> AsyncTwin:
    """The fixture `yext_module` for tests that are coroutines."""
    return _twin(yext_module)


@pytest.fixture
def yext_session_async(yext_session: TestBench) -> AsyncTwin:
    """The fixture `yext_session` for tests that are coroutines."""
    return _twin(yext_session)


def _twin(bench: TestBench) -> AsyncTwin:
    from yext.testing.kit.twin import AsyncTwin

    return AsyncTwin(bench)


# Tests


def _marked(node: Any) -> dict[str, Any]:
    """Return what the markers of a test, and of its class and module, say."""
    said: dict[str, Any] = {}
    for marker in node.iter_markers("yext"):
        said = {**marker.kwargs, **said}
    return said


def _benches(item: pytest.Item) -> list[TestBench]:
    """Return the engines of a test."""
    found = getattr(item, "funcargs", {})
    if not any(name.startswith("yext") for name in found):
        return []
    from yext.testing.bench import TestBench

    return list(dict.fromkeys(one for one in found.values() if isinstance(one, TestBench)))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Check what a test has left behind, as part of it."""
    benches = _benches(pyfuncitem)
    said = _marked(pyfuncitem) if benches else {}
    allowed = {name: said.get(name, False) for name in ("unanswered", "crash")}
    for bench in benches:
        bench.begin_test(said.get("speed", pyfuncitem.config.getoption("yext_speed")))
    try:
        result = yield
        for bench in benches:
            _end(bench, allowed)
        return result
    finally:
        for bench in benches:
            if bench.shared:
                bench.drop_rest()


def _end(bench: TestBench, allowed: dict[str, bool]) -> None:
    try:
        bench.end_test(**allowed)
    except AssertionError as error:
        if error is not bench.teller.told:
            raise  # Of a stub, with the line in the test that has failed.
        failed = bench.teller.told = pytest.fail.Exception(str(error), pytrace=False)
    else:
        return
    raise failed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the engine knows to the report of a failure that is not one of its own."""
    report = yield
    if call.when == "call" and call.excinfo is not None and report.failed:
        for bench in _benches(item):
            if bench.teller.told is call.excinfo.value:
                if isinstance(bench.teller.told, pytest.fail.Exception):
                    report.longrepr = str(bench.teller.told)  # No line of the test has failed.
            elif call.excinfo.value not in bench.teller.complete:
                report.sections.append(("yext", "\n".join(bench.background())))
            _summarize_in_a_line(report)
    return report


def _summarize_in_a_line(report: pytest.TestReport) -> None:
    """Keep pytest from telling a failure twice: in CI its summary has the whole message again."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.partition("\n")[0]
