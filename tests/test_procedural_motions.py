"""Motions in procedural scenes: what is held or worked follows the hand, and what is shut is shut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.progress import silent
from stages.geometry.poses import pose_to_matrix, rotation_angle
from stages.predictor.data import MotionExample
from stages.predictor.predictor import FinePredictor
from stages.pretraining.motions import examples_of, render_motions
from stages.pretraining.motions import played as played_scene
from stages.settings.fine import FineConfig
from stages.simulators.tabletop.families import SHAPES
from stages.simulators.tabletop.families.arrangement import bounding_box
from stages.simulators.tabletop.procedural import ProceduralWorld, paint, procedural_world
from stages.simulators.tabletop.procedural_motions import STRIDE, WIDEST_GRASP, Acts, SeenMotion, play
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.state import State

SIZE = 16
SMALL = FineConfig(
    base="", image_size=64, width=32, depth=1, heads=2, batch_size=4, steps=3, warmup=1, precision="float32"
)


def worlds(nouns: list[str], count: int, number: int = 40) -> Iterator[tuple[ProceduralWorld, Acts]]:
    """Scenes of `count` things each."""
    for seed in range(number):
        rng = np.random.default_rng(seed)
        world = procedural_world(rng, nouns, count, held=0.0)
        yield world, Acts(world, rng)


def played(nouns: list[str], name: str, count: int = 1) -> list[tuple[ProceduralWorld, Thing, list[SeenMotion], float]]:
    """The act called `name` wherever it can be done: world, part, motions as far as reached, and how far the joint was
    open at first."""
    found = []
    for world, acts in worlds(nouns, count):
        for act in acts.on_parts():
            if act.func.__name__ == name:
                (part,) = act.args
                before = opened(world, part)
                found.append((world, part, play(world, act(), SIZE), before))
                break
    assert len(found) >= 3
    return found


def opened(world: ProceduralWorld, part: Thing) -> float:
    return float(world.data.joint(part.body).qpos[0] - world.model.joint(part.body).range[0])


def tips(seen: list[SeenMotion]) -> np.ndarray:
    return np.array([pose_to_matrix(one.motion.action[:7]) for one in seen])


def test_a_drawer_comes_out_as_far_as_the_hand_goes_back() -> None:
    whole = 0
    for world, tray, seen, before in played(["dresser", "nightstand"], "_pull_out"):
        if len(seen) == 3:
            whole += 1
            way = tips(seen)[2, :3, 3] - tips(seen)[1, :3, 3]
            front = State(world.model, world.data).matrix(tray)[:3, 0]
            assert np.allclose(way, (opened(world, tray) - before) * front, atol=1e-6)
            assert [str(one.motion.step).split()[0] for one in seen] == ["grasp", "grasp", "pull"]
            assert [one.index for one in seen] == [0, 1, 0]
    assert whole


def test_a_handle_stays_in_the_hand_along_its_arc() -> None:
    """The hand and the leaf turn about the hinge together."""
    arcs = 0
    for world, leaf, seen, before in played(["locker", "hutch", "wardrobe", "kiosk"], "_swing_open"):
        for first, second in zip(seen[1:], seen[2:], strict=False):
            arcs += 1
            turn = rotation_angle(*tips([first, second])[:, :3, :3])
            assert 0 < turn <= STRIDE + 1e-6
        if len(seen) > 2:
            turned = rotation_angle(*tips([seen[1], seen[-1]])[:, :3, :3])
            assert turned == pytest.approx(opened(world, leaf) - before, abs=1e-6)
            state = State(world.model, world.data)
            pivot, axis = state.hinge(leaf)
            radii = [np.linalg.norm(np.cross(tip[:3, 3] - pivot, axis)) for tip in tips(seen[1:])]
            assert np.ptp(radii) < 1e-6
    assert arcs


@pytest.mark.parametrize(
    ("nouns", "name"),
    [
        (["dresser", "nightstand"], "_push_in"),
        (["locker", "hutch"], "_swing_shut"),
        (["bin", "trunk"], "_push_down_lid"),
    ],
)
def test_what_is_pushed_to_the_end_is_shut(nouns: list[str], name: str) -> None:
    shut = 0
    act = "_lower_lid" if name == "_push_down_lid" else name
    for world, part, seen, before in played(nouns, act):
        assert 0 <= opened(world, part) + 1e-9 and opened(world, part) <= before + 1e-9
        shut += abs(opened(world, part)) < 1e-6 and bool(seen)
    assert shut


def test_what_is_taken_fits_between_the_fingers_and_comes_along() -> None:
    lifted = released = 0
    for world, acts in worlds(["brick", "egg", "jug", "cone"], 3):
        for act in acts.on_things()[:1]:
            (thing,) = act.args
            body = world.model.body(thing.body).id
            lows = {body: bounding_box(world.model, world.data, body, world=True)[0][2]}
            seen = play(world, act(), SIZE)
            if len(seen) < 3:
                continue
            assert tips(seen)[0, 2, 3] > tips(seen)[1, 2, 3] < tips(seen)[2, 2, 3]
            box = bounding_box(world.model, world.data, body, world=True)
            rise = tips(seen)[-1, 2, 3] - tips(seen)[1, 2, 3]
            if seen[-1].motion.step.action == "lift":
                lifted += 1
                assert box[0][2] - lows[body] == pytest.approx(rise, abs=1e-5)
            elif seen[-1].motion.step.action == "release" and seen[-1].index == 1:
                released += 1
                keypoint = seen[-1].motion.keypoint
                assert np.allclose(np.mean(box, axis=0)[:2], keypoint[:2], atol=0.05)
                assert box[0][2] == pytest.approx(keypoint[2], abs=1e-5)
    assert lifted and released > 3


def test_the_fingers_close_to_the_width_of_what_they_take() -> None:
    """Along the tip's Y, on either side of the thing; the hand opens again at the end."""
    closed = 0
    for world, acts in worlds(["brick", "egg", "jug", "cone"], 3):
        for act in acts.on_things()[:1]:
            taken = [one for one in play(world, act(), SIZE) if one.motion.step.action == "lift"]
            for one in taken:
                closed += 1
                assert 0.0 < one.observation.gripper_open * 0.08 <= WIDEST_GRASP
                assert not one.observation.is_open
    assert closed > 3


