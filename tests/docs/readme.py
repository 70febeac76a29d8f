#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The report in README.md is what its command prints.

readme.py ROOT SOCKSPEC: prints how the two differ, and exits with 1 where they do.
"""
import pathlib
import shlex
import subprocess
import sys

import pages


def main():
    root, sockspec = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    shown = [text for _, text in pages.blocks(root / "README.md") if text.startswith("$ ")]
    if not shown:
        sys.exit("README.md shows no command with what it prints")
    for text in shown:
        line, documented = text.removeprefix("$ ").split("\n", 1)
        command = shlex.split(line)
        if command[0] != "build/bin/sockspec":
            sys.exit(f"{line}: not a command of a build")
        done = subprocess.run([sockspec, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        difference = pages.difference(documented, done.stdout)
        if difference:
            sys.exit(f"README.md is not what `{line}` prints (exit status {done.returncode}):\n{difference}")
    print(f"{len(shown)} of README.md's reports: as printed")


if __name__ == "__main__":
    main()
