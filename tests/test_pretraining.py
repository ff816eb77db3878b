"""Pre-training: nothing of the benchmark in it, and scenes that are what they say."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest

from stages.geometry.arm import arm_capsules, outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.canonical import CanonicalViews
from stages.pretraining.exchanges import decide_exchange, locate_exchange, plan_exchange
from stages.pretraining.language import compose, random_phrases
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.pretraining.words import ADJECTIVES, CONTAINERS, NOUNS, SHAPES, SIDES
from stages.simulators.tabletop.clutter import SHAPES as BUILDERS
from stages.simulators.tabletop.colours import COLOURS, PALETTE
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
    observation, things = procedural_scene(rng, list(BUILDERS), 5, 96)
    positions = np.array([thing.position for thing in things])
    names = tuple(thing.name for thing in things)
    return observation, cloud_of(observation, names, np.array([thing.mask_id for thing in things]), positions)


def things_of(task: str, variation: int) -> set[str]:
    """Names of everything in a scene of a variation."""
    one, rng = make_task(task, variation), np.random.default_rng(0)
    scene = Scene(new_world(), one.place(rng))
    one.build(scene, rng)
    return {thing.name for thing in scene.things}


SHARED = {"ball", "cabinet", *COLOURS, *SIDES, *ADJECTIVES}
"""What pre-training may have of the benchmark: colours, sides, and two things that its training scenes have too."""


@pytest.fixture(scope="module")
def vocabulary() -> set[str]:
    """Every word that a composed instruction can have."""
    rng = np.random.default_rng(1)
    texts = [compose(rng, random_phrases(rng, COLOURS, 5), 3)[0] for _ in range(3000)]
    return words(" ".join((*texts, *NOUNS, *CONTAINERS, *COLOURS, *SIDES, *ADJECTIVES)))


def test_every_seen_noun_can_be_built():
    assert set(SHAPES) == set(BUILDERS)


@pytest.mark.parametrize("task,variation", TEST_VARIATIONS)
def test_nothing_of_a_test_variation_is_known(task, variation, vocabulary):
    """No thing of its scene is named, and each of its instructions has a word that cannot be composed."""
    known = words(" ".join((*NOUNS, *CONTAINERS))) - SHARED
    assert not words(" ".join(things_of(task, variation))) & known
    for instruction in make_task(task, variation).instructions() + make_task(task, variation).novel_instructions():
        assert words(instruction) - vocabulary, instruction


def test_the_arm_is_taken_out_of_the_cloud_and_the_things_are_not(scene):
    observation, cloud = scene
    bare = 0
    for name in ("left_shoulder", "right_shoulder", "front"):
        frame = observation.cameras[name]
        points = deproject(frame.depth, frame.intrinsics, frame.camera_to_world).reshape(-1, 3)
        keep, thing = outside_arm(points, observation.joint_positions), frame.mask.reshape(-1) > 0
        assert keep[thing].mean() > 0.98
        high = (points[:, 2] > 1.0) & (points[:, 0] < 0.6) & ~thing & (frame.depth.reshape(-1) > 0)
        bare += np.sum(high & ~keep) / max(1, np.sum(high))
    assert bare / 3 > 0.8
    assert (cloud.ids > 0).any()


def test_capsules_follow_the_first_joint():
    still, turned = (arm_capsules(np.array([angle, 0.2, 0, -0.9, 0, 1.2, 0.8]))[0] for angle in (0.0, np.pi / 2))
    foot = still[0, 0]
    relative, expected = turned - foot, still - foot
    assert np.allclose(relative[..., 0], -expected[..., 1], atol=1e-9)
    assert np.allclose(relative[..., 1], expected[..., 0], atol=1e-9)


def test_a_look_moves_the_places_with_the_points(scene):
    _, cloud = scene
    views = CanonicalViews()
    for seed in range(5):
        shown = look(np.random.default_rng(seed), cloud, PALETTE, views, 0.05)
        for phrase, pixel in zip(shown.phrases, views.project(shown.positions)[0], strict=True):
            column, row = pixel.astype(int)
            patch = shown.views[0, max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].reshape(-1, 3) / 255
            paint = np.clip(np.array(PALETTE[phrase.split()[0]]), 0.05, 1)
            shade = patch @ paint / (paint @ paint)
            assert np.abs(patch - shade[:, None] * paint).max(axis=1).min() < 0.1, phrase


def test_scenes_survive_their_file(scene, tmp_path):
    _, cloud = scene
    cloud.save(tmp_path / "scene.npz")
    back = ClutterScene.load(tmp_path / "scene.npz")
    assert back.nouns == cloud.nouns and np.array_equal(back.points, cloud.points)


def test_exchanges_point_as_often_as_they_say(scene):
    _, cloud = scene
    shown = look(np.random.default_rng(1), cloud, PALETTE, CanonicalViews(), 0.05)
    for draw in (locate_exchange, decide_exchange, partial(plan_exchange, colours=COLOURS, views=shown.views)):
        rng = np.random.default_rng(2)
        exchange = draw(rng) if isinstance(draw, partial) else draw(rng, shown)
        assert exchange.answer.count("<|keypoint|>") == len(exchange.points)
