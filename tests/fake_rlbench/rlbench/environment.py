import os
from typing import Any

from pyrep.errors import PyRepError

from rlbench.action_modes.action_mode import MoveArmThenGripper
from rlbench.observation_config import ObservationConfig
from rlbench.task_environment import TaskEnvironment

CALLS: list[tuple[Any, ...]] = []
"""What was called, in order."""


class Environment:
    def __init__(
        self,
        action_mode: MoveArmThenGripper,
        dataset_root: str = "",
        obs_config: ObservationConfig | None = None,
        headless: bool = False,
    ) -> None:
        self._config, self._launched = obs_config or ObservationConfig(), False
        arm = action_mode.arm_action_mode
        assert arm.absolute_mode and arm.frame == "world" and not arm.collision_checking
        self._headless = headless

    def launch(self) -> None:
        """Start, which changes the working directory as PyRep does."""
        if self._launched:
            raise RuntimeError("Already called launch!")
        if not os.path.exists(os.environ["COPPELIASIM_ROOT"]):
            raise PyRepError("COPPELIASIM_ROOT was not a correct path.")
        os.chdir(os.environ["COPPELIASIM_ROOT"])
        self._launched = True
        CALLS.append(("launch", "headless" if self._headless else "window"))

    def get_task(self, task_class: type) -> TaskEnvironment:
        assert self._launched
        CALLS.append(("get_task", task_class.__name__))
        return TaskEnvironment(task_class, self._config, CALLS)

    def shutdown(self) -> None:
        self._launched = False
        CALLS.append(("shutdown",))
