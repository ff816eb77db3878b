"""Answers of a planner in files: one group an episode, as they are asked for, then joined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py

from stages.artifacts.answers import Answers, read_answers, write_answers
from stages.artifacts.files import open_artifact
from stages.artifacts.shards import shard_path, write_shard

SCHEMA = "clap.planner_evaluation"

_LEFT_OUT = "left_out"


@dataclass(frozen=True)
class PlannerAnswers:
    """What came of one episode.

    Attributes:
        answers: of the planner; None where the truth is not known well enough to ask.
        problem: why not, or empty.
        seconds: wall-clock times by what was asked [s].
    """

    answers: Answers | None
    problem: str
    seconds: dict[str, list[float]]


def write_planner_answers(partial: Path, index: int, found: PlannerAnswers) -> None:
    """Write an episode as a shard; times go to its notes, since they are not the same twice."""

    def fill(group: h5py.Group) -> None:
        if found.answers is None:
            group.attrs[_LEFT_OUT] = found.problem
        else:
            write_answers(group, found.answers)

    write_shard(partial, index, fill, {"problem": found.problem, "seconds": found.seconds})


def shard_answers(partial: Path, count: int) -> Iterator[Answers]:
    """The answers in the shards of an unfinished file, without pictures."""
    for index in range(count):
        with h5py.File(shard_path(partial, index), "r") as file:
            if _LEFT_OUT not in file["episode"].attrs:
                yield read_answers(file["episode"], pictures=False)


def planner_summary(path: Path) -> dict:
    """What the evaluation returned for a complete file."""
    with open_artifact(path, SCHEMA) as file:
        return json.loads(file.attrs["summary"])


def read_all_answers(groups: h5py.Group) -> list[Answers]:
    """Every episode of a complete file's group, in order, with its pictures."""
    ordered = sorted(groups, key=lambda name: int(name.rsplit("_", 1)[-1]))
    return [read_answers(groups[name]) for name in ordered if _LEFT_OUT not in groups[name].attrs]
