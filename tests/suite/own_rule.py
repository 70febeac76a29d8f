#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every broken target is caught by the suite, by the rule that it is named after.

own_rule.py SOCKSPEC TARGETS_DIR BROKEN_DIR: prints one line per target and exits with 1 when one was missed. Targets
that need processes, which have no NAME_check in TARGETS_DIR, are left out.
"""
import configparser
import json
import pathlib
import subprocess
import sys
import tempfile


def broken_targets(folder):
    """(name, rule) of each broken target, from its manifest."""
    for manifest in sorted(pathlib.Path(folder).glob("*/target.ini")):
        ini = configparser.ConfigParser(interpolation=None)
        ini.read(manifest)
        yield manifest.parent.name, ini["target"]["breaks"]


def grades(sockspec, targets, name, rule):
    """Grades of the verdicts on `rule`, from the command's JSON report."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch, "report.json")
        command = [sockspec, "check", name, "--targets", targets, "--rule", rule, "--json", str(report)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        return {verdict["grade"] for verdict in json.loads(report.read_text())["verdicts"] if verdict["rule"] == rule}


def main():
    sockspec, targets, folder = sys.argv[1:]
    missed = 0
    seen = 0
    for name, rule in broken_targets(folder):
        if not pathlib.Path(targets, f"{name}_check").exists():
            continue
        seen += 1
        caught = bool(grades(sockspec, targets, name, rule) & {"FAIL", "WARN"})
        missed += not caught
        print(f"{'caught' if caught else 'MISSED'}  {rule}  {name}")
    print(f"{seen} broken targets, {missed} missed")
    sys.exit(1 if missed or seen < 30 else 0)


if __name__ == "__main__":
    main()
