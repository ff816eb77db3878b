"""Stage `collect` with a real robot: a person guides its hand -> demos.h5, of episodes without ground truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.header import Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.shards import assemble_episodes, missing_shards, read_notes, write_episode_shard
from stages.artifacts.unlabelled import unlabelled_episode
from stages.core.instruction import read_instruction, task_name
from stages.geometry.workspace import inside_workspace, workspace_text
from stages.robots.guiding import HELP, Demonstration, guide_demonstration
from stages.robots.keys import Keys
from stages.robots.robot import Robot
from stages.rollouts.jobs import ROBOMIMIC_GYM
from stages.settings.loader import Config


def collect_guided(
    config: Config,
    name: str,
    connect: Callable[[], Robot],
    keys: Keys,
    instructions: Sequence[str],
    episodes: int,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Record demonstrations of one task, one after another; each is safe on disk once it is done.

    Args:
        name: of the robot, for robomimic.
        connect: to the robot, once it is known that something is to be recorded.
        instructions: what is shown, in one or several wordings.
        episodes: number of demonstrations.
        say: called with what a person is to know.

    Returns:
        demonstrations, motions, task, path, held_out.

    Raises:
        UserError: an instruction is empty, the robot or the keys are lost, or `out` exists and neither flag is given.
    """
    wordings = [read_instruction(text) for text in instructions]
    settings = {"robot": name, "instructions": wordings, "episodes": episodes}
    header = Header.create("clap.demos", config=config.as_dict(), settings=settings, seed=config.seed)
    if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    robot = connect()
    try:
        shards = open_partial(out, header)
        _record(robot, keys, wordings, episodes, shards, say)
    finally:
        robot.close()
    held_out = _held_out(episodes, config.collect.valid_fraction)
    summary = {
        "demonstrations": episodes,
        "motions": sum(note["motions"] for note in read_notes(shards, episodes)),
        "task": task_name(wordings[0]),
        "path": str(out),
        "held_out": len(held_out),
    }
    env_args = {"env_name": name, "type": ROBOMIMIC_GYM, "env_kwargs": {}}
    assemble_episodes(shards, episodes, out, header, summary, env_args=env_args, valid=held_out)
    close_partial(out)
    return summary


def _record(
    robot: Robot, keys: Keys, wordings: Sequence[str], episodes: int, shards: Path, say: Callable[[str], None]
) -> None:
    """Write every demonstration that is missing as a shard."""
    say(HELP)
    for index in missing_shards(shards, episodes):
        shown = None
        while shown is None:
            say(f"Demonstration {index + 1} of {episodes}: guide the hand to its start, then Enter")
            shown = _inside(guide_demonstration(robot, keys, say), say)
        episode = unlabelled_episode(
            task_name(wordings[0]),
            0,
            wordings,
            shown.observations,
            shown.actions,
            seed=index,
            trajectory=shown.trajectory | {"states": np.zeros((len(shown.trajectory["time"]), 0))},
        )
        write_episode_shard(shards, index, episode, {"motions": len(shown.actions)})
        say(f"Demonstration {index + 1} is saved: {len(shown.actions)} motions")


def _inside(shown: Demonstration | None, say: Callable[[str], None]) -> Demonstration | None:
    """A demonstration, unless it leaves the place that later stages look at."""
    if shown is None:
        say("Discarded")
    elif not inside_workspace(np.array([one.gripper_pose[:3] for one in shown.observations])).all():
        say(f"Discarded, as the hand was outside of the workspace, {workspace_text()}: check robot.base in the rig")
        return None
    return shown


def _held_out(episodes: int, fraction: float) -> list[int]:
    """The last episodes, at least one if any are to be held out and two exist."""
    count = min(max(1, round(fraction * episodes)), episodes - 1) if fraction > 0 else 0
    return list(range(episodes - count, episodes))
