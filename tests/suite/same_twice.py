#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same scenario and seed on the same target give the same trace, byte for byte.

same_twice.py SOCKSPEC TARGETS_DIR TARGET…: plays some cases on each target, two processes for each seed, and
compares their traces. Exits with 1 when two differ, or when one of them could not be had.
"""
import configparser
import difflib
import itertools
import pathlib
import subprocess
import sys
import tempfile

CASES = {
    "server": ["server/data/large", "server/data/pipelined", "server/readiness/order", "server/abrupt/in-answer",
               "server/timeouts/clock-jump", "server/restart/*"],
    "client": ["client/answer/whole", "client/answer/byte-by-byte", "client/connect/refused",
               "client/truncated/reset-before", "client/wire/lost-answer"],
    "pair": ["pair/dialogues", "pair/held", "pair/short-transfers", "pair/lost-segments"],
}
SEEDS = ("0", "7", "18446744073709551615")


def names(sockspec, role):
    """The cases of CASES by their full names."""
    listed = subprocess.run([sockspec, "list", "cases"], stdout=subprocess.PIPE, text=True, check=True).stdout
    known = [line.split()[0] for line in listed.splitlines() if line]
    found = [name for pattern in CASES[role] for name in known if pathlib.PurePath(name).match(pattern)]
    missing = [pattern for pattern in CASES[role] if not any(pathlib.PurePath(name).match(pattern) for name in found)]
    if missing:
        sys.exit(f"no such case: {', '.join(missing)}")
    return found


def trace(sockspec, targets, target, case, seed, path):
    """The trace of one play, as bytes."""
    subprocess.run([sockspec, "replay", case, "--target", target, "--targets", targets, "--seed", seed,
                    "--trace", str(path)], stdout=subprocess.DEVNULL, check=False)
    return path.read_bytes() if path.exists() else b""


def show(first, second):
    """Where the two begin to differ: enough to see why."""
    lines = (data.decode(errors="replace").splitlines() for data in (first, second))
    for line in itertools.islice(difflib.unified_diff(*lines, "first", "second", lineterm=""), 40):
        print("   ", line)


def main():
    sockspec, targets, *wanted = sys.argv[1:]
    compared = different = 0
    with tempfile.TemporaryDirectory() as scratch:
        for target in wanted:
            ini = configparser.ConfigParser(interpolation=None, strict=False)
            ini.read_string("[target]\n" + pathlib.Path(targets, f"{target}.target.ini").read_text())
            for case in names(sockspec, ini["target"]["role"]):
                for seed in SEEDS:
                    first, second = (trace(sockspec, targets, target, case, seed, pathlib.Path(scratch, f"{compared}{x}"))
                                     for x in "ab")
                    compared += 1
                    if first != second or not first:
                        different += 1
                        print(f"{'DIFFERENT' if first else 'NO TRACE'}  {target}  {case}  --seed {seed}")
                        show(first, second)
    print(f"{compared} plays compared, {different} without two equal traces")
    sys.exit(1 if different or compared < len(wanted) else 0)


if __name__ == "__main__":
    main()
