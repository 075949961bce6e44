#!/usr/bin/env python3
"""Drive the console as an operator would, with pexpect (pip install pexpect).

    python samples/ci/console.py

Start a script, send a message through it, and exit with 1 unless the answer is right.
"""

import os
import sys
from pathlib import Path

import pexpect

HERE = Path(__file__).parent

# On a dumb terminal the console writes only text, which is easy to expect.
PLAIN = {**os.environ, "TERM": "dumb"}


def main() -> int:
    yext = pexpect.spawn(
        sys.executable, ["-m", "console", "-c", str(HERE)], env=PLAIN, encoding="utf-8", timeout=20
    )
    yext.logfile_read = sys.stdout
    # Expect replies, not the prompt: text that ends in a blank is hard to expect.
    yext.sendline("external start route.py 9")
    yext.expect("External start attempt|started route.py")
    yext.sendline("message --wait 5 call.route caller=40 called=99")
    yext.expect(r"reply handled +return (\S+)")
    routed = yext.match.group(1)
    yext.sendline("external stop route.py")
    yext.expect("External command stopped|stopped route.py")
    yext.sendline("quit")
    yext.expect(pexpect.EOF)
    yext.close()
    if yext.exitstatus != 0:
        print(f"\nthe console ended with {yext.exitstatus}", file=sys.stderr)
        return 1
    if routed != "sip/99@10.0.0.2":
        print(f"\ncall.route answered {routed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
