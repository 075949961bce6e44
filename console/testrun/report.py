"""What is printed about transcripts: text, TAP, and JUnit's XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from yext.console.testrun.result import FileResult, StepResult
from yext.log import safe


def text_lines(result: FileResult) -> Iterator[str]:
    """Return the lines about one transcript for somebody who reads them."""
    path = safe(result.path)
    if result.ok:
        steps = len(result.steps)
        yield f"ok    {path}   {steps} step{'' if steps == 1 else 's'}, {result.seconds:.2f} s"
        return
    yield f"FAIL  {path}"
    for failure in result.failures:
        yield ""
        yield from _failure(path, failure)
    if result.error:
        yield ""
        yield from (safe(line, keep="\t") for line in result.error.split("\n"))


def _failure(path: str, failure: StepResult) -> Iterator[str]:
    step = failure.step
    yield f"{path}:{step.line}: {safe(f'{step.word} {step.text}')}"
    yield from (f"  {safe(line, keep=chr(9))}" for line in failure.lines)
    if failure.context:
        yield ""
        yield from (f"    {line}" for line in failure.context)


def summary(results: Sequence[FileResult]) -> str:
    """Return the last line."""
    failed = sum(not result.ok for result in results)
    files = f"{len(results)} transcript{'' if len(results) == 1 else 's'}"
    seconds = sum(result.seconds for result in results)
    return (
        f"{files}, {failed} failed, {seconds:.2f} s" if failed else f"{files} ok, {seconds:.2f} s"
    )


def tap_lines(results: Sequence[FileResult]) -> Iterator[str]:
    """Return the results by the Test Anything Protocol, version 14, a test for each transcript."""
    yield "TAP version 14"
    yield f"1..{len(results)}"
    for number, result in enumerate(results, 1):
        yield f"{'ok' if result.ok else 'not ok'} {number} - {safe(result.path)}"
        if result.ok:
            continue
        yield "  ---"
        yield "  message: |"
        yield from (f"    {line}".rstrip() for line in list(text_lines(result))[1:])
        yield "  ..."


def junit(results: Sequence[FileResult]) -> str:
    """Return the results as JUnit's XML: a suite for each transcript, a case for each step."""
    suites = "".join(map(_suite, results))
    tests = sum(len(_cases(result)) for result in results)
    failed = sum(_failed(result) for result in results)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuites tests="{tests}" failures="{failed}">\n{suites}</testsuites>\n'
    )


def _suite(result: FileResult) -> str:
    cases = _cases(result)
    return (
        f'  <testsuite name={quoteattr(safe(result.path))} tests="{len(cases)}"'
        f' failures="{_failed(result)}" time="{result.seconds:.3f}">\n'
        f"{''.join(cases)}  </testsuite>\n"
    )


def _failed(result: FileResult) -> int:
    return len(result.failures) + bool(result.error)


def _cases(result: FileResult) -> list[str]:
    path = safe(result.path)
    cases = [
        _case(
            path, f"line {one.step.line}: {one.step.word} {one.step.text}", one.seconds,
            "" if one.same else "\n".join(_failure(path, one)),
        )
        for one in result.steps
    ]  # fmt: skip
    if result.error:
        cases.append(_case(path, "the transcript as a whole", 0.0, result.error))
    return cases


def _case(path: str, name: str, seconds: float, failure: str) -> str:
    named = f"classname={quoteattr(path)} name={quoteattr(safe(name))}"
    head = f'    <testcase {named} time="{seconds:.3f}"'
    if not failure:
        return f"{head}/>\n"
    lines = [safe(line) for line in failure.split("\n")]
    return (
        f"{head}>\n      <failure message={quoteattr(lines[0])}>"
        f"{escape(chr(10).join(lines))}</failure>\n    </testcase>\n"
    )
