"""Pre-training: nothing of the benchmark in it, and scenes that are what they say."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import mujoco
import numpy as np
import pytest

from stages.geometry.arm import arm_capsules, outside_arm
from stages.geometry.cameras import deproject
from stages.geometry.canonical import CanonicalViews
from stages.geometry.workspace import TABLE_HEIGHT, WORKSPACE_CENTRE, inside_workspace
from stages.pretraining.procedural_samples import PAINTS, ProceduralSampler
from stages.pretraining.references import BESIDE, BIG, SMALL, Things
from stages.pretraining.samples import is_unambiguous
from stages.pretraining.scenes import ClutterScene, cloud_of, look
from stages.simulators.tabletop.bodies import geoms_below
from stages.simulators.tabletop.families import FURNITURE, NOUNS, SHAPES, SYNONYMS, add_thing
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
    observation, things = procedural_scene(rng, ["ball", "egg", "cone", "brick", "dome", "jug"], 5, 96)
    return observation, cloud_of(observation, things)


@cache
def scene_of(task: str, variation: int) -> Scene:
    """The scene of a variation."""
    one, rng = make_task(task, variation), np.random.default_rng(0)
    scene = Scene(new_world(), one.place(rng))
    one.build(scene, rng)
    return scene


def things_of(task: str, variation: int) -> set[str]:
    """Names of everything in a scene of a variation."""
    return {thing.name for thing in scene_of(task, variation).things}


@cache
def training_names() -> frozenset[str]:
    """Names of everything in the scenes of training and of L1."""
    pairs = {pair for level in ("train", "l1") for pair in LEVELS[level]}
    return frozenset(thing.name for pair in sorted(pairs) for thing in scene_of(*pair).things)


@cache
def drawn_things() -> tuple[tuple[str, Scene, mujoco.MjModel], ...]:
    """Several draws of every family, each in a scene of its own."""
    drawn = []
    for noun in SHAPES:
        for seed in range(DRAWS):
            scene = Scene(mujoco.MjSpec(), np.eye(4))
            add_thing(scene, noun, (1, 1, 1), np.zeros(4), np.random.default_rng(seed))
            drawn.append((noun, scene, scene.spec.compile()))
    return tuple(drawn)


def looks(model: mujoco.MjModel, body: str) -> tuple[dict[int, int], np.ndarray]:
    """How many visible shapes of each kind a body has with all below it, and its sorted extents (3,) [m]."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    root = model.body(body).id
    geoms = np.flatnonzero(geoms_below(model, root) & (model.geom_group < 3))
    signs = np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3)
    corners = model.geom_aabb[geoms, None, :3] + signs * model.geom_aabb[geoms, None, 3:]
    world = np.einsum("gij,gcj->gci", data.geom_xmat[geoms].reshape(-1, 3, 3), corners) + data.geom_xpos[geoms, None]
    own = world.reshape(-1, 3) @ data.xmat[root].reshape(3, 3)
    return Counter(model.geom_type[geoms].tolist()), np.sort(np.ptp(own, axis=0)) if len(geoms) else np.zeros(3)


def shapes_of(pairs: set[tuple[str, int]]) -> dict[tuple, tuple[dict[int, int], np.ndarray]]:
    """What `looks` says of everything in the scenes of variations, by name and looks to a millimetre."""
    found = {}
    for pair in sorted(pairs):
        scene = scene_of(*pair)
        model = scene.spec.compile()
        for thing in scene.things:
            kinds, extents = looks(model, thing.body)
            key = (thing.name, tuple(sorted(kinds.items())), *np.round(extents, 3).tolist())
            found[key] = kinds, extents
    return found


DRAWS = 8
"""Of every family."""

SHARED_NOUNS = {"ball"}
"""Nouns of pre-training that scenes of training and of tests have too."""

SHARED_PART_WORDS = {"handle", "door", "lid", "button", "shelf", "lower", "middle", "upper", "bottom", "top"}
"""Words of parts that scenes of training and of tests have too."""


def part_words() -> set[str]:
    """All words of parts of the families' things but their nouns."""
    scenes = [scene for _, scene, _ in drawn_things()]
    return words(" ".join(part.name.split(" ", 1)[1] for scene in scenes for part in scene.things[1:]))


