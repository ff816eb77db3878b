"""What a task is. One task = one file: its variations, words, scene, expert, mistake and success test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.state import State

Parameters = TypeVar("Parameters")


class Task(ABC, Generic[Parameters]):
    """One episode of a task: made for the episode, asked for its scene once, then for motions and success.

    Attributes:
        name: GemBench's name of the task.
        variations: what each variation index means.
        levels: which variations each of GemBench's levels has ("train", "l2", "l3", "l4"); empty for one of your own.
        region: (x low, x high, y low, y high) of the base on the table, world frame [m].
        yaw_range: of the base's random yaw [rad].
        ordered: whether the instructions tell in which order things are treated.
        parameters: those of this episode's variation.
    """

    name: ClassVar[str]
    variations: ClassVar[Mapping[int, Parameters]]
    levels: ClassVar[Mapping[str, Sequence[int]]]
    region: ClassVar[tuple[float, float, float, float]] = (0.10, 0.30, -0.15, 0.15)
    yaw_range: ClassVar[tuple[float, float]] = (-np.pi, np.pi)
    ordered: ClassVar[bool] = True

    def __init__(self, variation: int) -> None:
        self.parameters: Parameters = self.variations[variation]

    def place(self, rng: np.random.Generator) -> np.ndarray:
        """A random pose (4, 4) of the base in the world."""
        x_low, x_high, y_low, y_high = self.region
        base = np.eye(4)
        base[:3, 3] = rng.uniform(x_low, x_high), rng.uniform(y_low, y_high), TABLE_HEIGHT
        base[:3, :3] = axis_rotation(2, rng.uniform(*self.yaw_range))
        return base

    @abstractmethod
    def instructions(self) -> list[str]:
        """At least four paraphrases of what to do, lower case, without a full stop; training hears these."""

    @abstractmethod
    def novel_instructions(self) -> list[str]:
        """At least two more, worded otherwise, that training never hears."""

    @abstractmethod
    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        """Add the task's things, keeping on `self` those that the expert and the success test need."""

    @abstractmethod
    def expert(self, state: State) -> Iterator[Motion]:
        """The demonstration, one motion at a time, each computed from the state when it is asked for."""

    @abstractmethod
    def mistake(self, state: State) -> Iterator[Motion]:
        """The right motions on the wrong thing, or in the wrong place: nothing on the way may count as success."""

    @abstractmethod
    def success(self, state: State) -> bool:
        """Whether the task is done; asked exactly once after every executed action."""
