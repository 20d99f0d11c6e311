"""Times whole commands side by side, in turns, so that a noisy machine disturbs all of them alike."""

import os
import resource
import statistics
import subprocess
import time


def run_once(command):
    """(seconds, CPU seconds, standard output) of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, done.stdout


def in_turns(commands, rounds=5):
    """{name: (median seconds, least, most, median CPU seconds, last output)}; one round to warm up."""
    times = {name: [] for name in commands}
    outputs = {}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            seconds, cpu, outputs[name] = run_once(command)
            if turn > 0:
                times[name].append((seconds, cpu))
    result = {}
    for name, runs in times.items():
        seconds = [s for s, _ in runs]
        result[name] = (statistics.median(seconds), min(seconds), max(seconds), statistics.median(c for _, c in runs), outputs[name])
    return result


def ratio(name, value, goal):
    """The line for machines with which every benchmark ends."""
    print(f"ratio {name} {value:.3f} goal {goal}")


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} cores, {model}"
