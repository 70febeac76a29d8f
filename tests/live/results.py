#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suite on real programs: what each one got, as a page.

results.py SOCKSPEC [--write FILE] [--keep DIR] [NAME…]: checks each program of targets/ that its manifest starts as a
process, prints every FAIL, WARN and ERROR, and writes a table. Programs that are not installed are left out.
"""
import argparse
import collections
import configparser
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from occasions import unreached

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRADES = ("PASS", "FAIL", "WARN", "INFO", "SKIP", "EXPECTED", "ERROR")
SERIOUS = ("FAIL", "WARN", "ERROR")
# Manifest -> Debian package whose version is shown, and the program that must be there.
PROGRAMS = {
    "nginx": ("nginx", "nginx"), "lighttpd": ("lighttpd", "lighttpd"), "redis-server": ("redis-server", "redis-server"),
    "memcached": ("memcached", "memcached"), "haproxy": ("haproxy", "haproxy"), "mosquitto": ("mosquitto", "mosquitto"),
    "vsftpd": ("vsftpd", "vsftpd"), "busybox-httpd": ("busybox", "busybox"), "socat": ("socat", "socat"),
    "python-http": ("python3", "python3"), "node-http": ("nodejs", "node"), "go-http": ("golang-go", "go"),
    "java-http": ("openjdk-17-jdk-headless", "javac"), "curl": ("curl", "curl"), "wget": ("wget", "wget"),
    "redis-cli": ("redis-tools", "redis-cli"), "python-http-client": ("python3", "python3"),
}


def version(package):
    """The version of an installed Debian package; empty where it is not one."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def manifest(name):
    ini = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(" ;",))
    ini.read(ROOT / "targets" / name / "target.ini")
    return ini["target"]


def check(sockspec, name, report):
    """Runs the check; returns its wall time. What is built has a name, the rest is a folder."""
    target = name if "command" not in manifest(name) else str(ROOT / "targets" / name)
    began = time.monotonic()
    command = [sockspec, "check", target, "--world", "linux", "--jobs", "2", "--json", str(report)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - began


def row(name, report, seconds):
    counts = collections.Counter(verdict["grade"] for verdict in report["verdicts"])
    target = manifest(name)
    line = target.get("command", f"{name} {target.get('args', '')}")
    shown = " ".join(shlex.split(line)).replace("{folder}", f"targets/{name}").replace("|", "\\|")
    numbers = " | ".join(str(counts[grade]) for grade in GRADES)
    return (f"| {name} | {version(PROGRAMS[name][0]) or '?'} | {report['summary']['cases']} | {numbers} "
            f"| {seconds:.0f} s | `{shown}` |")


def page(rows, reports):
    yield "# The suite on real programs"
    yield ""
    yield ("Programs of Debian 12 and servers in other languages on the real kernel: how many verdicts of each grade. "
           "Every FAIL and WARN was examined by hand; what is true is told in [the findings](../findings/README.md) and "
           "listed in the program's `target.ini` as a known failure (EXPECTED). What still stands under FAIL and WARN is a "
           "false alarm of sockspec. Two cases ran at a time, on a machine that did other work too. Written by "
           "`tests/live/results.py`; again with `sockspec check targets/NAME` (`sockspec check NAME` for what is built with sockspec).")
    yield ""
    yield f"| target | version | cases | {' | '.join(GRADES)} | time | command |"
    yield f"| --- | --- | ---: | {' | '.join('---:' for _ in GRADES)} | ---: | --- |"
    yield from rows
    found, count = unreached(reports)
    yield ""
    yield "## Cases that reached none of them"
    yield ""
    yield (f"Of a command a step without effect is SKIP, for nobody knows which calls it makes. {len(found)} of {count} cases "
           "were judged on none of these programs, for this reason of the first of them:")
    yield ""
    yield from (f"- `{case}`: {reason}" for case, reason in found)


def main():
    parser = argparse.ArgumentParser(description="Check real programs on the real kernel.")
    parser.add_argument("sockspec")
    parser.add_argument("--write", type=pathlib.Path, help="where the page goes")
    parser.add_argument("--keep", type=pathlib.Path, help="where the JSON reports stay")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_intermixed_args()
    rows = []
    reports = []
    serious = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.names or PROGRAMS:
            if shutil.which(PROGRAMS[name][1]) is None:
                print(f"{name}: not installed")
                continue
            path = folder / f"{name}.json"
            path.unlink(missing_ok=True)
            seconds = check(options.sockspec, name, path)
            if not path.exists():
                print(f"{name}: no report")
                serious += 1
                continue
            report = json.loads(path.read_text())
            rows.append(row(name, report, seconds))
            reports.append(report)
            print(rows[-1], flush=True)
            for verdict in report["verdicts"]:
                if verdict["grade"] in SERIOUS:
                    serious += 1
                    print(f"  {verdict['grade']} {verdict['rule']} {verdict['case']}: {verdict['detail'][:300]}")
    if options.write:
        options.write.write_text("\n".join(page(rows, reports)) + "\n")
    sys.exit(1 if serious else 0)


if __name__ == "__main__":
    main()
