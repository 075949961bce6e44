"""Fuzz the parsers: ``python -m tests.fuzz [--seconds N] [--inputs N] [--keep] [TARGET ...]``.

Each target runs in a process of its own, guided by coverage where the package atheris is installed
(there are builds of it for some machines only), else by chance. It begins with the corpus in
``tests/fuzz/corpora/TARGET``. With ``--keep`` inputs that reach new code are added to it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CORPORA = Path(__file__).parent / "corpora"
FINDINGS = Path("/tmp/yext-fuzz-findings")


def main() -> int:
    """Run the targets that are named, all by default; return 1 if one has found anything."""
    options = _options()
    from tests.fuzz.targets import TARGETS

    failed = False
    total = 0
    for name in options.target or TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", "--alone", name]
        command += ["--seconds", str(options.seconds), "--inputs", str(options.inputs)]
        with tempfile.TemporaryDirectory(prefix="yext-fuzz-") as folder:
            done = subprocess.run(
                [*command, *(["--keep"] if options.keep else [])],
                env=os.environ | {"TMPDIR": folder},  # libFuzzer ends the process without cleaning.
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        counts = re.findall(r"^(?:Done|stat::number_of_executed_units:) *(\d+)", done.stdout, re.M)
        count = int(counts[-1]) if counts else 0
        total += count
        print(
            f"{name:16} {count:12,} inputs   {'found' if done.returncode else 'nothing'}",
            flush=True,
        )
        if done.returncode:
            failed = True
            print(done.stdout[-4000:])
    print(f"{'in all':16} {total:12,} inputs")
    if failed:
        print(f"What was found is in {FINDINGS}: add it to tests/fuzz/corpora, and mend it.")
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default 60)")
    parser.add_argument("--inputs", type=int, default=-1, help="for each target, at most")
    parser.add_argument("--keep", action="store_true", help="add inputs that reach new code")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("target", nargs="*")
    return parser.parse_args()


def _run_alone(options: argparse.Namespace) -> int:
    """Run one target in this process."""
    name = options.target[0]
    FINDINGS.mkdir(exist_ok=True)
    if importlib.util.find_spec("atheris") is None:
        return _by_chance(name, options)
    return _guided(name, options)


def _guided(name: str, options: argparse.Namespace) -> int:
    import atheris

    with atheris.instrument_imports(include=["yext"]):
        from tests.fuzz.targets import LONGEST, TARGETS

    corpus = CORPORA / name
    with tempfile.TemporaryDirectory() as found:
        first = corpus if options.keep else Path(found)
        atheris.Setup(
            [
                name,
                *(f"{folder}" for folder in dict.fromkeys((first, corpus))),
                f"-max_total_time={options.seconds}",
                f"-runs={options.inputs}",
                f"-max_len={LONGEST}",
                f"-artifact_prefix={FINDINGS}/{name}-",
                "-reduce_inputs=1",
                "-timeout=10",
                "-print_final_stats=1",
            ],
            TARGETS[name],
        )
        atheris.Fuzz()  # Ends the process.
    return 0


def _by_chance(name: str, options: argparse.Namespace) -> int:
    from tests.fuzz.mutate import mutated
    from tests.fuzz.targets import LONGEST, TARGETS

    seeds = [path.read_bytes() for path in sorted((CORPORA / name).iterdir())]
    end, count = time.monotonic() + options.seconds, 0
    try:
        for data in mutated(random.Random(), seeds, LONGEST):
            if time.monotonic() > end or count == options.inputs:
                break
            count += 1
            try:
                TARGETS[name](data)
            except BaseException:
                (FINDINGS / f"{name}-crash-{count}").write_bytes(data)
                print(f"input: {data!r}")
                raise
    finally:
        print(f"Done {count}")
    return 0


if __name__ == "__main__":
    given = _options()
    sys.exit(_run_alone(given) if given.alone else main())