@pytest.mark.parametrize("task,variation", TEST_VARIATIONS)
def test_no_word_of_a_test_scene_is_one_of_pre_training(task, variation):
    said = words(" ".join(thing.name for thing in scene_of(task, variation).things))
    assert not said & set(NOUNS) - SHARED_NOUNS
    assert not said & part_words() - SHARED_PART_WORDS


def test_words_that_are_shared_with_tests_are_words_of_training():
    assert words(" ".join(training_names())) >= SHARED_NOUNS | SHARED_PART_WORDS


def test_every_word_means_one_family():
    assert len(set(NOUNS)) == len(NOUNS) and all(noun.isalpha() for noun in NOUNS)
    assert set(SYNONYMS) <= set(SHAPES) and set(SHAPES) > FURNITURE


def test_nothing_is_shaped_like_a_thing_that_only_tests_have():
    """Kinds and numbers of shapes, or one of the extents, differ by more than 5 %."""
    known = shapes_of({pair for level in ("train", "l1") for pair in LEVELS[level]})
    tested = {key: shape for key, shape in shapes_of(set(TEST_VARIATIONS)).items() if key not in known}
    assert tested
    for noun, scene, model in drawn_things():
        kinds, extents = looks(model, scene.things[0].body)
        for (name, *_), (their_kinds, their_extents) in tested.items():
            alike = kinds == their_kinds and np.all(np.abs(extents - their_extents) < 0.05 * their_extents)
            assert not alike, f"{noun} is shaped like {name}"


def test_things_are_as_large_as_a_table_allows_and_parts_are_touched_near_their_shapes():
    for noun, scene, model in drawn_things():
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        _, extents = looks(model, scene.things[0].body)
        assert 0.004 < extents[0] and extents[2] < 0.6, noun
        for part in scene.things[1:]:
            _, own = looks(model, part.body)
            body = data.body(part.body)
            anchor = body.xmat.reshape(3, 3) @ part.anchor + body.xpos
            distances = np.linalg.norm(data.geom_xpos[geoms_below(model, body.id)] - anchor, axis=1)
            assert distances.min() < 0.02 + 0.75 * own[2], part.name


def test_scenes_lie_in_the_workspace_and_above_the_table():
    inside = []
    for seed in range(12):
        _, things = procedural_scene(np.random.default_rng(seed), list(SHAPES), 6, 32)
        places = np.array([thing.position for thing in things])
        assert places[:, 2].min() > TABLE_HEIGHT - 0.005
        inside.append(inside_workspace(places))
    assert np.concatenate(inside).mean() > 0.97


def references(things: Things, seed: int = 0) -> dict[str, dict[str, list[float]]]:
    found = things.references(np.random.default_rng(seed))
    return {kind: {phrase: place.tolist() for phrase, place in phrases.items()} for kind, phrases in found.items()}


def test_things_are_told_apart_by_what_is_true_of_them():
    positions = np.array([[0.2, 0.3, 0.8], [0.2, -0.3, 0.8], [0.3, -0.28, 0.8]])
    things = Things(("red", "red", "blue"), ("ball", "ball", "cone"), positions, np.array([0.05, 0.1, 0.1]))
    left, right, cone = (place.tolist() for place in positions)
    for seed in range(10):
        found = references(things, seed)
        assert found["colour"] == {"blue cone": cone} and found["noun"] == {"cone": cone}
        sides = {"left ball": left, "leftmost ball": left, "right ball": right, "rightmost ball": right}
        assert found["side"] == sides
        words = {word: right for word in BIG} | {word: left for word in SMALL}
        assert len(found["size"]) == 2
        assert all(place == words[phrase.removesuffix(" ball")] for phrase, place in found["size"].items())
        ((near, place),) = found["near"].items()
        assert place == right and near in {f"ball {word} the blue cone" for word in BESIDE}


def test_things_of_nameless_colours_go_by_their_nouns():
    positions = np.array([[0.2, 0.3, 0.8], [0.2, -0.3, 0.8]])
    found = references(Things(("", ""), ("ball", "cone"), positions, np.array([0.05, 0.1])))
    assert found["noun"].keys() == {"ball", "cone"} and not found["colour"]


