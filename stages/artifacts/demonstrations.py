"""Reading demonstrations, rollouts and recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from stages.artifacts.episode import Episode
from stages.artifacts.episode_io import read_episode, read_observation
from stages.artifacts.files import open_artifact
from stages.artifacts.header import EPISODES, get_header
from stages.artifacts.shards import NAME
from stages.core.errors import UserError
from stages.core.observation import Observation

TEST_ONLY = ("l2", "l3", "l4")
"""Levels whose variations no training may see."""


class Demonstrations:
    """An open file of episodes.

    Raises:
        UserError: the file is missing, damaged, incomplete, or does not hold episodes.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file = open_artifact(self.path, *EPISODES)
        self.header = get_header(self._file, self.path)
        self._count = len(self._file["data"])

    def __enter__(self) -> Demonstrations:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(index) for index in range(len(self)))

    @property
    def summary(self) -> dict[str, Any]:
        """What the stage that wrote the file returned."""
        return json.loads(self._file.attrs["summary"])

    @property
    def env_args(self) -> dict[str, Any]:
        """robomimic's description of the environment."""
        return json.loads(self._file["data"].attrs["env_args"])

    def indices(self, part: str) -> list[int]:
        """Episodes of `train` or `valid`."""
        names = [name.decode() for name in self._file["mask"][part][()]]
        return sorted(int(name.removeprefix("demo_")) for name in names)

    def variations(self, part: str) -> list[str]:
        """Names of the variations in `train` or `valid`, sorted."""
        return sorted({str(self._group(index).attrs["taskvar"]) for index in self.indices(part)})

    def refuse_test_variations(self) -> None:
        """Make sure that no episode is of a variation that GemBench keeps for testing.

        Raises:
            UserError: one is.
        """
        for index in range(len(self)):
            attributes = self._group(index).attrs
            if attributes["level"] in TEST_ONLY:
                name, level = attributes["taskvar"], str(attributes["level"]).upper()
                raise UserError(
                    f"{self.path} has demonstrations of {name}, which level {level} keeps for testing",
                    "Collect training variations, or allow it with --set refuse_test_variations=false",
                )

    def episode(self, index: int, *, images: bool = True) -> Episode:
        """One episode; without `images` its observations have no cameras, which is fast."""
        return read_episode(self._group(index), images=images)

    def observation(self, index: int, k: int) -> Observation:
        """Observation k of an episode: before motion k, or the final one for k = K."""
        return read_observation(self._group(index), k)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _group(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise UserError(f"{self.path} has no episode {index}", f"Give a number from 0 to {len(self) - 1}")
        return self._file["data"][NAME.format(index)]
