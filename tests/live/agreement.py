#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the model and the real kernel come to the same verdicts on the same programs.

agreement.py SOCKSPEC [--targets DIR] [--explained FILE] [--write FILE] [--case GLOB] [TARGET…]: checks each linked
target (without names: all) in both worlds, compares the verdicts case by case, and writes a table by rule. Exits with 1
when a verdict was kept in one world and broken in the other and no line of FILE, `TARGET-GLOB CASE-GLOB RULE = reason`,
explains it; with 77 where the real kernel cannot be had.
"""
import argparse
import collections
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WORLDS = ("model", "linux")
KEPT, BROKEN, OPEN = "kept", "broken", "open"
SIDES = {"PASS": KEPT, "FAIL": BROKEN, "WARN": BROKEN, "EXPECTED": BROKEN, "INFO": BROKEN}
CASE = "CASE"  # stands for a case as a whole


def arguments():
    parser = argparse.ArgumentParser(description="Compare verdicts of the two worlds.")
    parser.add_argument("sockspec")
    parser.add_argument("--targets", type=pathlib.Path, help="folder of linked targets")
    parser.add_argument("--explained", type=pathlib.Path, default=pathlib.Path(__file__).with_name("disagreements.txt"))
    parser.add_argument("--write", type=pathlib.Path, help="where the page goes")
    parser.add_argument("--case", help="only these cases")
    parser.add_argument("--jobs", default="4", help="cases at once on the real kernel, which mostly waits")
    parser.add_argument("names", nargs="*", metavar="TARGET")
    options = parser.parse_intermixed_args()
    options.targets = options.targets or pathlib.Path(options.sockspec).resolve().parent.parent / "targets"
    return options


def linked(options):
    """Names of the targets that both worlds can run; pairs are two programs and have no live form."""
    names = sorted(path.name.removesuffix("_check") for path in options.targets.glob("*_check"))
    return [name for name in options.names or names if "+" not in name and name in names]


def check(options, name, world):
    """The report of one target in one world; None where it left none."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch, "report.json")
        command = [options.sockspec, "check", name, "--targets", str(options.targets), "--json", str(report)]
        command += ["--world", "linux", "--jobs", options.jobs] if world == "linux" else []
        command += ["--case", options.case] if options.case else []
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        return json.loads(report.read_text()) if report.exists() else None


def sides(report):
    """(case, rule) -> (side, detail). A rule that was broken anywhere in a case is broken in it."""
    found = {}
    for verdict in report["verdicts"]:
        key = verdict["case"], verdict["rule"]
        side = SIDES.get(verdict["grade"], OPEN)
        if key not in found or found[key][0] != BROKEN:
            found[key] = side, verdict["detail"]
    return found


