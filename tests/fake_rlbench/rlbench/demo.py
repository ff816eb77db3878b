from collections.abc import Sequence
from typing import Any

import numpy as np


class Demo:
    def __init__(
        self, observations: Sequence[Any], random_seed: Any = None, num_reset_attempts: int | None = None
    ) -> None:
        self._observations = list(observations)
        self.random_seed, self.num_reset_attempts = random_seed, num_reset_attempts

    def __len__(self) -> int:
        return len(self._observations)

    def __getitem__(self, i: int) -> Any:
        return self._observations[i]

    def restore_state(self) -> None:
        np.random.set_state(self.random_seed)