def test_the_middle_one_of_three_is_between_the_others():
    places = np.array([[0.2, 0.0, 0.9], [0.2, 0.01, 1.1], [0.21, 0.0, 1.0]])
    rows = [Things(("red",) * 3, ("ball",) * 3, np.roll(places, axis, axis=1), np.full(3, 0.1)) for axis in range(3)]
    assert all(references(row)["side"]["middle ball"] == row.positions[2].tolist() for row in rows)
    upright = references(rows[0])["side"]
    assert upright["top ball"] == places[1].tolist() and upright["bottom ball"] == places[0].tolist()
    places[2, 2] = 1.07
    assert "middle ball" not in references(Things(("red",) * 3, ("ball",) * 3, places, np.full(3, 0.1)))["side"]


def test_what_is_held_is_what_is_at_the_grippers_tip():
    seen = 0
    for seed in range(40):
        observation, things = procedural_scene(np.random.default_rng(seed), list(SHAPES), 4, 96)
        cloud = cloud_of(observation, things)
        if cloud.held is None:
            continue
        seen += 1
        own = cloud.points[np.isin(cloud.ids, 1 + np.flatnonzero(cloud.owners == cloud.held))].astype(float)
        distance = np.linalg.norm(own + WORKSPACE_CENTRE - observation.gripper_pose[:3], axis=1).min()
        assert distance < 0.03
        shown = look(np.random.default_rng(seed), cloud, PAINTS, CanonicalViews(), 0.0)
        assert all(phrase.startswith("grasped ") for phrase in shown.phrases.get("held", ()))
    assert seen >= 2


def test_parts_are_spoken_of_with_their_thing():
    whole = {word for noun in ("locker", "jug") for word in (noun, *SYNONYMS.get(noun, ()))}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        observation, things = procedural_scene(rng, ["locker", "jug"], 3, 64)
        cloud = cloud_of(observation, things)
        for index, (owner, noun) in enumerate(zip(cloud.owners, cloud.nouns, strict=True)):
            assert noun.startswith(cloud.nouns[owner]) and (owner == index) == (noun in whole)
        if "locker handle" in cloud.nouns:
            handle = cloud.positions[cloud.nouns.index("locker handle")]
            assert np.linalg.norm(handle - cloud.positions[cloud.nouns.index("locker")]) < 0.5
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
        for phrase, place in shown.phrases["colour"].items():
            pixel = views.project(place)[0]
            if phrase.split()[-1] in with_parts:
                continue  # a part may hide it
            column, row = pixel.astype(int)
            patch = shown.views[0, max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4, :3].reshape(-1, 3) / 255
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
    source = ProceduralSampler([cloud], CanonicalViews(), {"locate": 0.5, "decide": 0.5})
    samples = list(source.batch(0, 0, 12))
    assert {bool(sample.request) for sample in samples} == {True, False}
    assert all(sample.answer.count("<|keypoint|>") == len(sample.points) for sample in samples)


def test_steps_are_said_only_of_phrases_that_are_read_back():
    assert is_unambiguous("left red block") and is_unambiguous("cup in front of the box")
    assert not is_unambiguous("cup next to the box")


def test_pixels_are_labelled_with_what_is_there(scene):
    """Pixels of a paint's label show that paint, and every label's words are in the vocabularies."""
    _, cloud = scene
    shown_right, shown = 0, 0
    for sample in ProceduralSampler([cloud], CanonicalViews(), {"locate": 1.0}).batch(0, 0, 12):
        pixels = sample.pixels
        assert (pixels.classes()[:, :2] >= 0).all() and pixels.classes()[0, 0] == 0
        for label, (_, _, paint) in enumerate(pixels.words):
            colours = sample.views[pixels.labels == label][:, :3] / 255
            if paint and len(colours) > 20:
                reflected = np.clip(np.array(PAINTS[paint]), 0.05, 1)
                shade = np.median(colours, axis=0) @ reflected / (reflected @ reflected)
                shown += 1
                shown_right += np.abs(np.median(colours, axis=0) - shade * reflected).max() < 0.12
    assert shown > 20 and shown_right / shown > 0.9


def test_what_is_said_not_to_be_there_is_not(scene):
    _, cloud = scene
    for seed in range(20):
        shown = look(np.random.default_rng(seed), cloud, PAINTS, CanonicalViews(), 0.05)
        assert not set(shown.absent) & {*shown.places, *shown.things.names, *shown.things.nouns}