def explanations(path):
    """(target glob, case glob, rule, reason) of each line."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, reason = line.split(" = ", 1)
            rows.append((*pattern.split(), reason))
    return rows


def explained(rows, name, case, rule):
    for target_glob, case_glob, wanted, reason in rows:
        if fnmatch.fnmatch(name, target_glob) and fnmatch.fnmatch(case, case_glob) and wanted in (rule, "*"):
            return reason
    return None


class Comparison:
    """Counts by rule, and what differs."""

    def __init__(self, rows):
        self.rows = rows
        self.counts = collections.defaultdict(collections.Counter)
        self.reasons = collections.defaultdict(list)  # explanation -> [(target, case, rule)]
        self.unexplained = []  # (target, case, rule, model side, its detail, live side, its detail)
        self.skipped = collections.Counter()  # reason of a case that was not played live -> how often
        self.names = []

    def add(self, name, model, live):
        self.names.append(name)
        for case, rule in sorted(model.keys() | live.keys()):
            here, here_detail = model.get((case, rule), (OPEN, ""))
            there, there_detail = live.get((case, rule), (OPEN, ""))
            if here == there == OPEN:
                continue
            if there == OPEN and (case, CASE) in live:
                self.skipped[live[case, CASE][1]] += 1
            self.counts[rule][here, there] += 1
            if OPEN in (here, there) or here == there:
                continue
            reason = explained(self.rows, name, case, rule)
            if reason:
                self.reasons[reason].append((name, case, rule))
            else:
                self.unexplained.append((name, case, rule, here, here_detail, there, there_detail))

    def total(self, *pairs):
        return sum(count[pair] for count in self.counts.values() for pair in pairs)


def page(comparison):
    """The page, as lines of Markdown."""
    yield "# Where the worlds agree"
    yield ""
    yield ("Every linked target, correct and broken, checked in the model and on the real kernel: for each rule, in how "
           "many cases (target × case) both worlds found it kept, both found it broken, only one world could tell, and "
           "in how many they differ. Written by `tests/live/agreement.py`.")
    yield ""
    yield "| rule | kept in both | broken in both | only the model tells | only the kernel tells | they differ |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for rule, count in sorted(comparison.counts.items()):
        yield (f"| {rule} | {count[KEPT, KEPT]} | {count[BROKEN, BROKEN]} | {count[KEPT, OPEN] + count[BROKEN, OPEN]} "
               f"| {count[OPEN, KEPT] + count[OPEN, BROKEN]} | {count[KEPT, BROKEN] + count[BROKEN, KEPT]} |")
    same = comparison.total((KEPT, KEPT), (BROKEN, BROKEN))
    differ = comparison.total((KEPT, BROKEN), (BROKEN, KEPT))
    yield ""
    yield (f"{len(comparison.names)} targets. Of {same + differ} verdicts that both worlds reached, {same} are the same "
           f"and {differ} differ.")
    yield ""
    yield "## What the kernel has not"
    yield ""
    yield ("The wall clock is everybody's, and the order of ready descriptors is the kernel's own: `time clock` and `kernel "
           "order` are refused on the real kernel, and their cases are SKIP there. So are, without `--slow`, cases that let "
           "more than a second pass while a timer of the target runs.")
    yield ""
    yield ("Pairs, a server against a client, are judged in the model only ([why]"
           "(../decisions/0016-pairs-in-the-model-only.md)): each of their programs is judged here by itself.")
    yield ""
    yield "## Why they differ"
    yield ""
    for reason, places in sorted(comparison.reasons.items(), key=lambda item: -len(item[1])):
        rules = ", ".join(sorted({rule for _, _, rule in places}))
        name, case, _ = places[0]
        yield f"- {reason} ({rules}; {len(places)} verdicts, such as {name} in `{case}`)"
    for name, case, rule, here, _, there, _ in comparison.unexplained:
        yield f"- Not explained: {rule}, {name} in `{case}`: {here} in the model, {there} on the kernel."
    if comparison.skipped:
        yield ""
        yield "## What only the model plays"
        yield ""
        for reason, count in comparison.skipped.most_common():
            yield f"- {reason} ({count} verdicts)"


def main():
    options = arguments()
    comparison = Comparison(explanations(options.explained))
    for name in linked(options):
        reports = [check(options, name, world) for world in WORLDS]
        if None in reports:
            sys.exit(f"agreement.py: {name}: no report")
        if reports[1]["summary"]["exit"] == 77 and not os.environ.get("SOCKSPEC_NO_SKIP"):
            print(f"{name}: the real kernel cannot be had here")
            sys.exit(77)
        comparison.add(name, *map(sides, reports))
        print(f"{name}: {len(comparison.unexplained)} unexplained so far", flush=True)
    for name, case, rule, here, here_detail, there, there_detail in comparison.unexplained:
        print(f"{name} {case} {rule}\n  model {here}: {here_detail}\n  linux {there}: {there_detail}")
    if options.write:
        options.write.write_text("\n".join(page(comparison)) + "\n")
    sys.exit(1 if comparison.unexplained or not comparison.names else 0)


if __name__ == "__main__":
    main()
