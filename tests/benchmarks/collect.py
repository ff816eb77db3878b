"""Demonstrations a second over the training variations: `python -m tests.benchmarks.collect [--episodes 4]`.

Start of the processes and writing of the file included, four cameras at 128 px.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from stages.collect import collect_demos
from stages.runtime.worker_pool import available_cores
from stages.settings.loader import load_config


def rate(episodes: int, workers: int) -> tuple[float, float, int]:
    """Demonstrations per second of wall-clock and of CPU time, and how many were made."""
    config = load_config(None, collect__episodes_per_variation=episodes, collect__workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.monotonic(), _cpu_seconds()
        summary = collect_demos(config, Path(folder) / "demos.h5")
        count = summary["demonstrations"]
        return count / (time.monotonic() - start), count / (_cpu_seconds() - cpu), count


def _cpu_seconds() -> float:
    """CPU time of this process and of the children that have ended [s]."""
    return sum(os.times()[:4])


def main() -> None:
    """Print a line for each number of workers, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=4, help="per variation")
    episodes = parser.parse_args().episodes
    rates = {}
    for workers in sorted({1, available_cores()}):
        rates[workers], cpu, count = rate(episodes, workers)
        seconds = count / rates[workers]
        print(
            f"{count} demonstrations, {workers} workers: {seconds:.0f} s, {rates[workers]:.2f} a second, "
            f"{cpu:.2f} a second of CPU time",
            flush=True,
        )
    print(f"{max(rates)} workers are {rates[max(rates)] / rates[1]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
