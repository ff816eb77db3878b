"""What a hand does with the things of procedural scenes, motion by motion, without physics.

Drawers, doors and lids are opened and shut, buttons pressed, things taken and set down elsewhere. The hand, and what it
holds or works, are simply put where each motion ends, so that furniture of any shape serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import mujoco
import numpy as np

from stages.core.observation import Observation
from stages.core.steps import MAX_MOTIONS, Step
from stages.geometry.poses import matrix_to_quaternion, pose_to_matrix
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.bodies import geoms_below
from stages.simulators.tabletop.families.arrangement import bounding_box
from stages.simulators.tabletop.kinematics import Kinematics
from stages.simulators.tabletop.panda import ARM_JOINTS, FINGER_JOINTS, FINGER_TRAVEL
from stages.simulators.tabletop.procedural import ProceduralWorld
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.furniture import pull, push_forward, swing, turned_about
from stages.simulators.tabletop.skills.hand import (
    backed_off,
    grasp,
    lift,
    motion,
    pointing_down,
    push_down,
    tip_at,
)
from stages.simulators.tabletop.skills.lids import SLOPE, swing_edge
from stages.simulators.tabletop.state import State

FARTHEST_PULL = 0.18
"""Of a drawer [m]."""

LEAST_SLIDE, LEAST_TURN = 0.06, 0.5
"""How far a part must still go for it to be opened or shut [m, rad]."""

WIDEST_TURN = 1.5
STRIDE = 0.45
"""Largest angle of one motion along an arc [rad]."""

IN_FRONT = 0.04
"""Distance of a push from its contact at its beginning [m]."""

FREE_END = 0.8
"""Where a door is pushed, as a share of its width."""

WIDEST_GRASP = 0.068
"""Between the fingers; on something wider a hand counts as open [m]."""

DEEPEST = 0.03
"""How far below the top of a thing it is grasped at most [m]."""

THIN = 0.005
"""Distance of each finger from the middle, closed on a handle or an edge, or on nothing [m]."""

UPRIGHT = 0.95
"""Least cosine of the tilt of what a hand works."""

CLEAR, ROOF = 0.005, 0.3
"""What is from a little over a place to so far above it is in the hand's way [m]."""

ABOVE, DROP = 0.06, 0.01
"""Height of a carried thing over its place before it is set down, and when it is let go [m]."""

Change = Callable[[], None]
Act = Iterator[tuple[Motion, Change]]
"""Motions, each with what it does to the scene besides moving the hand."""


@dataclass(frozen=True)
class SeenMotion:
    """A motion with what is seen before it; `index` counts the motions of its step."""

    observation: Observation
    motion: Motion
    index: int


def play(world: ProceduralWorld, act: Act, image_size: int) -> list[SeenMotion]:
    """Make the motions of an act one after another, as far as the arm reaches."""
    arm, seen = _Arm(world), []
    for made, change in act:
        observation = world.observe(image_size)
        if not arm.reach(made.action):
            break
        index = seen[-1].index + 1 if seen and seen[-1].motion.step == made.step else 0
        seen.append(SeenMotion(observation, made, index))
        change()
        mujoco.mj_kinematics(world.model, world.data)
    return seen


class _Arm:
    """The robot of a world."""

    def __init__(self, world: ProceduralWorld) -> None:
        self._world, self._kinematics = world, Kinematics(world.model)
        self._arm = [world.model.joint(name).qposadr[0] for name in ARM_JOINTS]
        self._fingers = [world.model.joint(name).qposadr[0] for name in FINGER_JOINTS]

    def reach(self, action: np.ndarray) -> bool:
        """Put the hand where an action (9,) ends; False if it is out of reach."""
        qpos = self._world.data.qpos
        joints = next(self._kinematics.solutions(pose_to_matrix(action[:7]), qpos[self._arm]), None)
        if joints is None:
            return False
        qpos[self._arm] = joints
        if action[7]:
            qpos[self._fingers] = FINGER_TRAVEL
        elif (qpos[self._fingers] == FINGER_TRAVEL).all():
            qpos[self._fingers] = THIN
        mujoco.mj_kinematics(self._world.model, self._world.data)
        return True


