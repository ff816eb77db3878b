"""Kill every stage at random moments, go on with --resume, and compare with the run that was never interrupted.

python -m tests.soak.kills --kills 200 --seed 0
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.resume import partial_of
from tests.conftest import clap_alone, clap_process
from tests.soak.pipeline import ReferenceRun, Stage, fingerprints, make_reference_run, succeeded

MOST_KILLS = 3
"""Of one artifact, before it is completed."""


@dataclass
class Counts:
    """What the kills of a stage hit.

    Attributes:
        early: nothing had been written.
        midway: the artifact had been begun.
        late: it was complete, or the process had ended.
    """

    early: int = 0
    midway: int = 0
    late: int = 0


@dataclass(frozen=True)
class Times:
    """Seconds from the start of a stage until something of its artifact is there, and until its end."""

    begun: float
    ended: float


def measure(reference: ReferenceRun, number: int, folder: Path) -> Times:
    """How long a stage takes here."""
    stage, run = reference.pipeline[number], _begin(reference, number, folder)
    started, process = time.monotonic(), clap_process(*stage.arguments(run))
    while process.poll() is None and not _has_begun(run, stage):
        time.sleep(0.01)
    begun = time.monotonic() - started
    _, err = process.communicate()
    assert process.returncode == 0, err
    shutil.rmtree(folder)
    return Times(begun, time.monotonic() - started)


def _begin(reference: ReferenceRun, number: int, folder: Path) -> Path:
    """A run with what the stages before one have made."""
    run = folder / "run"
    shutil.copytree(reference.run, run)
    for later in reference.pipeline[number:]:
        _remove(run / later.artifact)
    return run


def _has_begun(run: Path, stage: Stage) -> bool:
    return any(run.glob(f"{stage.artifact}*")) or any(run.glob(f".{stage.artifact}.*"))


def kill_and_resume(
    reference: ReferenceRun, number: int, times: Times, kills: int, folder: Path, rng: np.random.Generator
) -> Counts:
    """Kill a stage some times, check what is left each time, then complete it and compare.

    Args:
        number: of the stage in the pipeline.
        folder: for the run; removed in the end.
    """
    stage, before = reference.pipeline[number], reference.pipeline[:number]
    run, counts = _begin(reference, number, folder), Counts()
    complete = fingerprints(run, before)
    for _ in range(kills):
        _kill(stage, run, float(rng.uniform(0.6 * times.begun, times.ended)))
        assert fingerprints(run, before) == complete, f"{stage.name}: an artifact made before it has changed"
        _check_left(reference, stage, run, counts)
    recorded = _episodes(run / stage.artifact)
    succeeded(clap_alone(*stage.arguments(run)))
    if stage.resumes:
        assert fingerprints(run, [stage]) == {stage.artifact: reference.made[stage.artifact]}, f"{stage.name} differs"
    else:
        assert _episodes(run / stage.artifact) == recorded + 1, f"{stage.name} lost or doubled a recording"
    left = [path.name for path in run.iterdir() if path.name.startswith(".") or path.name.endswith(".partial")]
    assert not left, f"{stage.name} left {left}"
    shutil.rmtree(folder)
    return counts


def _kill(stage: Stage, run: Path, delay: float) -> None:
    process = clap_process(*stage.arguments(run))
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), f"{stage.name}: {err}"


def _check_left(reference: ReferenceRun, stage: Stage, run: Path, counts: Counts) -> None:
    """The artifact is not there, or it is complete and right."""
    if not (run / stage.artifact).exists():
        begun = partial_of(run / stage.artifact).exists()
        counts.midway, counts.early = counts.midway + begun, counts.early + (not begun)
        return
    counts.late += 1
    if stage.resumes:
        found = fingerprints(run, [stage])[stage.artifact]
        assert found == reference.made[stage.artifact], f"{stage.name} left another artifact"
    else:
        assert _episodes(run / stage.artifact)


def _episodes(recordings: Path) -> int:
    if recordings.suffix != ".h5" or not recordings.exists() or recordings.name != "recordings.h5":
        return 0
    with Demonstrations(recordings) as opened:
        return len([opened.episode(index) for index in range(len(opened))])


def _remove(artifact: Path) -> None:
    if artifact.is_dir():
        shutil.rmtree(artifact)
        artifact.with_suffix(".h5").unlink(missing_ok=True)
    else:
        artifact.unlink()


def run_kills(
    reference: ReferenceRun, kills: int, seed: int, folder: Path, names: tuple[str, ...] = ()
) -> dict[str, Counts]:
    """Kill stages in turn, each one to `MOST_KILLS` times before it is completed, until there were so many kills.

    Args:
        names: stages; all of them by default.

    Returns:
        What was hit, by stage. Where something is lost or different, an AssertionError says so.
    """
    rng = np.random.default_rng(seed)
    numbers = [number for number, stage in enumerate(reference.pipeline) if not names or stage.name in names]
    times = {number: measure(reference, number, folder / "measured") for number in numbers}
    total = {reference.pipeline[number].name: Counts() for number in numbers}
    done = turn = 0
    while done < kills:
        number = numbers[turn % len(numbers)]
        count = min(int(rng.integers(1, MOST_KILLS + 1)), kills - done)
        found = kill_and_resume(reference, number, times[number], count, folder / str(turn), rng)
        summed = total[reference.pipeline[number].name]
        for name in vars(found):
            setattr(summed, name, getattr(summed, name) + getattr(found, name))
        done, turn = done + count, turn + 1
        print(f"{done}/{kills} kills, {reference.pipeline[number].name}: equal after {count}", flush=True)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        total = run_kills(make_reference_run(Path(folder)), options.kills, options.seed, Path(folder))
    print(f"\n{'stage':<24}{'before':>8}{'midway':>8}{'after':>8}")
    for name, counts in total.items():
        print(f"{name:<24}{counts.early:>8}{counts.midway:>8}{counts.late:>8}")


if __name__ == "__main__":
    main()
