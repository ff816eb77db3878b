from typing import Any

import numpy as np
from rlbench_layout import FAR, NEAR, dense, encoded_handles, low_dim

from rlbench.backend.exceptions import InvalidActionError, TaskEnvironmentError
from rlbench.backend.observation import Observation
from rlbench.demo import Demo
from rlbench.observation_config import CameraConfig, ObservationConfig
from stages.artifacts.unlabelled import keyframe_trajectory
from stages.collect import DemonstrationJob, demonstrate
from stages.core import observation as ours
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import make_task

SCENES = 1000
"""Scenes are drawn from numpy's global generator, as RLBench's are."""

CAMERAS = ("left_shoulder", "right_shoulder", "overhead", "wrist", "front")

FAULTS: list[Any] = []
"""What becomes of the next motions: an exception is raised, a share is how much of the way is made, None is nothing."""


class TaskEnvironment:
    def __init__(self, task_class: Any, config: ObservationConfig, calls: list[tuple[Any, ...]]) -> None:
        self._task, self._config, self._calls = task_class.embedded, config, calls
        self._cameras = {name: camera for name in CAMERAS if (camera := getattr(config, f"{name}_camera")).rgb}
        (size,) = {camera.image_size for camera in self._cameras.values()}
        self._simulator = Tabletop(size[0], tuple(self._cameras))
        self._variation, self._latest = 0, None

    def set_variation(self, v: int) -> None:
        self._calls.append(("set_variation", v))
        count = max(make_task(self._task, 0).variations) + 1
        if v >= count:
            raise TaskEnvironmentError(f"Requested variation {v}, but there are only {count} variations.")
        self._variation = v

    def reset(self) -> tuple[list[str], Observation]:
        self._calls.append(("reset",))
        instructions, self._latest = self._simulator.reset(self._task, self._variation, np.random.randint(SCENES))
        return instructions, self.get_observation()

    def reset_to_demo(self, demo: Demo) -> tuple[list[str], Observation]:
        demo.restore_state()
        self.set_variation(demo[0].misc["variation_index"])
        return self.reset()

    def get_observation(self) -> Observation:
        return self._observation(keyframe_trajectory([self._latest]), 0, self._latest)

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool]:
        self._calls.append(("step", *np.round(action, 6)))
        assert np.shape(action) == (8,)
        target, fault = np.array(action), FAULTS.pop(0) if FAULTS else None
        if isinstance(fault, Exception):
            raise fault
        if not np.isclose(np.linalg.norm(action[3:7]), 1.0):
            raise InvalidActionError("Action contained non unit quaternion!")
        if not action[2] > 0.752:
            raise InvalidActionError("A path could not be found because the target is outside of workspace.")
        if fault is not None:
            target[:3] = (1 - fault) * self._latest.gripper_pose[:3] + fault * target[:3]
        self._latest, success, _, info = self._simulator.step(target)
        if info["error"]:
            raise InvalidActionError("A path could not be found.")
        return self.get_observation(), float(success), success

    def get_demos(self, amount: int, live_demos: bool = False) -> list[Demo]:
        self._calls.append(("get_demos", amount, live_demos))
        return [self._demo() for _ in range(amount)]

    def _demo(self) -> Demo:
        job = DemonstrationJob(0, self._task, self._variation, "train", np.random.randint(SCENES))
        episode, _ = demonstrate(self._simulator, job, 1)
        trajectory, seen = dense(episode)
        return Demo([self._observation(trajectory, sample, one) for sample, one in enumerate(seen)])

    def _observation(self, trajectory: Any, sample: int, seen: ours.Observation) -> Observation:
        """RLBench's observation, of images as its cameras give them."""
        values = low_dim(trajectory, sample, seen, list(self._cameras))
        for name, camera in self._cameras.items():
            values |= {f"{name}_{kind}": image for kind, image in _images(camera, seen.cameras[name]).items()}
        return Observation(**values)


def _images(camera: CameraConfig, frame: ours.CameraFrame) -> dict[str, np.ndarray]:
    """Colours as bytes, depth from 0 to 1, handles in three channels from 0 to 1."""
    assert camera.depth and camera.mask and not camera.depth_in_meters and not camera.masks_as_one_channel
    depth = np.where(frame.depth > 0, frame.depth, FAR).astype(float)
    return {
        "rgb": frame.rgb,
        "depth": ((depth - NEAR) / (FAR - NEAR)).astype(np.float32),
        "mask": encoded_handles(frame.mask).astype(np.float32) / 255,
    }
