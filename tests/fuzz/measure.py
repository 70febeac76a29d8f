#!/usr/bin/env python3
"""Measures fuzzing on the targets of a build and writes the tables of docs/reference.

    measure.py first-detection   executions and seconds until each broken target's fuzzer finds its own rule
    measure.py silence           that correct targets break nothing in many executions, and what they kept
    measure.py minimise TARGET FOLDER…   a small corpus for corpus/fuzz/TARGET out of larger ones

Seconds are for the document: no test depends on them.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

EXIT_FOUND = 91  # enum fuzz_exit of harness/fuzz/process.h
ROOT = pathlib.Path(__file__).resolve().parents[2]


def read_ini(path):
    """The keys of an INI file, whatever section they are in."""
    values = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            values.setdefault(key.strip(), value.strip())
    return values


def targets(folder):
    """Name and description of every target that has a fuzzer."""
    for path in sorted(folder.glob("*.target.ini")):
        info = read_ini(path)
        if (folder / (info["name"] + "_fuzzer")).exists():
            yield info


def runs_in(stats):
    """The executions that the counts of a process say: see harness/fuzz/stats.h."""
    data = stats.read_bytes() if stats.exists() else b""
    return struct.unpack_from("<IIQ", data)[2] if len(data) >= 16 else 0


def detect(folder, name, rule, seed, limit_s):
    """Runs one fuzzer from nothing until its rule is broken: (executions, seconds), or None."""
    with tempfile.TemporaryDirectory() as scratch:
        stats = pathlib.Path(scratch) / "stats"
        environment = dict(os.environ, SOCKSPEC_UNTIL=rule, SOCKSPEC_STATS=str(stats))
        begin = time.monotonic()
        try:
            done = subprocess.run(
                [folder / (name + "_fuzzer"), f"-seed={seed}", "-max_len=4096", "-verbosity=0",
                 f"-artifact_prefix={scratch}/"],
                env=environment, cwd=scratch, timeout=limit_s, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return None
        seconds = time.monotonic() - begin
        return (runs_in(stats), seconds) if done.returncode == EXIT_FOUND else None


def first_detection(options):
    seeds = range(1, options.seeds + 1)
    rows = []
    missed = 0
    for info in targets(options.targets):
        if info["broken"] != "yes" or (options.only and options.only not in info["name"]):
            continue
        rule = read_ini(info["manifest"]).get("breaks", "") if info["manifest"] else ""
        if not rule:
            print(f"{info['name']}: its manifest does not say what it breaks", file=sys.stderr)
            missed += 1
            continue
        results = [detect(options.targets, info["name"], rule, seed, options.limit) for seed in seeds]
        missed += results.count(None)
        cells = ["missed" if r is None else f"{r[0]:,} ({r[1]:.1f} s)" for r in results]
        rows.append(f"| {info['name']} | {rule} | " + " | ".join(cells) + " |")
        print(rows[-1], flush=True)
    head = ["# First detection", "",
            "Executions, and seconds on one core, until the libFuzzer executable of each broken target first breaks "
            f"its own rule: from an empty corpus, within {options.limit:.0f} s. Written by "
            "`tests/fuzz/measure.py first-detection`.", "",
            "| target | rule | " + " | ".join(f"seed {seed}" for seed in seeds) + " |",
            "| --- | --- |" + " --- |" * len(seeds)]
    write(options.output or ROOT / "docs/reference/first-detection.md", head + rows)
    return 1 if missed else 0


# Why fuzzing cannot keep a rule on some program, or does so seldom.
RARE = {
    "ACC-10": "it waits in accept, not for a listener",
    "ACC-16": "it has no event loop",
    "BKL-04": "only a burst overfills a queue of 128: one scenario in 1,024 is one, since it costs as much as ten others",
    "CLO-15": "its protocol has no last request",
    "CRE-12": "it connects in blocking mode",
    "CRE-14": "no signal interrupts a connect that does not block",
    "DAT-05": "its calls block",
    "DAT-06": "on Linux calls that do not block never answer EINTR",
    "DAT-19": "a reader stalls for so many answers in few scenarios; a client has one request under way",
    "DAT-20": "its calls block",
    "DAT-21": "without poll or epoll nothing reports input together with a hang-up",
    "ERR-01": "needs a reset between a FIN and an answer",
    "FDH-01": "it ends by itself before all is quiet",
    "FDH-04": "its sockets do not block: no signal interrupts their close",
    "FDH-05": "it accepts nothing",
    "FDH-06": "it makes no process; only the live world has them",
    "FDH-07": "it has one thread",
    "FDH-08": "it makes no process; only the live world has them",
    "FDH-10": "it sets no option on an accepted descriptor",
    "FDH-11": "it ends by itself before all is quiet",
    "HCL-09": "it never shuts down its sending side",
    "RDY-07": "it does not use EPOLLET",
    "RDY-08": "it has one connection at a time: nothing else stands in a batch",
    "RDY-10": "it waits with neither poll nor epoll",
    "RDY-14": "it sleeps in recv and accept, not in a wait",
    "RDY-11": "it does not use select",
    "RST-05": "it never shuts down its sending side before it closes",
    "TWT-06": "the fault strikes only before a connect",
    "TWT-07": "it closes first only on peers that are silent or gone",
}


def campaign_of(options, name, folder):
    """Runs, or goes on with, the campaign on a target; what its campaign.json says. None: there is none yet."""
    if options.runs > 0:
        per_job = (options.runs + options.jobs - 1) // options.jobs
        done = subprocess.run([options.command, "fuzz", name, "--targets", options.targets, "--out", folder, "--jobs",
                               str(options.jobs), "--runs", str(per_job), "--seed", str(options.seed)],
                              stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"measure.py: sockspec fuzz {name} ended with {done.returncode}")
    path = pathlib.Path(folder, "campaign.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


# What is judged by what a scripted peer asked for, withheld or sent.
OF_SCRIPTED_PEERS = {"CLO-16", "CRE-20", "DAT-02", "DAT-03", "DAT-18", "DAT-19", "DAT-22", "DAT-23", "ERR-03", "HCL-04", "RST-14",
                     "TMO-04", "TMO-06", "TMO-07"}


def why_rare(target, rule):
    if "+" in target and rule in OF_SCRIPTED_PEERS:
        return "in a pair no peer is scripted"
    return RARE.get(rule, "")


def rare_rows(rare):
    """The rows of the table from (target, rule, kept): one for all targets of which the same is said."""
    alike = {}
    for target, rule, kept in rare:
        alike.setdefault((rule, kept, why_rare(target, rule)), []).append(target)
    pairs = {target for target, _, _ in rare if "+" in target}
    for names in alike.values():
        if pairs and pairs <= set(names):
            names[:] = ["every pair"] + [name for name in names if name not in pairs]
    return [f"| {rule} | {kept:,} | {', '.join(names)} | {why} |" for (rule, kept, why), names in sorted(alike.items())]


def silence(options):
    rows = []
    rare = []
    loud = 0
    for info in targets(options.targets):
        name = info["name"]
        if info["broken"] == "yes" or (options.only and options.only not in name):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(options.folder or scratch, name)
            campaign = campaign_of(options, name, folder)
            if campaign is None:
                continue
            if campaign["findings"] and options.keep:
                shutil.copytree(folder / "findings", pathlib.Path(options.keep) / name, dirs_exist_ok=True)
        findings = len(campaign["findings"])
        loud += findings
        kept = [r for r in campaign["rules"] if r["kept"] >= 1000]
        rare += [(name, r["rule"], r["kept"]) for r in campaign["rules"] if r["kept"] < 1000]
        rows.append(f"| {name} | {campaign['executions']:,} | {findings} | {100 * campaign['established_share']:.1f} % | "
                    f"{campaign['state_pairs']} | {len(kept)} |")
        print(rows[-1], flush=True)
    head = ["# Silence", "",
            "What fuzzing says about the correct targets: findings (FAIL or WARN), the share of runs that reached an "
            "established connection, state pairs, and how many rules were kept at least 1,000 times. Written by "
            "`tests/fuzz/measure.py silence`.", "",
            "| target | executions | findings | established | state pairs | rules kept |",
            "| --- | --- | --- | --- | --- | --- |"]
    tail = ["", "## Rules that were kept less than 1,000 times", "",
            "Of the rules that apply to the target. Where nothing is said, more runs keep it more often.", "",
            "| rule | kept | targets | why |", "| --- | --- | --- | --- |"]
    write(options.output or ROOT / "docs/reference/silence.md", head + rows + tail + rare_rows(rare))
    return 1 if loud else 0


STEPS_WANTED = 22  # of harness/fuzz/cover.c: shorter inputs are dearer than they seem
STEPS_MAX = 48     # of harness/fuzz/mutator.c: what is longer (a burst) does not stay so long
BYTES_MAX = 512    # of an input that is joined: what fuzzing under the bench takes
JOINED = 4000      # inputs made so, to choose from


def cover(fuzzer, folder, trimmed=None):
    """What each input of a folder reaches and costs: rows (price, steps, events, name, features)."""
    environment = dict(os.environ, SOCKSPEC_COVER=str(folder))
    if trimmed:
        environment["SOCKSPEC_TRIM"] = str(trimmed)
    done = subprocess.run([fuzzer], env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    for line in done.stdout.splitlines():
        steps, events, name, *features = line.split()
        steps, events = int(steps), int(events)
        yield events * max(1.0, STEPS_WANTED / max(steps, 0.5)), steps, events, name, frozenset(features)


def choose(rows, most):
    """Greedy: again and again the input with the most features that are new for its price; then without those that
    the others make superfluous."""
    chosen = []
    seen = set()
    left = list(rows)
    while left and len(chosen) < most:
        best = max(left, key=lambda row: (len(row[4] - seen) / row[0], row[3]))
        if not best[4] - seen:
            break
        chosen.append(best)
        seen |= best[4]
        left.remove(best)
    for row in sorted(chosen, reverse=True):
        others = frozenset().union(*(other[4] for other in chosen if other is not row))
        if row[4] <= others:
            chosen.remove(row)
    return chosen, seen


def join(rows, folder, into, count):
    """Inputs one behind the other until they are as long as wanted: one start of the program serves for several."""
    chance = random.Random(1)
    for _ in range(count):
        data, steps = b"", 0
        while steps < STEPS_WANTED:
            row = chance.choice(rows)
            part = (folder / row[3]).read_bytes()
            data += part[1:] if data else part  # the first byte is the version
            steps += row[1]
        if steps <= 2 * STEPS_WANTED and len(data) <= BYTES_MAX:
            (into / digest(data)).write_bytes(data)


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def minimise(options):
    """Trims each input, joins short ones, and chooses those that have every feature for the least price. What is left
    of the number of files goes to the cheapest of the others: many short ways to the same place are a better start
    than one."""
    target = ROOT / "corpus/fuzz" / options.target
    fuzzer = options.targets / (options.target + "_fuzzer")
    with tempfile.TemporaryDirectory() as scratch:
        raw, trimmed, joined, best = (pathlib.Path(scratch, name) for name in ("raw", "trimmed", "joined", "best"))
        for folder in (raw, trimmed, joined, best):
            folder.mkdir()
        for folder in options.folders:
            for path in pathlib.Path(folder).iterdir():
                shutil.copy(path, raw / digest(path.read_bytes()))
        rows = [row for row in cover(fuzzer, raw, trimmed) if row[1] <= STEPS_MAX]
        features = frozenset().union(*(row[4] for row in rows))
        short = [row for row in sorted(rows)[:options.files * 4] + choose(rows, len(rows))[0]
                 if 0 < row[1] < STEPS_WANTED]
        join(short, trimmed, joined, JOINED)
        for path in joined.iterdir():
            shutil.copy(path, trimmed / path.name)
        rows += [row for row in cover(fuzzer, joined) if row[1] <= STEPS_MAX]
        chosen, seen = choose(rows, options.files)
        rest = sorted(row for row in rows if row not in chosen and STEPS_WANTED <= row[1])
        chosen += rest[:max(0, options.files - len(chosen))]
        for row in chosen:
            shutil.copy(trimmed / row[3], best / row[3])
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        chosen = list(cover(fuzzer, best, target))
        for row in chosen:
            (target / row[3]).rename(target / digest((target / row[3]).read_bytes()))
    count = len(chosen)
    print(f"{target}: {count} files of {len(rows)}, {len(seen)} features of {len(features)}, on the average "
          f"{sum(row[1] for row in chosen) / count:.1f} steps with an effect and "
          f"{sum(row[2] for row in chosen) / count:.0f} events")
    return 0


def write(path, lines):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="folder of the build")
    parser.add_argument("--only", help="targets whose names hold this text")
    parser.add_argument("--output", type=pathlib.Path, help="the document; default: in docs/reference")
    commands = parser.add_subparsers(dest="command_name", required=True)
    first = commands.add_parser("first-detection")
    first.add_argument("--seeds", type=int, default=5)
    first.add_argument("--limit", type=float, default=60.0, help="seconds")
    first.set_defaults(run=first_detection)
    quiet = commands.add_parser("silence")
    quiet.add_argument("--runs", type=int, default=5_000_000)
    quiet.add_argument("--jobs", type=int, default=1)
    quiet.add_argument("--folder", help="where the campaigns stand and go on; default: a new one, not kept")
    quiet.add_argument("--seed", type=int, default=1)
    quiet.add_argument("--keep", help="folder that takes the findings, if there are any")
    quiet.set_defaults(run=silence)
    small = commands.add_parser("minimise")
    small.add_argument("target")
    small.add_argument("folders", nargs="+")
    small.add_argument("--files", type=int, default=60)
    small.set_defaults(run=minimise)
    options = parser.parse_args()
    options.targets = options.build.resolve() / "targets"
    options.command = options.build.resolve() / "bin/sockspec"
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
