"""Random scenes of clutter with the robot in a random posture, seen by the same cameras as the tasks.

Things are white: whoever uses a scene can colour each by its mask, so that one scene serves for many.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from stages.core.observation import CAMERAS, CameraFrame, Observation
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import SceneObject
from stages.simulators.tabletop.cameras import CAMERAS as KNOWN_CAMERAS
from stages.simulators.tabletop.cameras import camera_pose
from stages.simulators.tabletop.clutter import add_clutter
from stages.simulators.tabletop.environment import HOME
from stages.simulators.tabletop.panda import ARM_JOINTS
from stages.simulators.tabletop.renderer import Renderer
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.world import new_world

WHITE = (1.0, 1.0, 1.0)

AREA = (-0.12, 0.5, -0.38, 0.38)
"""Where things stand: x low, x high, y low, y high, world frame [m]."""

HANGING = 0.2
"""Share of things that hang in the air."""

LOWEST_TIP = TABLE_HEIGHT + 0.03
POSTURE_SPREAD = 0.35
"""Standard deviation of the joints about their home [rad]."""


def procedural_scene(
    rng: np.random.Generator, nouns: Sequence[str], count: int, image_size: int
) -> tuple[Observation, list[SceneObject]]:
    """A table with `count` white things; in half of the scenes of few shapes, so that their names alone do not do.

    Returns:
        What the cameras see, with masks, and the things, named by their nouns, each followed by its parts.
    """
    spec = new_world()
    base = np.eye(4)
    base[2, 3] = TABLE_HEIGHT
    scene = Scene(spec, base)
    if rng.random() < 0.5:
        nouns = rng.permutation(nouns)[:2].tolist()
    for noun, place in zip(rng.choice(nouns, count).tolist(), _places(rng, count), strict=True):
        add_clutter(scene, noun, WHITE, place, rng)
    things = scene.things
    model = spec.compile()
    data = mujoco.MjData(model)
    _pose_arm(rng, model, data)
    state = State(model, data)
    return _observe(model, data, things, image_size), [
        SceneObject(thing.name, state.position(thing), thing.mask_id, None, thing.kind) for thing in things
    ]


def _places(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4): x, y, height of the foot, yaw."""
    flat = scatter(rng, [AREA], count, gap=0.11)
    height = np.where(rng.random(count) < HANGING, rng.uniform(0, 0.35, count), 0)
    return np.column_stack([flat[:, :2], height, flat[:, 2]])


def _pose_arm(rng: np.random.Generator, model: mujoco.MjModel, data: mujoco.MjData) -> None:
    addresses = [model.joint(name).qposadr[0] for name in ARM_JOINTS]
    limits = np.array([model.joint(name).range for name in ARM_JOINTS])
    fingers = [address for address in range(model.nq) if address not in addresses]
    while True:
        data.qpos[addresses] = np.clip(HOME + rng.normal(0, POSTURE_SPREAD, len(HOME)), *limits.T)
        data.qpos[fingers[:2]] = rng.choice([0.0, 0.02, 0.04])
        mujoco.mj_forward(model, data)
        if State(model, data).tip_pose[2] > LOWEST_TIP:
            return


def _observe(model: mujoco.MjModel, data: mujoco.MjData, things: list[Thing], size: int) -> Observation:
    of_body = {model.body(thing.body).id: thing.mask_id for thing in things}
    ids = np.array([of_body.get(body, 0) for body in model.geom_bodyid], np.uint16)
    renderer, state = Renderer(model, ids), State(model, data)
    frames = {}
    for name in CAMERAS:
        intrinsics, pose = KNOWN_CAMERAS[name].intrinsics(size), camera_pose(name, state.tip)
        rgb, depth, mask = renderer.render(data, pose, intrinsics, (size, size))
        frames[name] = CameraFrame(rgb, depth, intrinsics, pose, mask)
    joints = np.array([data.joint(name).qpos[0] for name in ARM_JOINTS])
    return Observation(frames, state.tip_pose, state.gripper_open, joints)
