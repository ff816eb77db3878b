"""Random scenes of things of all families with the robot in a random posture, seen by the same cameras as the tasks.

Things are white: whoever uses a scene can colour each by its mask, so that one scene serves for many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from stages.core.observation import CAMERAS, CameraFrame, Observation
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.protocol import SceneObject
from stages.simulators.tabletop.cameras import CAMERAS as KNOWN_CAMERAS
from stages.simulators.tabletop.cameras import camera_pose
from stages.simulators.tabletop.environment import HOME
from stages.simulators.tabletop.families import FURNITURE, SYNONYMS, add_thing
from stages.simulators.tabletop.families.arrangement import Arrangement
from stages.simulators.tabletop.panda import ARM_JOINTS, FINGER_JOINTS
from stages.simulators.tabletop.renderer import Renderer
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.world import new_world

WHITE = (1.0, 1.0, 1.0)

HELD = 0.15
"""Share of scenes in which the hand holds something."""

FEW, FEW_NOUNS = 0.5, 2
"""Share of scenes of few nouns, and how many these are."""

SAME_PAINT = 0.6
"""Share of parts that have the colour of what they belong to."""

LOWEST_TIP = TABLE_HEIGHT + 0.03
POSTURE_SPREAD = 0.35
"""Standard deviation of the joints about their home [rad]."""

POSTURE_TRIES = 40
HAND = np.array([0.02, -0.04, -0.1, -0.16])
"""Distances from the tip along its axis at which the hand is in the way of things [m]."""


@dataclass(frozen=True)
class ProceduralWorld:
    """A compiled scene.

    Attributes:
        model, data: MuJoCo's; parts that slide or turn have joints, at zero where the scene was drawn.
        things: named by their nouns or synonyms, each followed by its parts.
        arrangement: where they stand.
    """

    model: mujoco.MjModel
    data: mujoco.MjData
    things: list[Thing]
    arrangement: Arrangement

    def observe(self, image_size: int) -> Observation:
        """What the cameras see, with masks."""
        return _observe(self.model, self.data, self.things, image_size)


def procedural_scene(
    rng: np.random.Generator, nouns: Sequence[str], count: int, image_size: int
) -> tuple[Observation, list[SceneObject]]:
    """A table with `count` white things; in half of the scenes of few nouns, so that their names alone do not do.

    Args:
        nouns: keys of `SHAPES`.

    Returns:
        What the cameras see, with masks, and the things, named by their nouns or synonyms, each followed by its parts.
    """
    world = procedural_world(rng, nouns, count)
    state = State(world.model, world.data)
    return world.observe(image_size), [
        SceneObject(thing.name, state.position(thing), thing.mask_id, None, thing.kind) for thing in world.things
    ]


def procedural_world(rng: np.random.Generator, nouns: Sequence[str], count: int, held: float = HELD) -> ProceduralWorld:
    """The scene of `procedural_scene`, not yet seen.

    Args:
        held: share of scenes in which the hand holds something.
    """
    spec = new_world()
    base = np.eye(4)
    base[2, 3] = TABLE_HEIGHT
    scene = Scene(spec, base)
    drawn = _drawn_nouns(rng, list(nouns), count)
    words = {noun: str(rng.choice([noun, *SYNONYMS.get(noun, ())])) for noun in sorted(set(drawn))}
    bodies = [add_thing(scene, noun, WHITE, np.zeros(4), rng, words[noun]).body for noun in drawn]
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    arrangement = Arrangement(rng, model, data, [model.body(body).id for body in bodies])
    _arrange(rng, model, data, arrangement, held)
    return ProceduralWorld(model, data, scene.things, arrangement)


def paint(rng: np.random.Generator, world: ProceduralWorld) -> None:
    """Give every thing a colour, and some parts one of their own; their shades stay."""
    model, colours = world.model, {0: np.ones(3)}
    for thing in world.things:
        body = model.body(thing.body).id
        owner = colours.get(int(model.body_parentid[body]))
        inherits = owner is not None and thing.kind == "part" and rng.random() < SAME_PAINT
        colours[body] = owner if inherits else rng.uniform(0, 1, 3)
        model.geom_rgba[model.geom_bodyid == body, :3] *= colours[body]


def _drawn_nouns(rng: np.random.Generator, nouns: list[str], count: int) -> list[str]:
    """The nouns of things, one or two of furniture at most where there is anything else."""
    pool = rng.permutation(nouns)[:FEW_NOUNS].tolist() if rng.random() < FEW else nouns
    small = [noun for noun in pool if noun not in FURNITURE] or [noun for noun in nouns if noun not in FURNITURE]
    drawn, left = rng.choice(pool, count).tolist(), int(rng.integers(1, 3))
    for index, noun in enumerate(drawn):
        if noun in FURNITURE and small:
            left -= 1
            drawn[index] = noun if left >= 0 else str(rng.choice(small))
    return drawn


def _arrange(
    rng: np.random.Generator, model: mujoco.MjModel, data: mujoco.MjData, arrangement: Arrangement, share: float
) -> None:
    """Place the things, pose the arm, and put one thing into the hand or, as often as `share` says not, none."""
    graspable = arrangement.graspable() if rng.random() < share else []
    held = int(rng.choice(graspable)) if graspable else None
    arrangement.spread(leave=held)
    opening = float(rng.choice([0.0, 0.02, 0.04]))
    if held is not None:
        opening = 0.01 if rng.random() < 0.3 else min(arrangement.width(held) / 2, 0.04)
    clearance = 0.0 if held is None else arrangement.reach(held)
    _pose_arm(rng, model, data, opening, clearance, arrangement)
    if held is not None:
        arrangement.hold(held, State(model, data).tip)


def _pose_arm(
    rng: np.random.Generator,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    opening: float,
    clearance: float,
    arrangement: Arrangement,
) -> None:
    """Draw a posture whose hand is in no thing, at home if none is found.

    Args:
        opening: distance of each finger from the middle [m].
        clearance: added to the least height of the tip [m].
    """
    addresses = [model.joint(name).qposadr[0] for name in ARM_JOINTS]
    limits = np.array([model.joint(name).range for name in ARM_JOINTS])
    data.qpos[[model.joint(name).qposadr[0] for name in FINGER_JOINTS]] = opening
    for attempt in reversed(range(POSTURE_TRIES)):
        spread = POSTURE_SPREAD if attempt else 0.0
        data.qpos[addresses] = np.clip(HOME + rng.normal(0, spread, len(HOME)), *limits.T)
        mujoco.mj_kinematics(model, data)
        tip = State(model, data).tip
        hand = tip[:3, 3] + HAND[:, None] * tip[:3, 2]
        if tip[2, 3] > LOWEST_TIP + clearance and not any(thing.holds(hand) for thing in arrangement.placed):
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
