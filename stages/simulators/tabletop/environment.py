"""The embedded simulator."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import mujoco
import numpy as np

from stages.core.errors import UserError
from stages.core.observation import CAMERAS, CameraFrame, Observation
from stages.simulators.protocol import Motion, SceneObject, Trajectory
from stages.simulators.tabletop.cameras import CAMERAS as KNOWN_CAMERAS
from stages.simulators.tabletop.cameras import camera_pose
from stages.simulators.tabletop.execution import Executor
from stages.simulators.tabletop.panda import ARM_JOINTS, ROBOT_MASK_ID
from stages.simulators.tabletop.renderer import Renderer
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks import make_task
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.trajectory import FULL_STATE, Recorder
from stages.simulators.tabletop.world import new_world

HOME = np.array([0.0, 0.1745, 0.0, -0.873, 0.0, 1.222, np.pi / 4])
"""Joint angles before an episode [rad]."""

SETTLE = 0.2
"""Time that things are given to come to rest before an episode [s]."""

MAX_REDRAWS = 20

WHOLE_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class Tabletop:
    """`stages.simulators.protocol.Simulator` on MuJoCo.

    Args:
        image_size: height and width of the images [px].
        cameras: which of GemBench's cameras.
        record_hz: sampling rate of the trajectory [Hz].
    """

    def __init__(self, image_size: int = 128, cameras: Sequence[str] = CAMERAS, record_hz: float = 20.0) -> None:
        for name in cameras:
            _check_camera(name)
        self._image_size = image_size
        self._cameras = tuple(cameras)
        self._record_hz = record_hz
        self._scene: tuple[str, int, int] | None = None
        self._episode: _Episode | None = None

    def reset(self, task: str, variation: int, seed: int) -> tuple[list[str], Observation]:
        """See `Simulator.reset`. Placements that the expert cannot reach are drawn again."""
        if self._scene == (task, variation, seed):
            self._now.rewind()
        else:
            self._scene = None
            self._episode, self._redraws = self._reachable_episode(task, variation, seed)
            self._scene = task, variation, seed
        return self._now.task.instructions(), self._observe(self._now.data)

    def novel_instructions(self) -> list[str]:
        """See `Simulator.novel_instructions`."""
        return self._now.task.novel_instructions()

    def step(self, action: np.ndarray) -> tuple[Observation, bool, bool, dict[str, Any]]:
        """See `Simulator.step`."""
        action = np.asarray(action, float)
        if action.shape not in ((8,), (9,)) or not np.isfinite(action).all():
            raise ValueError(f"an action is 8 or 9 finite numbers, not {action}")
        error, success = self._now.act(action)
        observation = self._observe(self._now.data)
        return observation, success, success or error is not None, {"error": error, "redraws": self._redraws}

    def truth(self) -> list[SceneObject]:
        """See `Simulator.truth`."""
        state = self._now.state
        return [
            SceneObject(
                thing.name,
                state.position(thing),
                thing.mask_id,
                None if thing.size is None else np.array(thing.size),
                thing.kind,
            )
            for thing in self._now.things
        ]

    def expert(self) -> Iterator[Motion]:
        """See `Simulator.expert`."""
        return self._now.task.expert(self._now.state)

    def trajectory(self) -> Trajectory:
        """See `Simulator.trajectory`."""
        return self._now.recorder.trajectory()

    def render_state(self, state: np.ndarray, camera: str | Sequence[str], image_size: int) -> dict[str, CameraFrame]:
        """See `Simulator.render_state`."""
        names = [camera] if isinstance(camera, str) else camera
        for name in names:
            _check_camera(name)
        return self._frames(self._now.recall(state), names, image_size)

    def observe_state(self, state: np.ndarray) -> Observation:
        """See `Simulator.observe_state`."""
        return self._observe(self._now.recall(state))

    def close(self) -> None:
        """See `Simulator.close`."""
        self._scene = self._episode = None

    def _reachable_episode(self, task: str, variation: int, seed: int) -> tuple[_Episode, int]:
        for redraws in range(MAX_REDRAWS):
            episode = _Episode(make_task(task, variation), _rng(task, variation, seed, redraws), self._record_hz)
            if episode.is_reachable():
                return episode, redraws
        raise RuntimeError(f"the expert reaches none of {MAX_REDRAWS} placements of {task}+{variation}, seed {seed}")

    @property
    def _now(self) -> _Episode:
        if self._episode is None:
            raise RuntimeError("reset() has not been called")
        return self._episode

    def _observe(self, data: mujoco.MjData) -> Observation:
        state = State(self._now.model, data)
        return Observation(
            cameras=self._frames(data, self._cameras, self._image_size),
            gripper_pose=state.tip_pose,
            gripper_open=state.gripper_open,
            joint_positions=np.array([data.joint(name).qpos[0] for name in ARM_JOINTS]),
            time=float(data.time),
        )

    def _frames(self, data: mujoco.MjData, names: Sequence[str], size: int) -> dict[str, CameraFrame]:
        tip = State(self._now.model, data).tip
        frames = {}
        for name in names:
            intrinsics, pose = KNOWN_CAMERAS[name].intrinsics(size), camera_pose(name, tip)
            rgb, depth, mask = self._now.renderer.render(data, pose, intrinsics, (size, size))
            frames[name] = CameraFrame(rgb, depth, intrinsics, pose, mask)
        return frames


class _Episode:
    """One task in one scene, and everything that lives as long as it."""

    def __init__(self, task: Task, rng: np.random.Generator, record_hz: float) -> None:
        spec = new_world()
        scene = Scene(spec, task.place(rng))
        task.build(scene, rng)
        self._pristine, self.task = task, copy.deepcopy(task)
        self.things = scene.things
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._executor = Executor(self.model, self.data)
        self._executor.stand(HOME)
        self._executor.wait(SETTLE)
        self._start = self._get_state()
        mujoco.mj_forward(self.model, self.data)
        self.state = State(self.model, self.data)
        self._rehearsed: list[tuple[np.ndarray, np.ndarray]] = []
        self._on_script = False
        self._recalled = mujoco.MjData(self.model)
        self._renderer: Renderer | None = None
        self._record_hz = record_hz

    def is_reachable(self) -> bool:
        """Whether the expert reaches all its poses; the episode is then rewound to its start.

        What happened is kept: as long as the same actions come again, the same follows, and is not simulated twice.
        """
        self._record_anew()
        for motion in copy.deepcopy(self._pristine).expert(self.state):
            error, after = self._execute(motion.action)
            if error is not None:
                return False
            self._rehearsed.append((motion.action, after))
        self._rehearsal = self.recorder
        self.rewind()
        return True

    def rewind(self) -> None:
        """Go back to the start."""
        self._set_state(self._start)
        self.task = copy.deepcopy(self._pristine)
        self._on_script = True
        self._record_anew()

    def act(self, action: np.ndarray) -> tuple[str | None, bool]:
        """Execute an action: (error, success)."""
        done = len(self.recorder) - 1
        self._on_script &= done < len(self._rehearsed) and np.array_equal(action, self._rehearsed[done][0])
        if self._on_script:
            error = None
            self._set_state(self._rehearsed[done][1])
            self.recorder.adopt(self._rehearsal, done + 1)
        else:
            error, _ = self._execute(action)
        return error, self.task.success(self.state)

    def _execute(self, action: np.ndarray) -> tuple[str | None, np.ndarray]:
        """Simulate an action: its error, and the state right after."""
        error = self._executor.execute(action)
        after = self._get_state()
        mujoco.mj_forward(self.model, self.data)
        self.recorder.keyframe()
        return error, after

    def _record_anew(self) -> None:
        self.recorder = Recorder(self.state, self._record_hz)
        self._executor.after_step = self.recorder.after_step
        self.recorder.keyframe()

    def _get_state(self) -> np.ndarray:
        """Everything (D,) that the future depends on, if mj_forward follows."""
        state = np.empty(mujoco.mj_stateSize(self.model, WHOLE_STATE))
        mujoco.mj_getState(self.model, self.data, state, WHOLE_STATE)
        return state

    def _set_state(self, state: np.ndarray) -> None:
        mujoco.mj_setState(self.model, self.data, state, WHOLE_STATE)
        mujoco.mj_forward(self.model, self.data)

    def recall(self, state: np.ndarray) -> mujoco.MjData:
        """The world at a recorded state (D,), beside the present one."""
        mujoco.mj_setState(self.model, self._recalled, np.asarray(state, float), FULL_STATE)
        mujoco.mj_kinematics(self.model, self._recalled)
        return self._recalled

    @property
    def renderer(self) -> Renderer:
        if self._renderer is None:
            self._renderer = Renderer(self.model, self._instance_ids())
        return self._renderer

    def _instance_ids(self) -> np.ndarray:
        """(ngeom,) id of the nearest named body that a geom belongs to."""
        of_body = np.zeros(self.model.nbody, np.uint16)
        named = {self.model.body(thing.body).id: thing.mask_id for thing in self.things}
        named[self.model.body("link0").id] = ROBOT_MASK_ID
        for body in range(1, self.model.nbody):
            of_body[body] = named.get(body, of_body[self.model.body_parentid[body]])
        return of_body[self.model.geom_bodyid]


def _rng(task: str, variation: int, seed: int, redraws: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(task.encode()), variation, redraws])


def _check_camera(name: str) -> None:
    if name not in KNOWN_CAMERAS:
        raise UserError(f"There is no camera '{name}'", f"Use one of: {', '.join(KNOWN_CAMERAS)}")
