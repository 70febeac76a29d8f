# What the parts of sockspec-bench share: where things stand, running them, medians.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import resource
import shutil
import statistics
import struct
import subprocess
import sys

STEPS_MIN = 20  # mean number of steps with an effect in a run that counts


class Setting:
    """Where things stand, and how long to measure."""

    def __init__(self, source, build, seconds, rounds):
        self.source = pathlib.Path(source)
        self.build = pathlib.Path(build)
        self.seconds = seconds  # of one measurement
        self.rounds = rounds    # how often both sides are measured
        self.work = self.build / "bench"
        self.helpers = self.build / "tests" / "bench"
        self.targets = self.build / "targets"
        self.corpora = {}       # folder by target, once it was made
        self.work.mkdir(parents=True, exist_ok=True)

    def folder(self, name):
        path = self.work / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


def fail(message):
    sys.exit(f"sockspec-bench: {message}")


def run(command, environment=None, allowed=(0,)):
    """Runs a command to its end; returns its output (both streams) and the processor seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], env={**os.environ, **(environment or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        fail(f"{command[0]} ended with {done.returncode}:\n{tail}")
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs(text):
    """Lines "name value" as a dictionary of numbers."""
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines()}


def median(values):
    return statistics.median(values)


def counts(path):
    """Runs and steps with an effect, from a fuzzing process's file of counts (harness/fuzz/stats.h)."""
    _, _, runs, effective = struct.unpack_from("<IIQQ", pathlib.Path(path).read_bytes())
    return runs, effective


def corpus(setting, target):
    """A corpus of scenarios for a target, with at least STEPS_MIN effective steps on the average: the minimised one of
    the repository, and where there is none, what its fuzzer collects in a hundred thousand runs."""
    if target in setting.corpora:
        return setting.corpora[target]
    folder = setting.folder(f"corpus/{target}")
    stored = setting.source / "corpus" / "fuzz" / target
    if stored.is_dir() and any(stored.iterdir()):
        shutil.copytree(stored, folder, dirs_exist_ok=True)
    else:
        run([setting.targets / f"{target}_fuzzer", "-runs=100000", "-seed=1", "-len_control=0", "-max_len=512",
             "-reduce_inputs=0", folder], {"SOCKSPEC_COUNT": "1"})
    drop_short(setting, target, folder)
    setting.corpora[target] = folder
    return folder


def drop_short(setting, target, folder):
    """Takes the inputs with the fewest effective steps out until the average is high enough."""
    listed, _ = run([setting.helpers / f"bench_run_{target}_check", "list", folder])
    rows = sorted((int(line.split()[0]), line.split(maxsplit=2)[2]) for line in listed.splitlines())
    total = sum(steps for steps, _ in rows)
    while len(rows) > 1 and total < STEPS_MIN * len(rows):
        steps, name = rows.pop(0)
        total -= steps
        (folder / name).unlink()
