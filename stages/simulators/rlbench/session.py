"""A running CoppeliaSim with RLBench's scene in it."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from multiprocessing.util import Finalize
from types import SimpleNamespace
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.rlbench.recording import CAMERAS
from stages.rlbench.scenes import RecordedScene
from stages.simulators.rlbench.installation import Installation, load_installation
from stages.simulators.rlbench.tasks import file_of

CLOSE_EARLY = 10
"""CoppeliaSim is closed before what Python tears down at the end of a process."""


class Session:
    """RLBench's environment without a window, in which one task after the other is loaded.

    Args:
        image_size: side of the square images [px].
        cameras: that are seen by.

    Raises:
        UserError: RLBench is not installed, or CoppeliaSim does not start.
    """

    def __init__(self, image_size: int, cameras: Sequence[str]) -> None:
        self.installation = load_installation()
        modes = self.installation
        action_mode = modes.action_mode.MoveArmThenGripper(
            arm_action_mode=modes.arm_action_modes.EndEffectorPoseViaPlanning(collision_checking=False),
            gripper_action_mode=modes.gripper_action_modes.Discrete(),
        )
        config = observation_config(modes, image_size, cameras)
        self._environment = modes.environment.Environment(action_mode, obs_config=config, headless=True)
        self._launch()
        self._finalize = Finalize(self, self._environment.shutdown, exitpriority=CLOSE_EARLY)
        self._name, self._task = "", None

    def task(self, name: str, variation: int) -> Any:
        """RLBench's task, loaded into the scene.

        Raises:
            UserError: there is no such task or variation.
        """
        if name != self._name:
            self._name = ""
            task_class = self.installation.utils.task_file_to_task_class(file_of(name))
            self._task = self._environment.get_task(task_class)
            self._name = name
        try:
            self._task.set_variation(variation)
        except self.installation.exceptions.TaskEnvironmentError as error:
            raise UserError(f"RLBench's task '{name}' has no variation {variation}", str(error).rstrip(".")) from error
        return self._task

    def demo(self, scene: RecordedScene, variation: int) -> Any:
        """RLBench's demonstration without its content, to reset a task to where it began."""
        demo = self.installation.demo.Demo(
            [SimpleNamespace(misc={"variation_index": variation})], random_seed=scene.random_state
        )
        demo.num_reset_attempts = scene.reset_attempts
        return demo

    def close(self) -> None:
        """End CoppeliaSim."""
        self._finalize()

    def _launch(self) -> None:
        """Start CoppeliaSim, which changes the working directory of the whole process on its way."""
        here = os.getcwd()
        try:
            self._environment.launch()
        except self.installation.pyrep_errors.PyRepError as error:
            raise UserError(f"CoppeliaSim does not start: {error}", "See docs/rlbench.md") from error
        finally:
            os.chdir(here)


def observation_config(installation: Installation, image_size: int, cameras: Sequence[str]) -> Any:
    """RLBench's settings of what is observed: as GemBench evaluates, and the joints, which tell where the arm is."""
    module = installation.observation_config
    unused = module.CameraConfig()
    unused.set_all(False)
    used = module.CameraConfig(
        rgb=True,
        depth=True,
        point_cloud=False,
        mask=True,
        image_size=(image_size, image_size),
        render_mode=installation.pyrep_const.RenderMode.OPENGL,
        masks_as_one_channel=False,
        depth_in_meters=False,
    )
    return module.ObservationConfig(
        **{f"{name}_camera": used if name in cameras else unused for name in CAMERAS},
        joint_velocities=True,
        joint_positions=True,
        joint_forces=False,
        gripper_open=True,
        gripper_pose=True,
        gripper_joint_positions=True,
        gripper_touch_forces=False,
        task_low_dim_state=False,
    )


def seed_everything(seed: int) -> None:
    """Seed what RLBench draws scenes from, as GemBench's evaluation does."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
