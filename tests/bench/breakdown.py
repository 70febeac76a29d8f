# Where a run's time goes.
# SPDX-License-Identifier: Apache-2.0
import collections
import re
import shutil
import subprocess

from common import corpus, pairs, run

# The rows, by the folder that the code stands in.
ROWS = {
    "scenario": "decoding the scenario",
    "redirect": "putting the program back, reaching the model",
    "target": "the target's own code",
    "model": "calls, wire, readiness, timers",
    "tcp": "endpoint machine",
    "trace": "writing the trace",
    "world": "playing the steps",
    "suite": "profile: what peers say and understand",
    "oracle": "judging the trace",
    "run time": "run time of sanitizer and C library",
}

# Functions whose calls are counted, each with what it causes; those that the target calls follow by their cost.
CALLS = {
    "engine_step_play": "a step",
    "wire_send": "a segment is sent",
    "deliver": "a segment is delivered",
    "socket_retransmit": "a segment is sent again",
    "model_timer_run": "the clock goes on to a timer",
    "run_program": "a program, from its start to its end",
}
TARGET_CALL = "sockspec_call_"
TARGET_CALLS_SHOWN = 12


def row_of(file):
    """The row of a source file."""
    match = re.search(r"/harness/([a-z]+)/", file)
    if match:
        return match[1] if match[1] in ROWS else "redirect"
    return "target" if "/targets/" in file else "run time"


def rows_of(executable, addresses):
    """The row of each address, by the executable's line numbers."""
    listed = sorted(addresses)
    names = "\n".join(listed)
    out = subprocess.run(["addr2line", "-e", executable], input=names, capture_output=True, text=True, check=True)
    return dict(zip(listed, (row_of(line) for line in out.stdout.splitlines())))


def sampled(setting, target):
    """Share of the processor by row, of the target as its fuzzer has it. Leaves of the C library count for their
    caller."""
    executable = setting.helpers / f"bench_run_{target}_fuzzer"
    out = setting.work / f"{target}.samples"
    run([executable, "sample", corpus(setting, target), setting.seconds * 3000, out])
    samples = collections.Counter(out.read_text(encoding="ascii").split())
    rows = rows_of(executable, samples)
    shares = collections.Counter()
    for address, count in samples.items():
        shares[rows[address]] += count
    total = sum(shares.values())
    return {row: shares[row] / total for row in ROWS}


def instructions(setting, target, passes=20):
    """Instructions per run by row, without sanitizers, and (title, calls per run, instructions of each) by call, of whole
    passes over the corpus; None twice without valgrind. The C library counts for its callers."""
    if shutil.which("valgrind") is None:
        return None, None
    runs = passes * len(list(corpus(setting, target).iterdir()))
    executable = setting.helpers / f"bench_run_{target}_check"
    stripped = setting.work / f"{target}.stripped"  # valgrind 3.19 cannot read all of clang's debug information
    out = setting.work / f"{target}.callgrind"
    run(["strip", "-g", "-o", stripped, executable])
    run(["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no",
         "--toggle-collect=bench_play_all", f"--callgrind-out-file={out}", stripped, "play",
         corpus(setting, target), runs])
    costs = by_address(out, str(stripped))
    rows = rows_of(executable, costs)
    sums = collections.Counter()
    for address, cost in costs.items():
        sums[rows[address]] += cost
    return {row: sums[row] / runs for row in ROWS}, by_call(out, runs)


def by_call(path, runs):
    """Title, calls per run and instructions of each call with all that it causes: CALLS, then the target's own."""
    counts = collections.Counter()
    costs = collections.Counter()
    called = ""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("cfn="):
                called = line[4:].strip()
            elif line.startswith("calls="):
                counts[called] += int(line[6:].split()[0])
                costs[called] += int(next(lines).split()[-1])
    targets = sorted((name for name in counts if name.startswith(TARGET_CALL)), key=lambda name: -costs[name])
    titles = CALLS | {name: name.removeprefix(TARGET_CALL) for name in targets[:TARGET_CALLS_SHOWN]}
    return [(title, counts[name] / runs, costs[name] / counts[name])
            for name, title in titles.items() if counts[name] > 0]


def by_address(path, executable):
    """Instructions by address in the executable; what it spends in other objects counts for the address of the call."""
    costs = collections.Counter()
    ours = False       # the code at hand stands in the executable
    leaving = False    # the call at hand leaves it
    calling = False    # the next line is the cost of a call
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("ob="):
                ours, leaving = line[3:].strip() == executable, False
            elif line.startswith("cob="):
                leaving = line[4:].strip() != executable
            elif line.startswith("cfn="):
                leaving = leaving and "__libc_start_main" not in line  # which calls all the rest
            elif line.startswith("calls="):
                calling = True
            elif line.startswith("0x"):
                address, *_, cost = line.split()
                if ours and (leaving or not calling):
                    costs[address] += int(cost)
                if calling:
                    leaving = calling = False
    return costs


def breakdown(setting, target):
    times, _ = run([setting.helpers / f"bench_run_{target}_fuzzer", "time", corpus(setting, target),
                    setting.seconds * 3000])
    plain, _ = run([setting.helpers / f"bench_run_{target}_check", "time", corpus(setting, target),
                    setting.seconds * 3000])
    counted, calls = instructions(setting, target)
    return {"times": pairs(times), "plain": pairs(plain), "shares": sampled(setting, target),
            "instructions": counted, "calls": calls}
