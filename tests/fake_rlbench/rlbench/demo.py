from collections.abc import Sequence
from typing import Any


class Demo:
    def __init__(self, observations: Sequence[Any]) -> None:
        self._observations = list(observations)

    def __len__(self) -> int:
        return len(self._observations)

    def __getitem__(self, i: int) -> Any:
        return self._observations[i]
