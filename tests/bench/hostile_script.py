#!/usr/bin/env python3
"""A script that makes no sense, reads nothing, and writes much on standard error."""

import os
import time

os.write(1, b"%%>install:1:hostile\n")
for number in range(2000):
    os.write(2, b"x" * 200 + b"\x1b[2J\n")
    if number % 10 == 0:
        os.write(1, b"%%>message:1:0:engine.halt::\n\xff\xfe\n%%<message:1:true::\n" * 5)
        time.sleep(0.001)
