#!/usr/bin/env python3
# Measures sockspec, prints what came out, and writes the ratios as one flat JSON object. Both sides of a ratio are
# measured in turn, several times, in this one run.
# SPDX-License-Identifier: Apache-2.0
import argparse
import json

import breakdown
import fuzzers
from common import Setting, pairs, run

FUZZED = ["echo-epoll", "http"]  # the first is the one that ratios are named after
SERVER = FUZZED[0]


def print_rates(target, row):
    print(f"  {target}: {row['ours']:,.0f} of {row['empty']:,.0f} executions/s: {row['ratio']:.4f} "
          f"(1/{1 / row['ratio']:.2f}), {row['steps']:.1f} effective steps in the mean run")


def key_of(name, target):
    return name if target == SERVER else f"{name}_{target}"


def measure_libfuzzer(setting, ratios):
    print("libFuzzer with ASan against an empty loop, executions per second of processor time")
    for target in FUZZED:
        row = fuzzers.libfuzzer(setting, target)
        print_rates(target, row)
        print(f"    microseconds per execution: {1e6 / row['ours']:.2f}; empty {1e6 / row['empty']:.2f}, "
              f"empty with our mutator {1e6 / row['mutating']:.2f}")
        ratios[key_of("libfuzzer_over_empty", target)] = row["ratio"]


def measure_afl(setting, ratios):
    print("AFL++ in persistent mode against an empty loop, executions per second")
    for target in FUZZED[:1]:
        row = fuzzers.afl(setting, target)
        if row is None:
            print("  AFL++ is not installed")
            continue
        print_rates(target, row)
        ratios[key_of("afl_over_empty", target)] = row["ratio"]


def measure_dialogue(setting, ratios):
    times = pairs(run([setting.helpers / "bench_dialogue", setting.source / "tests/bench/dialogue.scenario",
                       setting.rounds])[0])
    print(f"{SERVER}: sixteen requests on two connections, microseconds; both sides with ASan")
    print(f"  model, with its trace, judged and put back      {times['model'] / 1000:9.2f}")
    for name, title in (("loopback", "loopback, one server for all of them"),
                        ("loopback-started", "loopback, a server started and stopped each time")):
        ratio = times[name] / times["model"]
        print(f"  {title:<48}{times[name] / 1000:9.2f}: {ratio:.1f} times")
        ratios["model_over_" + name.replace("-", "_")] = ratio


def measure_steps(setting, ratios):
    times = pairs(run([setting.helpers / "bench_steps", 5 * setting.rounds])[0])
    print("A step (send, deliver, recv) with so many connections open, nanoseconds")
    for count, each in times.items():
        print(f"  {count:>5} {each:8.1f}")
    ratios["step_cost_1000_over_10"] = times["1000"] / times["10"]
    print(f"  1,000 over 10: {ratios['step_cost_1000_over_10']:.2f}")


def measure_calls(setting, ratios):
    text = run([setting.helpers / "bench_live_calls", 5 * setting.rounds], allowed=(0, 77))[0]
    print("A call of a program, sending or receiving one byte over loopback, microseconds")
    if text.startswith("bench_live_calls:"):
        print(f"  not measured: {text.strip()}")
        return
    times = pairs(text)
    print(f"  as it is                                        {times['plain'] / 1000:9.2f}")
    print(f"  traced                                          {times['traced'] / 1000:9.2f}")
    ratios["live_call_us"] = times["ours"] / 1000
    ratios["live_call_over_plain"] = times["traced"] / times["plain"]


def measure_live(setting, ratios):
    measure_calls(setting, ratios)
    text = run([setting.helpers / "bench_live_net", 5 * setting.rounds], allowed=(0, 77))[0]
    print("One byte to and fro between two sockets of the real kernel, microseconds")
    if text.startswith("bench_live_net:"):
        print(f"  not measured: {text.strip()}")
        return
    times = pairs(text)
    print(f"  plain loopback                                  {times['loopback'] / 1000:9.2f}")
    print(f"  over the held wire, {times['segments']:.0f} segments                  {times['wire'] / 1000:9.2f}")
    print(f"  a segment of ours, beyond that                  {times['ours'] / 1000:9.2f}")
    print(f"  opening and closing a connection                {times['open'] / 1000:9.2f}")
    print(f"  emptying the network                            {times['reset'] / 1000:9.2f}")
    ratios["live_segment_us"] = times["ours"] / 1000
    ratios["live_over_loopback"] = times["wire"] / times["loopback"]


def measure_breakdown(setting, ratios):
    for target in FUZZED:
        result = breakdown.breakdown(setting, target)
        times, plain, counted = result["times"], result["plain"], result["instructions"]
        print(f"One run of {target}, on the same corpus (microseconds: as fuzzed with ASan / plain)")
        for name, key, before in (("decode", "decode", None), ("target, model, engine", "engine", "decode"),
                                  ("oracle", "all", "engine")):
            with_asan = times[key] - (times[before] if before else 0)
            without = plain[key] - (plain[before] if before else 0)
            print(f"  {name:<45} {with_asan / 1000:8.2f} {without / 1000:8.2f}")
        print(f"  {'all':<45} {times['all'] / 1000:8.2f} {plain['all'] / 1000:8.2f}")
        print(f"  {'by folder':<45} {'time':>8} {'instructions, plain':>22}")
        for row, title in breakdown.ROWS.items():
            amount = f"{counted[row]:22,.0f}" if counted else f"{'no valgrind':>22}"
            print(f"  {row:<10}{title:<48} {result['shares'][row]:6.1%} {amount}")
        if counted:
            print(f"  {'all':<65} {sum(counted.values()):22,.0f}")
            print(f"  {'by call, with all that it causes':<45} {'in a run':>8} {'instructions each':>22}")
            for title, count, each in result["calls"]:
                print(f"  {title:<45} {count:8.1f} {each:22,.0f}")


PARTS = {"libfuzzer": measure_libfuzzer, "afl": measure_afl, "dialogue": measure_dialogue, "steps": measure_steps,
         "live": measure_live, "breakdown": measure_breakdown}


def main():
    parser = argparse.ArgumentParser(prog="sockspec-bench", description="Measures sockspec.")
    parser.add_argument("--source", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", help="file that takes the ratios as JSON")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone (may be repeated)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="how often both sides are measured")
    arguments = parser.parse_args()
    setting = Setting(arguments.source, arguments.build, arguments.seconds, arguments.rounds)
    ratios = {}
    for name in arguments.only or PARTS:
        PARTS[name](setting, ratios)
    if arguments.out:
        with open(arguments.out, "w", encoding="ascii") as file:
            json.dump({name: round(value, 6) for name, value in ratios.items()}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
