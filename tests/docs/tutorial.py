#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows docs/tutorial/add-your-own-server.md to the letter, and compares what it promises with what comes.

tutorial.py ROOT BUILD SCRATCH CMAKE: installs BUILD, then does in SCRATCH what the page says, in its order; what does
not come as the page has it is printed, and the exit status is 1.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pages


class Reader:
    """Somebody who reads the page and does what it says, in a folder of their own."""

    def __init__(self, page, folder, environment):
        self.blocks = pages.blocks(page)
        self.folder = folder
        self.environment = environment

    def next(self, language):
        """The next block of that language; those before it are passed over."""
        while self.blocks:
            found, text = self.blocks.pop(0)
            if found == language:
                return text
        return sys.exit(f"the page has no further block of {language or 'commands'}")

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def replace(self, name, old, new):
        text = (self.folder / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            sys.exit(f"{name} has {text.count(old)} places for:\n{old}")
        self.write(name, text.replace(old, new))

    def run(self, command, status=0):
        """What the command prints; it has to end with that status."""
        done = subprocess.run(command, shell=True, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != status:
            sys.exit(f"`{command.strip()}` ended with {done.returncode} instead of {status}:\n{done.stdout}")
        return done.stdout


def apply(reader, name, diff):
    """Changes a file as a hunk without line numbers says."""
    lines = diff.splitlines(keepends=True)
    reader.replace(name, "".join(line[1:] for line in lines if line[0] != "+"),
                   "".join(line[1:] for line in lines if line[0] != "-"))


def summary(output):
    """From the list by rule to the end."""
    return output[output.find("by rule"):]


def broken_rules(output, grade):
    """The rules that the list at the end names with a grade."""
    return sorted(re.findall(rf"^  {grade} +([A-Z]{{3}}-\d\d) +\d+  ", summary(output), re.MULTILINE))


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found}, but the page says {wanted}")


def follow(reader):
    reader.write("my_echo.c", reader.next("c"))
    reader.write("CMakeLists.txt", reader.next("cmake"))
    reader.run(reader.next(""))
    printed = reader.run(reader.next(""), status=1)
    # How many verdicts are PASS or SKIP changes with each rule and case; the page shows an example.
    difference = pages.difference(reader.next(""), summary(printed), [r"\d+(?= verdicts| PASS| SKIP)"])
    if difference:
        sys.exit(f"the first report is another than the page's:\n{difference}")

    apply(reader, "my_echo.c", reader.next("diff"))
    judge_again = reader.next("")
    printed = reader.run(judge_again)
    expect("after the mends, WARN", broken_rules(printed, "WARN"), ["DAT-18", "TMO-03", "TMO-07"])

    reader.write("target.ini", reader.next("ini"))
    reader.replace("CMakeLists.txt", "ARGS --port {port}", "ARGS --port {port}\n  MANIFEST target.ini")
    printed = reader.run(judge_again)
    expect("with the manifest, WARN", broken_rules(printed, "WARN"), [])
    expect("with the manifest, rules that are EXPECTED", sorted(set(re.findall(r"EXPECTED +([A-Z]{3}-\d\d)", printed))),
           ["TMO-03", "TMO-07"])
    reader.run(reader.next(""))
    # It goes on for a minute on the page. Whether it finds something is not the point (1): that it runs is.
    campaign = reader.next("").replace("--time 1m", "--time 2s").strip()
    reader.run(f"{campaign}; test $? -le 1")


def main():
    root, build, scratch, cmake = (pathlib.Path(argument) for argument in sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    mine = scratch / "mine"
    mine.mkdir(parents=True)
    prefix = scratch / "prefix"
    subprocess.run([cmake, "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    path = f"{prefix / 'bin'}:{cmake.parent}:{os.environ['PATH']}"
    follow(Reader(root / "docs/tutorial/add-your-own-server.md", mine, {**os.environ, "PATH": path}))
    print("the tutorial is as it says")


if __name__ == "__main__":
    main()
