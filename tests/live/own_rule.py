#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every broken target is caught on the real kernel, by the rule that it is named after.

own_rule.py SOCKSPEC TARGETS_DIR BROKEN_DIR [--cases FILE] [--record CORPUS] [NAME…]: plays each target in the one case that FILE
names for it, `TARGET CASE`, prints one line per target and exits with 1 when one was missed. Of a target that the real
kernel does not show, FILE says why: `TARGET - reason`. With --record CORPUS the cases there that say they are about the
rule are tried one by one, and FILE is written anew; reasons stay, but for targets that were caught. Exits with 77 where the
real kernel cannot be had.
"""
import argparse
import concurrent.futures
import configparser
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

RULES = re.compile(r"^rules (.*)$", re.MULTILINE)
ROLE = re.compile(r"^role (\w+)$", re.MULTILINE)
BROKEN = {"FAIL", "WARN"}
UNSEEN = "-"
WIRE_CASE = "server/half-close/answer-after-fin"  # all of it is SKIP where namespaces are refused


# What needs descriptors with numbers from FD_SETSIZE (1024) on.
MANY_DESCRIPTORS = {"rdy-11-select-past-limit"}
DESCRIPTORS_MOST = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def broken_targets(folder):
    """(name, rule, role) of each broken target, from its manifest."""
    for manifest in sorted(pathlib.Path(folder).glob("*/target.ini")):
        ini = configparser.ConfigParser(interpolation=None)
        ini.read(manifest)
        yield manifest.parent.name, ini["target"]["breaks"], ini["target"]["role"]


def known_cases(path):
    """Target -> (case, reason); the case is UNSEEN where there is a reason."""
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, case, *reason = line.split(" ", 2)
            rows[name] = case, " ".join(reason)
    return rows


def catches(options, name, rule, case):
    """Whether the rule was broken in the case."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch, "report.json")
        command = [options.sockspec, "check", name, "--targets", options.targets, "--world", "linux", "--rule", rule]
        command += ["--case", case, "--json", str(report)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        verdicts = json.loads(report.read_text())["verdicts"]
        return any(verdict["rule"] == rule and verdict["grade"] in BROKEN for verdict in verdicts)


def first_case(options, name, rule, role):
    """The first case about the rule that shows the mistake; where none is about it, the first of all."""
    about = []
    others = []
    for path in sorted(options.record.rglob("*.scenario")):
        text = path.read_text()
        if ROLE.search(text)[1] == role:
            rules = RULES.search(text)
            case = str(path.relative_to(options.record).with_suffix(""))
            (about if rules and rule in rules[1].split() else others).append(case)
    return next((case for case in about or others if catches(options, name, rule, case)), None)


def record(options, wanted, known):
    """Finds the cases and writes the file."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = pool.map(lambda row: first_case(options, *row), wanted)
        for (name, rule, _), case in zip(wanted, found):
            print(f"{rule}  {name}  {case}", flush=True)
            if case or known.get(name, ("", ""))[0] != UNSEEN:
                known[name] = case or UNSEEN, "" if case else "?"
    lines = [f"{name} {case} {reason}".rstrip() for name, (case, reason) in sorted(known.items())]
    head = "# Broken target, and a case that shows its mistake on the real kernel; or - and why none does."
    options.cases.write_text("\n".join([head, *lines]) + "\n")


def refused(options):
    """Why the live world cannot run here; empty where it can."""
    command = [options.sockspec, "check", "echo-epoll", "--targets", options.targets, "--world", "linux"]
    done = subprocess.run([*command, "--case", WIRE_CASE], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def main():
    parser = argparse.ArgumentParser(description="Each mistake is caught by the rule that its target is named after.")
    parser.add_argument("sockspec")
    parser.add_argument("targets")
    parser.add_argument("folder")
    parser.add_argument("--cases", type=pathlib.Path, default=pathlib.Path(__file__).with_name("own_rule.txt"))
    parser.add_argument("--record", type=pathlib.Path, metavar="CORPUS", help="find the cases")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_intermixed_args()
    known = known_cases(options.cases)
    wanted = [row for row in broken_targets(options.folder) if not options.names or row[0] in options.names]
    if options.record:
        record(options, wanted, known)
        return
    reason = refused(options)
    if reason and not os.environ.get("SOCKSPEC_NO_SKIP"):
        print("skipped:", reason)
        sys.exit(77)
    wrong = 0
    for name, rule, _ in wanted:
        case, reason = known.get(name, (UNSEEN, ""))
        if name in MANY_DESCRIPTORS and DESCRIPTORS_MOST <= 1024 and not os.environ.get("SOCKSPEC_NO_SKIP"):
            case, reason = UNSEEN, f"it needs more open descriptors than ulimit -Hn allows here, {DESCRIPTORS_MOST}"
        if case == UNSEEN:
            wrong += reason in ("", "?")
            print(f"{'unseen' if reason else 'MISSED'}  {rule}  {name}: {reason or 'no case is known'}", flush=True)
            continue
        caught = catches(options, name, rule, case)
        wrong += not caught
        print(f"{'caught' if caught else 'MISSED'}  {rule}  {name}  {case}", flush=True)
    print(f"{len(wanted)} broken targets, {wrong} missed")
    sys.exit(1 if wrong or (len(wanted) < 30 and not options.names) else 0)


if __name__ == "__main__":
    main()