class Acts:
    """All that can be done in a world with what stands upright."""

    def __init__(self, world: ProceduralWorld, rng: np.random.Generator) -> None:
        self._world, self._rng = world, rng
        self._model, self._data = world.model, world.data
        self._state = State(world.model, world.data)
        self._robot = geoms_below(world.model, world.model.body("link0").id)

    def on_parts(self) -> list[Callable[[], Act]]:
        """What can be done with drawers, doors, lids and buttons, to be played in the world as it is now."""
        upright = [thing for thing in self._world.things if self._data.xmat[self._root(thing)][8] > UPRIGHT]
        return [partial(act, thing) for thing in upright for act in self._acts_on(thing)]

    def on_things(self) -> list[Callable[[], Act]]:
        """What can be taken: with nothing over it, and nothing in it."""
        graspable = set(self._world.arrangement.graspable())
        free = [thing for thing in self._world.things if self._body(thing) in graspable]
        return [partial(self._take, one) for one in free if self._open_above(self._top(one)) and not self._within(one)]

    def _acts_on(self, thing: Thing) -> list[Callable[[Thing], Act]]:
        """What can be done with a part."""
        body = self._model.body(thing.body)
        if "button" in thing.name:
            return [self._press]
        if not body.jntnum[0]:
            return []
        joint, handled = self._model.joint(thing.body), self._handle(thing) is not None
        if joint.type[0] == mujoco.mjtJoint.mjJNT_SLIDE:
            least, opening, shutting = LEAST_SLIDE, self._pull_out if handled else None, self._push_in
        elif joint.axis[1] < -0.5:
            least, opening, shutting = LEAST_TURN, self._raise_lid, self._lower_lid
        else:
            upright = abs(joint.axis[2]) > 0.5
            least, opening = LEAST_TURN, self._swing_open if handled else None
            shutting = self._swing_shut if upright else None
        acts = ((opening, self._left(thing)), (shutting, self._done(thing)))
        return [act for act, room in acts if act and room > least]

    def _pull_out(self, tray: Thing) -> Act:
        handle, forward = self._handle(tray), self._state.matrix(tray)[:3, 0]
        yield from _unchanged(grasp(self._state, handle, self._front_grip(handle)))
        distance = min(FARTHEST_PULL, self._left(tray))
        for one in pull(self._state, handle, forward, distance):
            yield one, self._joint_change(tray, distance)

    def _push_in(self, tray: Thing) -> Act:
        contact, forward = self._front_point(tray), self._state.matrix(tray)[:3, 0]
        start, end = contact + IN_FRONT * forward, contact - self._done(tray) * forward
        motions = push_forward(self._state, tray, self._pointing(-forward), start, end)
        for one, moved in zip(motions, (0.0, -self._done(tray)), strict=True):
            yield one, self._joint_change(tray, moved)

    def _swing_open(self, leaf: Thing) -> Act:
        handle, state = self._handle(leaf), self._state
        yield from _unchanged(grasp(state, handle, self._front_grip(handle)))
        angle = min(self._left(leaf), self._rng.uniform(LEAST_TURN, WIDEST_TURN))
        motions = swing(state, Step("pull", handle.name), handle, leaf, angle, stride=angle / _count(angle))
        yield from self._in_parts(motions, leaf, angle)

    def _swing_shut(self, leaf: Thing) -> Act:
        """Along the chords of the arc, from in front of the outer face near its free end."""
        state, step = self._state, Step("push", leaf.name)
        contact = state.position(leaf, (0, (2 * FREE_END - 1) * leaf.anchor[1], 0))
        count, done = _count(self._done(leaf) / 2), self._done(leaf)
        places = [self._turned(leaf, contact, -done * part / count) for part in range(count + 1)]
        hand = self._pointing(places[1] - places[0])
        before = places[0] - IN_FRONT * hand[:, 2]
        yield motion(tip_at(before, hand), False, step, state.position(leaf), may_collide=False), _nothing
        for first, second in pairwise(places):
            one = motion(tip_at(second, self._pointing(second - first)), False, step, state.position(leaf))
            yield one, self._joint_change(leaf, -done / count)

    def _raise_lid(self, lid: Thing) -> Act:
        yield from self._by_its_edge(lid, min(self._left(lid), self._rng.uniform(LEAST_TURN, WIDEST_TURN)))

    def _lower_lid(self, lid: Thing) -> Act:
        if self._rng.random() < 0.5:
            yield from self._by_its_edge(lid, -self._done(lid))
        else:
            yield from self._push_down_lid(lid)

    def _by_its_edge(self, lid: Thing, angle: float) -> Act:
        """Take the free edge between the fingers and follow the arc, the hand keeping its rotation."""
        state = self._state
        inward = -state.matrix(lid)[:3, 0] * (1, 1, 0)
        pointing = np.cos(SLOPE) * inward / max(np.linalg.norm(inward), 1e-6) + np.sin(SLOPE) * np.array([0, 0, -1.0])
        hand = self._least_turned(_hand(pointing, np.cross(pointing, state.matrix(lid)[:3, 1])))
        yield from _unchanged(grasp(state, lid, tip_at(state.position(lid), hand)))
        motions = swing_edge(state, Step("pull", lid.name), lid, lid, angle, _count(angle))
        yield from self._in_parts(motions, lid, angle)

    def _push_down_lid(self, lid: Thing) -> Act:
        """From behind its free edge along the arc, the hand pointing down with its fingers along the hinge."""
        state, step, angle = self._state, Step("push", lid.name), self._done(lid)
        across = state.matrix(lid)[:3, 1]
        hand = self._least_turned(pointing_down(np.arctan2(across[1], across[0]) - np.pi / 2))
        edge, behind = state.position(lid), IN_FRONT / np.linalg.norm(lid.anchor)
        count = min(MAX_MOTIONS - 1, _count(angle))
        places = [self._turned(lid, edge, share) for share in (behind, *(-angle * np.arange(1, count + 1) / count))]
        yield motion(tip_at(places[0], hand), False, step, state.position(lid), may_collide=False), _nothing
        for place in places[1:]:
            yield motion(tip_at(place, hand), False, step, state.position(lid)), self._joint_change(lid, -angle / count)

    def _press(self, button: Thing) -> Act:
        """Along the direction in which it stands out."""
        state = self._state
        outward = state.matrix(button)[:3, :3] @ np.asarray(button.anchor)
        outward /= np.linalg.norm(outward)
        if outward[2] > 0.9:
            yield from _unchanged(push_down(state, button))
        else:
            contact = state.position(button)
            start = contact + IN_FRONT * outward
            yield from _unchanged(push_forward(state, button, self._pointing(-outward), start, contact))

    def _take(self, thing: Thing) -> Act:
        """Grasp a thing from above, lift it, and often set it down where another has room."""
        state = self._state
        found = self._top_grip(thing)
        if found is None:
            return
        tip, width = found
        before, closing = grasp(state, thing, tip)
        yield before, _nothing
        yield closing, partial(self._close_fingers, width)
        for one in lift(state, thing):
            yield one, self._carry(thing)
        target = self._place_for(thing)
        if target is None:
            return
        onto, place = target
        keypoint = place
        low = bounding_box(self._model, self._data, self._body(thing), world=True)[0][2]
        raised = state.tip
        raised[:3, 3] += place + (0, 0, ABOVE) - np.append(state.position(thing)[:2], low)
        yield (
            motion(raised, False, Step("move", thing.name, onto.name), keypoint, may_collide=False),
            self._carry(thing),
        )
        lowered, step = state.tip, Step("release", thing.name, onto.name)
        lowered[2, 3] -= ABOVE - DROP
        yield motion(lowered, True, step, keypoint), self._carry(thing, drop=DROP)
        yield motion(backed_off(state.tip, IN_FRONT * 2), True, step, keypoint), _nothing

    def _top_grip(self, thing: Thing) -> tuple[np.ndarray, float] | None:
        """A tip (4, 4) over the thing, its fingers across the narrower side of its box, and that side's width [m]; None
        if it is too wide."""
        body = self._body(thing)
        low, high = bounding_box(self._model, self._data, body)
        frame, size = self._state.matrix(thing), high - low
        sides = [axis for axis in range(3) if axis != int(np.argmax(np.abs(frame[2, :3])))]
        narrow = min(sides, key=lambda axis: size[axis])
        if size[narrow] > WIDEST_GRASP:
            return None
        across = frame[:3, narrow]
        middle = frame[:3, :3] @ ((low + high) / 2) + frame[:3, 3]
        bottom, top = (corner[2] for corner in bounding_box(self._model, self._data, body, world=True))
        height = max((bottom + top) / 2, top - DEEPEST)
        hand = pointing_down(np.arctan2(across[1], across[0]) - np.pi / 2)
        return tip_at(np.append(middle[:2], height), self._least_turned(hand)), float(size[narrow])

    def _close_fingers(self, width: float) -> None:
        self._data.qpos[[self._model.joint(name).qposadr[0] for name in FINGER_JOINTS]] = width / 2

    def _place_for(self, thing: Thing) -> tuple[Thing, np.ndarray] | None:
        """Another thing, and the middle of free room (3,) in or on it that is large enough for the thing's foot."""
        own, names = self._body(thing), {one.body: one for one in self._world.things}
        low, high = bounding_box(self._model, self._data, own, world=True)
        foot = (high - low)[:2]
        places = []
        for site, host in self._world.arrangement.rooms:
            turn, half = self._data.site_xmat[site].reshape(3, 3), self._model.site_size[site]
            if host != own and turn[2, 2] > 0.99 and foot.max() < 2 * half[:2].min():
                onto = names[self._model.body(self._model.site_bodyid[site]).name]
                places.append((onto, self._data.site_xpos[site] - (0, 0, half[2])))
        for one in self._world.things:
            if one.kind == "object" and one != thing and np.all(foot < np.ptp(self._box(one), axis=0)[:2]):
                places.append((one, self._top(one)))
        free = [(onto, place) for onto, place in places if self._open_above(place)]
        return free[self._rng.integers(len(free))] if free else None

    def _box(self, thing: Thing) -> np.ndarray:
        """Lowest and highest corner (2, 3) in the world."""
        return np.array(bounding_box(self._model, self._data, self._body(thing), world=True))

    def _top(self, thing: Thing) -> np.ndarray:
        """The middle (3,) of the top of a thing's box in the world."""
        low, high = self._box(thing)
        return np.append((low + high)[:2] / 2, high[2])

    def _open_above(self, place: np.ndarray) -> bool:
        """Whether nothing but the robot is over a point (3,), where a hand comes from."""
        hit = np.zeros(1, np.int32)
        start = np.asarray(place, float) + (0, 0, CLEAR)
        distance = mujoco.mj_ray(self._model, self._data, start, np.array([0, 0, 1.0]), None, 1, -1, hit)
        return distance < 0 or distance > ROOF or bool(self._robot[hit[0]])

    def _within(self, part: Thing) -> list[int]:
        """Bodies of other things in the room that a part offers."""
        body, own = self._body(part), self._root(part)
        sites = [site for site, _ in self._world.arrangement.rooms if self._model.site_bodyid[site] == body]
        others = {self._body(one) for one in self._world.things if one.kind == "object"} - {own}
        return [other for other in others if any(self._contains(site, other) for site in sites)]

    def _contains(self, site: int, body: int) -> bool:
        """Whether the middle of a body's box is in a site."""
        middle = np.mean(bounding_box(self._model, self._data, body, world=True), axis=0)
        local = (middle - self._data.site_xpos[site]) @ self._data.site_xmat[site].reshape(3, 3)
        return bool((np.abs(local) < self._model.site_size[site]).all())

    def _carry(self, thing: Thing, drop: float = 0.0) -> Change:
        """The thing keeps its place in the hand over the next motion, at whose end it falls by `drop` [m]."""
        held = np.linalg.inv(self._state.tip) @ self._state.matrix(thing)

        def change() -> None:
            pose = self._state.tip @ held
            pose[2, 3] -= drop
            self._put(self._body(thing), pose)

        return change

    def _joint_change(self, part: Thing, amount: float) -> Change:
        """A joint goes on by an amount [m or rad], and what is in the part with it."""

        def change() -> None:
            inside, before = self._within(part), self._state.matrix(part)
            self._data.joint(part.body).qpos[0] += amount
            mujoco.mj_kinematics(self._model, self._data)
            moved = self._state.matrix(part) @ np.linalg.inv(before)
            for body in inside:
                self._put(body, moved @ self._pose(body))

        return change

    def _pose(self, body: int) -> np.ndarray:
        """(4, 4) of a body in the world."""
        return tip_at(self._data.xpos[body], self._data.xmat[body].reshape(3, 3))

    def _put(self, body: int, pose: np.ndarray) -> None:
        """Stand a thing's body at a pose (4, 4)."""
        self._model.body_pos[body] = pose[:3, 3]
        self._model.body_quat[body] = matrix_to_quaternion(pose[:3, :3])[[3, 0, 1, 2]]

    def _body(self, thing: Thing) -> int:
        return self._model.body(thing.body).id

    def _root(self, thing: Thing) -> int:
        """Body of the thing that a part belongs to."""
        return int(self._model.body_rootid[self._body(thing)])

    def _in_parts(self, motions: Iterator[Motion], part: Thing, angle: float) -> Act:
        """Motions along an arc, each of which turns the part by the same angle."""
        for one in motions:
            yield one, self._joint_change(part, angle / _count(angle))

    def _turned(self, part: Thing, point: np.ndarray, angle: float) -> np.ndarray:
        """A point (3,) taken with a part about its hinge."""
        return turned_about(tip_at(point, np.eye(3)), *self._state.hinge(part), angle)[:3, 3]

    def _front_grip(self, handle: Thing) -> np.ndarray:
        """A tip (4, 4) at a handle on a front that faces X, its fingers across the handle's narrower side."""
        low, high = bounding_box(self._model, self._data, self._body(handle))
        frame = self._state.matrix(handle)
        narrow = 1 if (high - low)[1] <= (high - low)[2] else 2
        hand = self._least_turned(_hand(-frame[:3, 0], frame[:3, narrow]))
        return tip_at(self._state.position(handle), hand)

    def _pointing(self, direction: np.ndarray) -> np.ndarray:
        """(3, 3) rotation of a level hand along a direction (3,), its fingers level."""
        level = direction * (1, 1, 0)
        return self._least_turned(_hand(level, np.cross((0, 0, 1.0), level)))

    def _least_turned(self, hand: np.ndarray) -> np.ndarray:
        """A rotation (3, 3) of the hand, or the same with its fingers exchanged: whichever turns the wrist less."""
        now, turned = self._state.tip[:3, :3], hand * (-1, -1, 1)
        return hand if (hand * now).sum() >= (turned * now).sum() else turned

    def _front_point(self, tray: Thing) -> np.ndarray:
        handle = self._handle(tray)
        return self._state.position(tray if handle is None else handle)

    def _handle(self, part: Thing) -> Thing | None:
        """The grip on a part."""
        own = self._model.body(part.body).id
        children = (
            one for one in self._world.things if self._model.body_parentid[self._model.body(one.body).id] == own
        )
        return next((one for one in children if one.name.endswith("handle")), None)

    def _done(self, part: Thing) -> float:
        """How far a part is open [m or rad]."""
        return float(self._state.joint(part) - self._model.joint(part.body).range[0])

    def _left(self, part: Thing) -> float:
        """How much further it opens [m or rad]."""
        return float(self._model.joint(part.body).range[1] - self._state.joint(part))


def _unchanged(motions: Iterator[Motion]) -> Act:
    for one in motions:
        yield one, _nothing


def _nothing() -> None:
    return None


def _count(angle: float) -> int:
    """Motions of an arc [rad]."""
    return min(MAX_MOTIONS, int(np.ceil(abs(angle) / STRIDE - 1e-9)))


def _hand(pointing: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(3, 3) tip rotation that points along a direction (3,), its fingers along another (3,)."""
    forward, fingers = pointing / np.linalg.norm(pointing), across / np.linalg.norm(across)
    return np.column_stack([np.cross(fingers, forward), fingers, forward])
