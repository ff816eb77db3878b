"""Damage artifacts at random, give them to the commands that read them, and see how these end.

Every command must end within `TIME_LIMIT` seconds, well or with one line, in at most `MEMORY_LIMIT` bytes.

    python -m tests.soak.mutations --count 10000 --seed 0
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import selectors
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.soak.mutate import damage
from tests.soak.pipeline import EVALUATE, FINE, TASK, make_reference_run, sets

TIME_LIMIT = 10.0
"""Seconds."""

MEMORY_LIMIT = 4 * 2**30
"""Bytes."""

ONE_STEP = sets("fine", steps=1)
OVER = ("--overwrite",)
L1 = ("evaluate", "--split", "l1", *TASK, "--episodes", "1", "--workers", "1", *EVALUATE)
DRIVE = ("deploy", "drive", "push it", *TASK, *sets("deploy", max_steps=1, image_size=32))
STATUS = ("status", "--verify")

READERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "demos.h5": (("annotate-keypoints", "--workers", "1", *OVER), ("view", "demos"), ("decompose", *OVER), STATUS),
    "keypoints.h5": (("decompose", *OVER), ("view", "keypoints"), STATUS),
    "plans.h5": (("train-fine", *FINE, *ONE_STEP, *OVER), ("view", "plans"), STATUS),
    "vlm": (("deploy", *OVER), STATUS),
    "fine": (("deploy", *OVER), STATUS),
    "vlm.h5": (("view", "vlm"),),
    "fine.h5": (("view", "fine"),),
    "rollouts-l1.h5": (("view", "rollouts-l1"), (*L1, "--planner-only", *OVER), STATUS),
    "planner-l1.h5": (("view", "planner-l1"), (*L1[:5], "--episodes", "2", *L1[7:], "--planner-only", "--resume")),
    "bundle": (DRIVE, STATUS),
    "recordings.h5": (("view", "recordings"), DRIVE, ("annotate-keypoints", "--demos", "recordings.h5", *OVER)),
    "settings.yaml": (("decompose", "--config", "settings.yaml", *OVER),),
}
"""The commands that read each artifact."""


SETTINGS = "collect:\n  episodes: 2\n  valid_fraction: 0.5\nvlm:\n  learning_rate: 1e-3\n  base: tiny\n"


@dataclass
class Outcomes:
    """How commands ended.

    Attributes:
        well, refused: in the two ways that are right.
        wrong: how many others; each is printed as it comes.
        slowest: seconds of the slowest command.
        memory: most bytes of a process.
    """

    well: int = 0
    refused: int = 0
    wrong: int = 0
    slowest: float = 0.0
    memory: int = 0


class Runner:
    """A process that runs commands one after another, and is replaced when it crashes or hangs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, run: Path, command: list[str]) -> dict[str, Any]:
        """{code, err, memory, seconds}, or {died} with the reason."""
        process, started = self._started(), time.monotonic()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([str(run), command]) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(2 * TIME_LIMIT):
                return self._end("hangs")
        line = process.stdout.readline()
        if not line:
            return self._end("crashes")
        return json.loads(line) | {"seconds": time.monotonic() - started}

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-m", "tests.soak.mutations", "--worker"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout and self._process.stdout.readline()
        return self._process

    def _end(self, reason: str) -> dict[str, Any]:
        self.close()
        return {"died": reason}

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def work() -> None:
    """The process of a `Runner`."""
    from tests.conftest import clap_here

    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY_LIMIT, 4 * MEMORY_LIMIT))
    answers, sys.stdout = sys.stdout, sys.stderr
    _print(answers, {"ready": True})
    for line in sys.stdin:
        run, command = json.loads(line)
        os.chdir(run)
        try:
            outcome = clap_here(*command)
            answer: dict[str, Any] = {"code": outcome.code, "err": outcome.err}
        except BaseException as error:  # a traceback, for a user
            import traceback

            answer = {"code": 1, "err": "".join(traceback.format_exception(error)[-3:])}
        _print(answers, answer | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


def _print(stream: Any, value: dict[str, Any]) -> None:
    print(json.dumps(value), file=stream, flush=True)


def run_mutations(reference: Path, count: int, seed: int, folder: Path) -> Outcomes:
    """Damage so many artifacts of a run, each once, and give each to one of its readers.

    Args:
        reference: the run; it gets a file of settings.
        folder: for damaged copies of it.
    """
    (reference / "settings.yaml").write_text(SETTINGS)
    outcomes, rng, runner, names = Outcomes(), np.random.default_rng(seed), Runner(), list(READERS)
    try:
        for number in range(count):
            name = names[number % len(names)]
            run = folder / "run"
            shutil.copytree(reference, run, copy_function=os.link)
            _copy(reference / name, run / name)
            files = [f for f in (run / name).rglob("*") if f.is_file()] if (run / name).is_dir() else [run / name]
            file = files[int(rng.integers(len(files)))]
            try:
                how = damage(file, rng)
            except Exception as error:  # not every change can be made of every file
                how = f"{file.name}: not changed ({type(error).__name__})"
            commands = READERS[name]
            command = [*commands[int(rng.integers(len(commands)))], "--run", "."]
            _note(outcomes, runner.run(run, command), f"{number} {' '.join(command)}: {how}")
            shutil.rmtree(run)
            if (number + 1) % 100 == 0:
                print(f"{number + 1}/{count}, {outcomes.wrong} wrong", file=sys.stderr, flush=True)
    finally:
        runner.close()
    return outcomes


def _copy(source: Path, target: Path) -> None:
    """Put a copy in the place of links, as commands replace files and only damage changes them."""
    if source.is_dir():
        shutil.rmtree(target)
        shutil.copytree(source, target)
    else:
        target.unlink()
        shutil.copyfile(source, target)


def _note(outcomes: Outcomes, answer: dict[str, Any], what: str) -> None:
    memory, seconds = answer.get("memory", 0), answer.get("seconds", 0.0)
    outcomes.slowest, outcomes.memory = max(outcomes.slowest, seconds), max(outcomes.memory, memory)
    errors = [line for line in answer.get("err", "").splitlines() if line.startswith("error: ")]
    if "died" in answer:
        wrong = answer["died"]
    elif seconds > TIME_LIMIT or memory > MEMORY_LIMIT:
        wrong = f"{seconds:.1f} s, {memory >> 20} MiB"
    elif answer["code"] == 0:
        outcomes.well += 1
        return
    elif answer["code"] in (1, 2) and len(errors) == 1 and "Traceback" not in answer["err"]:
        outcomes.refused += 1
        return
    else:
        wrong = answer["err"].strip()[-1500:]
    outcomes.wrong += 1
    print(f"{what}\n    {wrong}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        return
    with TemporaryDirectory() as folder:
        outcomes = run_mutations(make_reference_run(Path(folder)).run, options.count, options.seed, Path(folder))
    print(f"{outcomes.well} ended well, {outcomes.refused} were refused in one line, {outcomes.wrong} went wrong")
    print(f"slowest {outcomes.slowest:.1f} s, most memory {outcomes.memory / 2**20:.0f} MiB")
    sys.exit(outcomes.wrong > 0)


if __name__ == "__main__":
    main()
