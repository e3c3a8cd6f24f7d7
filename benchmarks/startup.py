"""What ``import ibteach`` costs beside a bare interpreter, and the first figure: ``python -m benchmarks.startup``.

Every time is the median over fresh processes, started in turn so that what else the machine does falls on all alike.
"""

import os
import platform
import statistics
import subprocess
import sys
import time

ALLOWED = 0.2  # seconds that the import may add
RUNS = 15
PROGRAMS = {
    "bare interpreter": "pass",
    "import ibteach": "import ibteach",
    "import torch": "import torch",
    "first ibteach.display": "import ibteach; ibteach.display; from ibteach.display.live.explorer import Explorer",
}


def seconds(program):
    """How long a fresh interpreter takes to run a program."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - begun


def main():
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for program in PROGRAMS.values():
        seconds(program)  # the first run reads the disk and writes bytecode
    rounds = [{name: seconds(program) for name, program in PROGRAMS.items()} for _ in range(RUNS)]
    median = {name: statistics.median(times[name] for times in rounds) for name in PROGRAMS}
    for name, took in median.items():
        print(f"{name:22} {took:6.3f} s, {took - median['bare interpreter']:+.3f} s")
    added = max(median["import ibteach"] - median["bare interpreter"], 1e-4)
    print(f"ratio: {ALLOWED / added:.0f} times less than the {ALLOWED} s that it may add ({added * 1000:.1f} ms)")


if __name__ == "__main__":
    main()
