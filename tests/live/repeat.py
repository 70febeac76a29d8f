#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same check many times while all processors are busy: which verdicts change.

repeat.py [--runs N] SOCKSPEC CHECK-ARGUMENT…: for example

    tests/live/repeat.py --runs 50 build/bin/sockspec check --profile echo -- build/targets/echo-epoll --port {port}

One busy process runs on each processor meanwhile. Prints a line for each run, and each verdict that was not as in the first
one; exits with 1 when there was one.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


def verdicts(sockspec, arguments):
    """Exit code and grade by (case, rule) of one run."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [sockspec, *arguments[:1], "--json", out.name, *arguments[1:]]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        report = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8"))
    return done.returncode, {(v["case"], v["rule"]): v["grade"] for v in report["verdicts"]}


def differences(first, other):
    for key in sorted(first.keys() | other.keys()):
        if first.get(key) != other.get(key):
            yield f"{key[0]} {key[1]}: {first.get(key, 'absent')}, now {other.get(key, 'absent')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("sockspec")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    changed = 0
    try:
        first = None
        for run in range(1, options.runs + 1):
            begun = time.monotonic()
            code, grades = verdicts(options.sockspec, options.arguments)
            first = first or (code, grades)
            found = list(differences(first[1], grades))
            changed += len(found) + (code != first[0])
            print(f"run {run}: {len(grades)} verdicts, exit {code}, {time.monotonic() - begun:.0f} s, load "
                  f"{os.getloadavg()[0]:.1f}, {len(found)} changed", *found, sep="\n  ", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"{options.runs} runs, {changed} changes")
    sys.exit(changed > 0)


if __name__ == "__main__":
    main()
