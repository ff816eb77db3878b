"""Pre-training: nothing of the benchmark in it, and scenes that are what they say."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest

from stages.geometry.arm import arm_capsules, outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.canonical import CanonicalViews
from stages.pretraining.procedural_samples import PAINTS
from stages.pretraining.references import Things
from stages.pretraining.samples import decide_sample, list_sample, locate_sample
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.simulators.tabletop.families import SHAPES
from stages.simulators.tabletop.procedural import procedural_scene
from stages.simulators.tabletop.scene import Scene
from stages.simulators.tabletop.tasks import LEVELS, make_task
from stages.simulators.tabletop.world import new_world

TEST_VARIATIONS = sorted({pair for level in ("l2", "l3", "l4") for pair in LEVELS[level]})


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(3)
    observation, things = procedural_scene(rng, list(SHAPES), 5, 96)
    return observation, cloud_of(observation, things)


def things_of(task: str, variation: int) -> set[str]:
    """Names of everything in a scene of a variation."""
    one, rng = make_task(task, variation), np.random.default_rng(0)
    scene = Scene(new_world(), one.place(rng))
    one.build(scene, rng)
    return {thing.name for thing in scene.things}


SHARED = {"ball", "handle"}
"""Shapes of pre-training that training scenes have too."""


@pytest.mark.parametrize("task,variation", TEST_VARIATIONS)
def test_no_thing_of_a_test_scene_is_a_shape_of_pre_training(task, variation):
    things = words(" ".join(things_of(task, variation)))
    assert not things & set(SHAPES) - SHARED


def test_things_are_told_apart_by_what_is_true_of_them():
    positions = np.array([[0.2, 0.3, 0.8], [0.2, -0.3, 0.8], [0.3, -0.28, 0.8]])
    things = Things(("red", "red", "blue"), ("ball", "ball", "cone"), positions, np.array([0.05, 0.1, 0.1]))
    found = {phrase: place.tolist() for phrase, place in things.references().items()}
    left, right, cone = (place.tolist() for place in positions)
    assert found == {
        "blue cone": cone,
        "cone": cone,
        "left ball": left,
        "right ball": right,
        "big ball": right,
        "small ball": left,
        "ball by the blue cone": right,
    }


def test_the_middle_one_of_three_is_between_the_others():
    places = np.array([[0.2, 0.0, 0.9], [0.2, 0.01, 1.1], [0.21, 0.0, 1.0]])
    rows = [Things(("red",) * 3, ("ball",) * 3, np.roll(places, axis, axis=1), np.full(3, 0.1)) for axis in range(3)]
    assert all(np.array_equal(row.references()["middle ball"], row.positions[2]) for row in rows)
    upright = rows[0].references()
    assert np.array_equal(upright["top ball"], places[1]) and np.array_equal(upright["bottom ball"], places[0])
    places[2, 2] = 1.07
    assert "middle ball" not in Things(("red",) * 3, ("ball",) * 3, places, np.full(3, 0.1)).references()


def test_parts_are_spoken_of_with_their_thing(scene):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        observation, things = procedural_scene(rng, ["locker", "jug"], 3, 64)
        cloud = cloud_of(observation, things)
        for index, (owner, noun) in enumerate(zip(cloud.owners, cloud.nouns, strict=True)):
            assert noun.startswith(cloud.nouns[owner]) and (owner == index) == (noun in ("locker", "jug"))
        if "locker handle" in cloud.nouns:
            handle = cloud.positions[cloud.nouns.index("locker handle")]
            assert np.linalg.norm(handle - cloud.positions[cloud.nouns.index("locker")]) < 0.4
            return
    raise AssertionError("no locker in forty scenes")


def test_the_arm_is_taken_out_of_the_cloud_and_the_things_are_not(scene):
    observation, cloud = scene
    bare, all_high = 0, 0
    for name in ("left_shoulder", "right_shoulder", "front"):
        frame = observation.cameras[name]
        points = deproject(frame.depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
        keep, thing = outside_arm(points, observation.joint_positions), frame.mask.reshape(-1) > 0
        assert keep[thing].mean() > 0.98
        high = (points[:, 2] > 1.0) & (points[:, 0] < 0.6) & ~thing & (frame.depth.reshape(-1) > 0)
        bare, all_high = bare + np.sum(high & ~keep), all_high + np.sum(high)
    assert all_high > 20 and bare / all_high > 0.8
    assert (cloud.ids > 0).any()


def test_capsules_follow_the_first_joint():
    still, turned = (arm_capsules(np.array([angle, 0.2, 0, -0.9, 0, 1.2, 0.8]))[0] for angle in (0.0, np.pi / 2))
    foot = still[0, 0]
    relative, expected = turned - foot, still - foot
    assert np.allclose(relative[..., 0], -expected[..., 1], atol=1e-9)
    assert np.allclose(relative[..., 1], expected[..., 0], atol=1e-9)


def test_a_look_moves_the_places_with_the_points(scene):
    """The paint of a thing is found where it is said to be, seen from above."""
    _, cloud = scene
    views, right = CanonicalViews(), []
    with_parts = {noun.split()[0] for noun in cloud.nouns if " " in noun}
    for seed in range(16):
        shown = look(np.random.default_rng(seed), cloud, PAINTS, views, 0.05)
        for phrase, pixel in zip(shown.phrases, views.project(shown.positions)[0], strict=True):
            if phrase not in shown.things.names or phrase.split()[-1] in with_parts:
                continue  # a part may hide it
            column, row = pixel.astype(int)
            patch = shown.views[0, max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].reshape(-1, 3) / 255
            paint = np.clip(np.array(PAINTS[phrase.split()[0]]), 0.05, 1)
            shade = patch @ paint / (paint @ paint)
            right.append(np.abs(patch - shade[:, None] * paint).max(axis=1).min() < 0.12)
    assert len(right) > 10 and np.mean(right) > 0.9


def test_scenes_survive_their_file(scene, tmp_path):
    _, cloud = scene
    cloud.save(tmp_path / "scene.npz")
    back = ClutterScene.load(tmp_path / "scene.npz")
    assert back.nouns == cloud.nouns and np.array_equal(back.points, cloud.points)


def test_exchanges_point_as_often_as_they_say(scene):
    _, cloud = scene
    shown = look(np.random.default_rng(1), cloud, PAINTS, CanonicalViews(), 0.05)
    draws = [partial(draw, scene=shown) for draw in (locate_sample, list_sample, decide_sample)]
    for draw in draws:
        sample = draw(np.random.default_rng(2))
        assert sample.answer.count("<|keypoint|>") == len(sample.points)
