"""Take the gray cube from the top of a safe and put it on one of its three shelves."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.tasks.put_money_in_safe import PutMoneyInSafe
from stages.simulators.tabletop.things.safe import gray_cube


class PutCubeInSafe(PutMoneyInSafe):
    """Parameters: the shelf."""

    name = "put_cube_in_safe"
    levels = {"l2": (0,)}
    behind = 0.0

    def instructions(self) -> list[str]:
        return [
            f"put the gray cube on the {self.parameters} of the safe",
            f"put the gray cube away in the safe on the {self.parameters}",
            f"take the gray cube from the top of the safe and leave it on the {self.parameters}",
            f"place the gray cube on the {self.parameters} in the safe",
            f"store the gray cube on the {self.parameters}",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"the gray cube belongs on the {self.parameters} of the safe",
            f"stow the gray cube inside the safe, on its {self.parameters}",
        ]

    def _load(self, scene: Scene, rng: np.random.Generator) -> Thing:
        return gray_cube(scene, 0.10, 0.0)
