"""Rollouts in files: the layout of demonstrations, and a group `evaluation` in each episode for what only we need."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d

from stages.artifacts.episode import Episode
from stages.artifacts.episode_io import read_episode, write_episode
from stages.artifacts.files import open_artifact
from stages.artifacts.header import Header, get_header
from stages.artifacts.shards import NAME, write_shard
from stages.core.observation import Observation
from stages.rollouts.rollouts import Rollout, RolloutJob
from stages.simulators.protocol import Trajectory

SCHEMA = "clap.rollouts"
GROUP = "evaluation"


@dataclass(frozen=True)
class EpisodeResult:
    """One rollout of K motions; truth is what the expert would have done from the same states.

    Attributes:
        index: number of the episode in its file (demo_<index>).
        failure: why it failed (`failures.classify`), empty for a success.
        steps, true_steps: (K,) texts, predicted and true; true ones are empty where the expert had finished.
        keypoint_errors: (K,) distance of the predicted keypoint from the true one [m], NaN where the steps differ.
    """

    index: int
    task: str
    variation: int
    level: str
    episode: int
    seed: int
    instruction: str
    success: bool
    error: str | None
    steps_taken: int
    failure: str
    plan: list[str]
    steps: list[str]
    true_steps: list[str]
    keypoint_errors: np.ndarray

    @property
    def taskvar(self) -> str:
        return f"{self.task}+{self.variation}"


def write_rollout(partial: Path, job: RolloutJob, rollout: Rollout) -> None:
    """Write a rollout as a shard; times go to its notes, since they are not the same twice."""

    def fill(group: h5py.Group) -> list[h5d.DatasetID]:
        written = write_episode(group, rollout.episode)
        extra = group.create_group(GROUP)
        extra.attrs["episode"] = job.episode
        extra.attrs["finished"] = rollout.finished
        extra.attrs["failure"] = rollout.failure
        extra["expert_actions"] = rollout.expert_actions
        return written

    notes = {"success": rollout.episode.success, "failure": rollout.failure, "seconds": rollout.seconds}
    write_shard(partial, job.index, fill, notes)


@dataclass(frozen=True)
class RolloutFile:
    """One open file of rollouts.

    Attributes:
        header: where it comes from.
        summary: what the evaluation returned for it, with the latencies.
        results: its episodes without images.
    """

    path: Path
    header: Header
    summary: dict
    results: list[EpisodeResult]

    def recording(self, index: int) -> tuple[Episode, Trajectory]:
        """An episode without images, and its dense recording."""
        with open_artifact(self.path, SCHEMA) as file:
            episode = read_episode(file["data"][NAME.format(index)], images=False)
        return episode, Trajectory(**episode.trajectory)

    def observations(self, index: int) -> tuple[Observation, ...]:
        """An episode's observations with their images."""
        with open_artifact(self.path, SCHEMA) as file:
            return read_episode(file["data"][NAME.format(index)]).observations


def read_rollouts(path: Path) -> RolloutFile:
    """Everything about a file of rollouts but its images.

    Raises:
        UserError: missing, damaged, incomplete, or not of this schema.
    """
    with open_artifact(path, SCHEMA) as file:
        results = [_result(file["data"][NAME.format(index)], index) for index in range(len(file["data"]))]
        return RolloutFile(path, get_header(file, path), json.loads(file.attrs["summary"]), results)


def seeds_in(path: Path, task: str, variation: int) -> list[int]:
    """Seeds of the episodes of a variation in a file of demonstrations, in its order."""
    with open_artifact(path, "clap.demos") as file:
        attributes = [file["data"][NAME.format(index)].attrs for index in range(len(file["data"]))]
        return [int(a["seed"]) for a in attributes if (a["task"], a["variation"]) == (task, variation)]


def _result(group: h5py.Group, index: int) -> EpisodeResult:
    extra, attributes = group[GROUP].attrs, group.attrs
    targets = group["targets"][()]
    known = np.isfinite(targets).all(axis=1)
    steps = list(group["predictions"]["step"].asstr()[()])
    true_steps = [step if there else "" for step, there in zip(group["steps"].asstr()[()], known, strict=True)]
    errors = np.linalg.norm(group["predictions"]["keypoint"][()] - targets, axis=1)
    right = np.array([step == truth for step, truth in zip(steps, true_steps, strict=True)], bool)
    return EpisodeResult(
        index=index,
        task=str(attributes["task"]),
        variation=int(attributes["variation"]),
        level=str(attributes["level"]),
        episode=int(extra["episode"]),
        seed=int(attributes["seed"]),
        instruction=str(attributes["instruction"]),
        success=bool(attributes["success"]),
        error=str(attributes["error"]) or None,
        steps_taken=int(attributes["num_samples"]),
        failure=str(extra["failure"]),
        plan=json.loads(attributes["plan"]),
        steps=steps,
        true_steps=true_steps,
        keypoint_errors=np.where(right, errors, np.nan),
    )