def test_what_lies_in_a_drawer_goes_with_it() -> None:
    """A brick put into an open drawer keeps its place in it when that is pushed in."""
    for world, acts in worlds(["dresser", "nightstand", "brick"], 4, 60):
        for act in acts.on_parts():
            (tray,) = act.args
            if act.func.__name__ != "_push_in" or not (inside := acts._within(tray)):
                continue
            state = State(world.model, world.data)
            before = [np.linalg.inv(state.matrix(tray)) @ acts._pose(body) for body in inside]
            if len(play(world, act(), SIZE)) < 2:
                continue
            after = [np.linalg.inv(state.matrix(tray)) @ acts._pose(body) for body in inside]
            assert opened(world, tray) == pytest.approx(0, abs=1e-6)
            assert np.allclose(before, after, atol=1e-6)
            return
    pytest.fail("no drawer had anything in it")


def test_nothing_is_taken_from_under_a_roof() -> None:
    for world, acts in worlds(["shelf" if "shelf" in SHAPES else "bookcase", "brick", "egg"], 5, 15):
        for act in acts.on_things():
            (thing,) = act.args
            low, high = bounding_box(world.model, world.data, world.model.body(thing.body).id, world=True)
            start, geom = np.append((low + high)[:2] / 2, high[2] + 0.006), np.zeros(1, np.int32)
            distance = mujoco.mj_ray(world.model, world.data, start, np.array([0, 0, 1.0]), None, 1, -1, geom)
            robot = world.model.body("link0").id
            hit_robot = distance >= 0 and world.model.body_rootid[world.model.geom_bodyid[geom[0]]] == robot
            assert distance < 0 or distance > 0.25 or hit_robot


def test_the_hand_is_where_the_motion_before_took_it() -> None:
    for _, _, seen, _ in played(["dresser", "hutch", "trunk"], "_pull_out"):
        for first, second in zip(seen, seen[1:], strict=False):
            assert np.allclose(second.observation.gripper_pose[:3], first.motion.action[:3], atol=1e-4)
            assert second.observation.is_open == bool(first.motion.action[7])


def test_paint_gives_things_colours_and_keeps_shades() -> None:
    world = next(worlds(["dresser"], 1))[0]
    before = world.model.geom_rgba.copy()
    paint(np.random.default_rng(0), world)
    ids = [world.model.body(thing.body).id for thing in world.things]
    painted = np.isin(world.model.geom_bodyid, ids)
    assert np.array_equal(world.model.geom_rgba[~painted], before[~painted])
    ratio = world.model.geom_rgba[painted, :3] / before[painted, :3]
    for body in ids:
        own = ratio[world.model.geom_bodyid[painted] == body]
        assert np.allclose(own, own[0], atol=1e-6)
    assert np.ptp(ratio) > 0.1
    mujoco.mj_forward(world.model, world.data)


def test_motions_survive_their_files_and_are_used_again(tmp_path: Path) -> None:
    arguments = (3, SMALL, SIZE, 5, tmp_path, 1, silent)
    first, stamps = render_motions(*arguments), {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = render_motions(*arguments)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} and len(stamps) == 3
    other = render_motions(*arguments[:4], tmp_path / "other", 1, silent)
    rng = np.random.default_rng([5, 0, 3])  # as the first scene is drawn
    source = examples_of(played_scene(rng, SIZE), SMALL)
    assert source and len(source) <= len(first)
    for made, kept in zip(source, first, strict=False):
        assert (made.step, made.motion_index, made.gripper_open) == (kept.step, kept.motion_index, kept.gripper_open)
        assert np.array_equal(made.action, kept.action) and np.array_equal(made.gripper_pose, kept.gripper_pose)
        assert np.allclose(made.cloud.points, kept.cloud.points, atol=5e-4)
        assert np.array_equal(made.cloud.colours, kept.cloud.colours)
        assert np.array_equal(made.cloud.cameras, kept.cloud.cameras)
    assert first and len(first) == len(again) == len(other)
    for one, two, three in zip(first, again, other, strict=True):
        for example in (two, three):
            assert example.step == one.step and np.array_equal(example.action, one.action)
            assert np.array_equal(example.cloud.points, one.cloud.points)
    assert all(isinstance(example, MotionExample) for example in first)
    assert all(np.abs(example.cloud.points - example.keypoint).max() < 0.5 for example in first)


def test_training_begins_with_the_weights_of_its_base(tmp_path: Path) -> None:
    base = FinePredictor.create(SMALL)
    base.save_pretrained(tmp_path / "base")
    config = replace(SMALL, base=str(tmp_path / "base"), learning_rate=0.1)
    own = FinePredictor.create(config).network.state_dict()
    assert all(np.array_equal(value, own[name]) for name, value in base.network.state_dict().items())
    with pytest.raises(UserError, match=r"depth is 2, but 1 in the base"):
        FinePredictor.create(replace(config, depth=2))
    with pytest.raises(UserError, match="no fine predictor"):
        FinePredictor.create(replace(config, base=str(tmp_path / "nothing")))
