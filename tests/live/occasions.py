#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases whose occasion never came: of a command a step without effect is SKIP, not ERROR, so a case that reaches no program
at all would go unseen.

occasions.py REPORT…: of the JSON reports of checks in world linux, prints each case that none of these programs was judged
in, with the reason that the first one gave. Exits with 1 when there is one.
"""
import json
import pathlib
import sys

JUDGED = {"PASS", "FAIL", "WARN", "INFO", "EXPECTED"}


def unreached(reports):
    """(case, reason) of each case in which no rule was judged in any report, in their order; and how many cases there are."""
    cases = {}
    for report in reports:
        for verdict in report["verdicts"]:
            judged, reason = cases.get(verdict["case"], (False, " ".join(verdict["detail"].split())))
            cases[verdict["case"]] = judged or verdict["grade"] in JUDGED, reason
    return [(case, reason) for case, (judged, reason) in sorted(cases.items()) if not judged], len(cases)


def main():
    found, count = unreached([json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:]])
    for case, reason in found:
        print(f"{case}: {reason}")
    print(f"{count} cases, {len(found)} of them reach none of {len(sys.argv) - 1} programs")
    sys.exit(1 if found or not count else 0)


if __name__ == "__main__":
    main()
