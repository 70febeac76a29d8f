# Fuzzers against empty loops of the same engine.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil

from common import STEPS_MIN, corpus, counts, fail, median, run

# The same inputs stay in both corpora, whatever they cover, and inputs are as long as they come.
LIBFUZZER_OPTIONS = ["-seed=1", "-keep_seed=1", "-len_control=0", "-max_len=512", "-reduce_inputs=0", "-verbosity=0"]


class LibFuzzer:
    """Executions per second of processor time, start-up apart: the difference between a long run and a short one."""

    def __init__(self, setting, executable, seeds, stats=None):
        self.setting = setting
        self.executable = executable
        self.seeds = seeds
        self.stats = stats
        self.environment = {"SOCKSPEC_COUNT": "1"}
        self.few = len(os.listdir(seeds)) + 2
        self.rates = []
        self.steps = []
        self.many = self.choose_runs(setting.seconds)

    def play(self, runs, stats=None):
        environment = dict(self.environment)
        if stats:
            stats.unlink(missing_ok=True)
            environment["SOCKSPEC_STATS"] = str(stats)
        # What a run finds goes to a folder of its own, so that the next one begins with the seeds alone.
        found = self.setting.folder("found")
        _, seconds = run([self.executable, f"-runs={runs}", *LIBFUZZER_OPTIONS, found, self.seeds], environment)
        return seconds

    def choose_runs(self, seconds):
        extra = 1000
        while True:
            base = self.play(self.few)
            spent = self.play(self.few + extra) - base
            if spent > 0.1:
                return int(self.few + extra * max(1.0, seconds / spent))
            extra *= 4

    def measure(self):
        short = self.play(self.few)
        long = self.play(self.many, self.stats)
        self.rates.append((self.many - self.few) / (long - short))
        if self.stats:
            runs, effective = counts(self.stats)
            self.steps.append(effective / runs)

    @property
    def rate(self):
        return median(self.rates)


def libfuzzer(setting, target):
    """A target's fuzzer, the empty loop, and the empty loop with our mutator, in turn."""
    seeds = corpus(setting, target)
    helpers = setting.helpers
    ours = LibFuzzer(setting, setting.targets / f"{target}_fuzzer", seeds, setting.work / f"{target}.stats")
    empty = LibFuzzer(setting, helpers / "bench_empty_fuzzer", seeds)
    mutating = LibFuzzer(setting, helpers / "bench_empty_fuzzer_mutating", seeds)
    for _ in range(setting.rounds):
        for each in (ours, empty, mutating):
            each.measure()
    if median(ours.steps) < STEPS_MIN:
        fail(f"{target}: only {median(ours.steps):.1f} steps with an effect in the mean run")
    return {"ours": ours.rate, "empty": empty.rate, "mutating": mutating.rate, "steps": median(ours.steps),
            "ratio": median(a / b for a, b in zip(ours.rates, empty.rates))}


AFL_ENVIRONMENT = {
    "SOCKSPEC_COUNT": "1", "SOCKSPEC_ROLE": "server", "AFL_CUSTOM_MUTATOR_ONLY": "1", "AFL_NO_UI": "1",
    "AFL_SKIP_CPUFREQ": "1", "AFL_TRY_AFFINITY": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "AFL_SKIP_CRASHES": "1", "AFL_DISABLE_TRIM": "1", "AFL_FORKSRV_INIT_TMOUT": "60000",
}


def afl_rate(setting, executable, seeds, stats=None):
    """Executions per second of one afl-fuzz run, by its own count and clock."""
    out = setting.folder("afl")
    environment = {**AFL_ENVIRONMENT, "AFL_CUSTOM_MUTATOR_LIBRARY": str(setting.targets / "libsockspec_afl_mutator.so")}
    if stats:
        stats.unlink(missing_ok=True)
        environment["SOCKSPEC_STATS"] = str(stats)
    # The time of a campaign is in whole seconds, and the first of them are calibration.
    run(["afl-fuzz", "-i", seeds, "-o", out, "-m", "none", "-t", "20000", "-s", "1", "-G", "512",
         "-V", max(5, round(3 * setting.seconds)), "--", executable], environment)
    lines = (out / "default" / "fuzzer_stats").read_text(encoding="utf-8").splitlines()
    return float(dict(line.split(":", 1) for line in map(lambda l: l.replace(" ", ""), lines))["execs_per_sec"])


def afl(setting, target):
    """n_afl and an empty persistent loop, both under afl-fuzz with our mutator; None without AFL++."""
    ours, empty = setting.targets / f"{target}_afl", setting.helpers / "bench_empty_afl"
    if shutil.which("afl-fuzz") is None or not ours.exists() or not empty.exists():
        return None
    seeds = corpus(setting, target)
    stats = setting.work / f"{target}.afl.stats"
    rates = [], []
    for _ in range(setting.rounds):
        rates[0].append(afl_rate(setting, ours, seeds, stats))
        rates[1].append(afl_rate(setting, empty, seeds))
    runs, effective = counts(stats)
    if effective < STEPS_MIN * runs:
        fail(f"{target} under AFL++: only {effective / runs:.1f} steps with an effect in the mean run")
    return {"ours": median(rates[0]), "empty": median(rates[1]), "steps": effective / runs,
            "ratio": median(a / b for a, b in zip(*rates))}
