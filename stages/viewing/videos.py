"""Which episodes are filmed, and filming them in parallel."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from stages.core.progress import Progress
from stages.rollouts.storage import EpisodeResult, RolloutFile, read_rollouts
from stages.runtime.worker_pool import map_unordered
from stages.settings.evaluate import EvaluateConfig
from stages.simulators.protocol import Simulator
from stages.viewing.video import has_states, keyframes_shown, render_video, states_shown


def chosen(results: Iterable[EpisodeResult], count: int) -> list[EpisodeResult]:
    """Up to `count` successes, and failures of each cause, of every task and level; new variations go first."""
    groups: dict[tuple[str, str, str], list[EpisodeResult]] = defaultdict(list)
    for result in results:
        if result.steps:
            groups[result.level, result.task, result.failure].append(result)
    for members in groups.values():
        members.sort(key=lambda result: (result.episode, result.variation))
    return sorted((r for members in groups.values() for r in members[:count]), key=lambda result: result.index)


def film(rollouts: RolloutFile, digest: str, folder: Path, config: EvaluateConfig, progress: Progress) -> None:
    """Make the videos of a file of rollouts that are still missing, and remove those of an older file.

    Args:
        digest: of the rollouts' content.
        folder: where videos are kept.
    """
    target = video_folder(rollouts.path, digest, folder)
    for old in folder.glob(f"{rollouts.path.stem}.*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)
    wanted = chosen(rollouts.results, config.videos)
    missing = [result.index for result in wanted if not video_path(target, result.index).exists()]
    target.mkdir(parents=True, exist_ok=True)
    prepare = partial(_prepare, rollouts.path, target, config)
    done = map_unordered(prepare, missing, config.workers, target)
    for number, _ in enumerate(done, 1):
        progress(number, len(missing), f"filming {rollouts.path.stem}")


def video_folder(path: Path, digest: str, folder: Path) -> Path:
    """Where the videos of these very rollouts are."""
    return folder / f"{path.stem}.{digest[:12]}"


def video_path(target: Path, index: int) -> Path:
    """The video of an episode."""
    return target / f"demo_{index}.webp"


def _prepare(path: Path, target: Path, config: EvaluateConfig) -> Callable[[int], None]:
    from stages.simulators import make_simulator

    rollouts = read_rollouts(path)
    name = rollouts.header.config["evaluate"]["simulator"]
    simulator: Simulator | None = None

    def work(index: int) -> None:
        nonlocal simulator
        episode, trajectory = rollouts.recording(index)
        if has_states(trajectory):
            simulator = simulator or make_simulator(name, image_size=config.image_size)
            simulator.reset(episode.task, episode.variation, episode.seed)
            picture = states_shown(simulator, trajectory, config.video_size)
        else:
            picture = keyframes_shown(rollouts.observations(index), trajectory, config.video_size)
        steps = episode.predictions.steps if episode.predictions else episode.steps
        data = render_video(
            picture,
            trajectory,
            episode.instruction,
            episode.plan,
            steps,
            episode.success,
            fps=config.video_fps,
        )
        temporary = target / f".demo_{index}.tmp"
        temporary.write_bytes(data)
        temporary.replace(video_path(target, index))

    return work
