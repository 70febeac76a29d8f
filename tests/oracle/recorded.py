#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every decidable rule has a recorded run of a target that keeps it and one of a target that breaks it.

recorded.py SOCKSPEC TARGETS_DIR REFERENCE_DIR BROKEN_DIR HAND_WRITTEN RUNS_DIR: plays the suite against the correct and the
broken targets in the model, takes the live runs stored in RUNS_DIR into account, prints one line per rule that lacks a run, and exits with 1 when a rule lacks one that HAND_WRITTEN has
no trace for either. A trace there for a side that has been recorded is fine: it may serve another test.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

KEPT = {"PASS"}
BROKEN = {"FAIL", "WARN"}
RULE = re.compile(r"^([A-Z]{3}-\d\d) ")
STACKS = re.compile(r"^\S+ +\S+ +stacks ")  # they bind no program; test_stack_model has runs of those
STORED = re.compile(r"^([A-Z]{3}-\d\d)-(keeps|breaks)-.*\.jsonl$")
WRITTEN = re.compile(r"^rule ([A-Z]{3}-\d\d) (keeps|breaks)\b")


def decidable_rules(sockspec):
    """IDs of the rules for programs that a trace decides, in the order of the table."""
    lines = subprocess.run([sockspec, "list", "rules"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [
        match[1]
        for line in lines
        if (match := RULE.match(line)) and "[not decidable" not in line and not STACKS.match(line)
    ]


def grades(sockspec, targets, folder):
    """For each rule, the target in `folder` that first got each grade in a run of the suite, from the JSON reports."""
    seen = collections.defaultdict(dict)
    with tempfile.TemporaryDirectory() as scratch:
        for manifest in sorted(pathlib.Path(folder).glob("*/target.ini")):
            name = manifest.parent.name
            if not pathlib.Path(targets, f"{name}_check").exists():
                continue  # it needs processes, which the model does not have
            report = pathlib.Path(scratch, f"{name}.json")
            command = [sockspec, "check", name, "--targets", targets, "--json", str(report)]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
            for verdict in json.loads(report.read_text())["verdicts"]:
                seen[verdict["rule"]].setdefault(verdict["grade"], name)
    return seen


def written(path):
    """(rule, side) of each hand-written trace."""
    return {match.groups() for line in pathlib.Path(path).read_text().splitlines() if (match := WRITTEN.match(line))}


def stored(folder):
    """(rule, side) of each live run; test_oracle judges them."""
    return {match.groups() for path in pathlib.Path(folder).iterdir() if (match := STORED.match(path.name))}


def main():
    sockspec, targets, reference, broken, hand_written, live_runs = sys.argv[1:]
    rules = decidable_rules(sockspec)
    runs = {
        "keeps": (grades(sockspec, targets, reference), KEPT),
        "breaks": (grades(sockspec, targets, broken), BROKEN),
    }
    by_hand = written(hand_written)
    live = stored(live_runs)
    missing = 0
    lacking = 0
    for rule in rules:
        for side, (seen, wanted) in runs.items():
            if wanted & seen[rule].keys() or (rule, side) in live:
                continue
            lacking += 1
            missing += (rule, side) not in by_hand
            print(f"{'by hand' if (rule, side) in by_hand else 'MISSING'}  {rule}  no recorded run that {side} it")
    print(f"{len(rules)} decidable rules, {lacking} sides without a recorded run, {missing} without any trace")
    sys.exit(1 if missing or len(rules) < 50 else 0)


if __name__ == "__main__":
    main()
