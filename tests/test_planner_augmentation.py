"""Augmentation: what is said of a scene stays true, and nothing that is kept for testing is ever said."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.steps import parse_step
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import fuse_labelled
from stages.geometry.workspace import TABLE_HEIGHT, WORKSPACE_CENTRE
from stages.planner.hand import UNSEEN
from stages.planner.prompts import KEYPOINT, NEXT, NOW, OBJECTS, STILL, Memory, plan_phrases
from stages.planner.renaming import InstructedPlan, replace_words, told_apart
from stages.planner.training import augmentation
from stages.planner.training.augmentation import CARRIERS, FEWEST_POINTS, PIVOT, LabelledCloud, Paints, Thing
from stages.planner.training.keyframes import Keyframe
from stages.planner.training.sampler import PlannerSampler
from stages.settings.vlm import VlmConfig
from stages.simulators import make_simulator
from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS
from stages.simulators.tabletop.tasks import LEVELS, make_task

PAINTS = Paints(PALETTE, RARE_COLOURS)

TAKE = "grasp the {0}; lift the grasped {0}"
PUT = f"{TAKE}; move the grasped {{0}} to the {{1}}; release the grasped {{0}} at the {{1}}"
SCREW = f"{TAKE}; move the grasped {{0}} to the {{1}}; rotate the grasped {{0}}; release the grasped {{0}} at the {{1}}"
PULL = "grasp the {0}; pull the grasped {0}"
PLANS = {
    "close_fridge": ("push the upper fridge door", {0: ""}),
    "close_jar_peract": (SCREW.format("lid", "{} jar"), {15: "azure", 16: "violet"}),
    "close_laptop_lid": ("push the laptop lid", {0: ""}),
    "close_microwave": ("push the microwave door", {0: ""}),
    "light_bulb_in_peract": (SCREW.format("{0} light bulb", "lamp socket"), {17: "rose", 19: "white"}),
    "open_box": (PULL, {0: "box lid"}),
    "open_door": ("grasp the {0}; rotate the grasped {0}; push the {0}", {0: "door handle"}),
    "open_drawer": (PULL, {0: "bottom drawer handle", 2: "top drawer handle"}),
    "pick_and_lift": (
        f"{TAKE}; move the grasped {{0}} to the red ball",
        {0: "red block", 2: "lime block", 7: "cyan block"},
    ),
    "pick_up_cup": (TAKE, {8: "magenta cup", 9: "silver cup", 11: "orange cup"}),
    "push_button": ("push the {} button", {0: "maroon", 3: "navy", 4: "yellow"}),
    "put_groceries_in_cupboard": (PUT.format("{0}", "cupboard"), {0: "crackers box", 3: "soup can"}),
    "put_money_in_safe": (PUT.format("bank notes", "{0} shelf"), {0: "bottom", 1: "middle"}),
    "reach_and_drag_peract": (
        f"{TAKE.format('stick')}; move the grasped stick to the cube; move the grasped stick to the {{}} square",
        {14: "teal", 18: "black"},
    ),
    "slide_block_to_color_target_peract": ("slide the red block to the {} square", {0: "green", 1: "blue"}),
    "stack_blocks": (
        "; ".join(2 * [PUT.format("{0}", "green square")]),
        {30: "gray block", 36: "olive block", 39: "purple block"},
    ),
}
"""Plans of the training variations as the experts follow them, and what differs between a task's variations."""


def plan_of(task: str, variation: int) -> tuple[str, ...]:
    pattern, words = PLANS[task]
    return tuple(re.sub(r"\{0?\}", words[variation], pattern).split("; "))


TRAINING = [
    InstructedPlan(instruction, plan_of(task, variation))
    for task, variation in LEVELS["train"]
    for instruction in make_task(task, variation).instructions()
]
SEEN = {told.instruction for told in TRAINING}
KNOWN_PHRASES = {phrase for told in TRAINING for phrase in plan_phrases(told.plan)}
TEST_VARIATIONS = sorted({pair for level in ("l2", "l3", "l4") for pair in LEVELS[level]})
TEST_ONLY = {text for pair in TEST_VARIATIONS for text in make_task(*pair).instructions()} - SEEN
NOVEL = {text for pair in [*LEVELS["train"], *TEST_VARIATIONS] for text in make_task(*pair).novel_instructions()}

SHOWN = [
    ("push_button", 3),
    ("stack_blocks", 36),
    ("light_bulb_in_peract", 17),
    ("pick_and_lift", 2),
    ("pick_up_cup", 8),
]


@pytest.fixture(scope="module")
def frames() -> list[Keyframe]:
    """The first keyframes of some training variations."""
    simulator = make_simulator("tabletop", image_size=96)
    found = [first_keyframe(simulator, number, *pair) for number, pair in enumerate(SHOWN)]
    simulator.close()
    return found


def first_keyframe(simulator, number: int, task: str, variation: int) -> Keyframe:
    instructions, observation = simulator.reset(task, variation, number)
    points, colours, masks, cameras = fuse_labelled(observation)
    truth, motion = simulator.truth(), next(iter(simulator.expert()))
    numbers = np.zeros(256, np.uint8)
    numbers[[thing.mask_id for thing in truth]] = np.arange(1, len(truth) + 1)
    plan = plan_of(task, variation)
    return Keyframe(
        points=(points - WORKSPACE_CENTRE).astype(np.float16),
        colours=colours,
        labels=numbers[masks],
        cameras=cameras,
        things=tuple(Thing(thing.name, thing.kind, thing.position) for thing in truth),
        instructions=tuple(instructions),
        plan=plan,
        memory=Memory(),
        gripper_open=True,
        hand=UNSEEN.at(observation),
        step_index=plan.index(str(motion.step)),
        keypoint=motion.keypoint,
        objects={thing.name: thing.position for thing in reversed(truth)},
        taskvar=f"{task}+{variation}",
        episode=number,
        index=0,
    )


def whole(frame: Keyframe) -> LabelledCloud:
    return frame.scene(np.arange(len(frame.points)))


# Scenes


def test_repainted_things_show_the_colour_that_they_are_called_by(frames):
    rng, renamed_things = np.random.default_rng(0), 0
    for frame in frames:
        scene = whole(frame)
        points = augmentation.paintable(scene, PAINTS)
        renamed = dict(zip(sorted(points), rng.permutation(list(RARE_COLOURS)).tolist(), strict=False))
        after = augmentation.repainted(scene, points, renamed, PAINTS)
        names = {thing.name for thing in after.things}
        untouched = np.ones(len(scene.labels), bool)
        for label, (old, new) in enumerate(zip(scene.things, after.things, strict=True), 1):
            own = scene.labels == label
            colour, _, noun = new.name.partition(" ")
            if old.name == new.name or f"{colour} {CARRIERS.get(noun)}" in names:
                continue
            assert np.mean(augmentation._shows(after.colours[own], RARE_COLOURS[colour])) > 0.5, new.name
            untouched &= ~own
            renamed_things += 1
        assert np.array_equal(scene.colours[untouched], after.colours[untouched])
    assert renamed_things > 8


def test_a_colour_is_not_replaced_where_something_called_by_it_shows_another(frames):
    stacking = next(frame for frame in frames if frame.taskvar.startswith("stack"))
    assert {"green", "olive"} <= {thing.name.split()[0] for thing in stacking.things}
    found = augmentation.paintable(whole(stacking), PAINTS)
    assert "olive" in found and "green" not in found


def test_other_light_leaves_every_named_colour_nearest_to_its_name():
    rng, paints = np.random.default_rng(0), 255 * np.array(list(PALETTE.values()))
    for _ in range(300):
        lit = augmentation.relit(rng, np.clip(paints, 13, 255).astype(np.uint8)).astype(float)
        nearest = np.argmin(np.linalg.norm(lit[:, None] - paints[None], axis=2), axis=1)
        assert np.array_equal(nearest, np.arange(len(paints)))


def test_rare_colours_are_none_of_the_benchmarks():
    assert not set(PALETTE) & set(RARE_COLOURS)
    named, rare = (np.array(list(colours.values())) for colours in (PALETTE, RARE_COLOURS))
    assert np.linalg.norm(named[:, None] - rare[None], axis=2).min() > 0.14
    assert not any(re.search(rf"\b{colour}\b", text) for colour in RARE_COLOURS for text in TEST_ONLY | NOVEL)


def test_a_move_turns_about_the_vertical_and_keeps_the_table_where_it_is():
    rng = np.random.default_rng(0)
    points = PIVOT + rng.uniform(-0.3, 0.3, (40, 3))
    for _ in range(20):
        moved = augmentation.random_move(rng, turn=0.2, shift=0.03, scale=0.08, stretch=0.0)(points)
        lengths = np.linalg.norm(np.diff(moved, axis=0), axis=1) / np.linalg.norm(np.diff(points, axis=0), axis=1)
        assert np.ptp(lengths) < 1e-6 and abs(lengths[0] - 1) <= 0.08
        assert np.allclose(moved[:, 2] - TABLE_HEIGHT, lengths[0] * (points[:, 2] - TABLE_HEIGHT))
        assert np.all(np.abs(moved.mean(0) - points.mean(0)) < 0.1)
    still = augmentation.random_move(rng, turn=0.0, shift=0.0, scale=0.0, stretch=0.0)
    assert np.allclose(still(points), points)


def test_a_stretch_changes_lengths_along_its_axes_by_no_more_than_is_said():
    rng, axes = np.random.default_rng(0), np.eye(3)
    for _ in range(20):
        matrix = augmentation.random_move(rng, turn=0.2, shift=0.0, scale=0.0, stretch=0.15).matrix
        assert np.allclose(matrix @ axes[2], [0, 0, matrix[2, 2]])
        lengths = np.linalg.svd(matrix, compute_uv=False)
        assert np.all(np.abs(lengths - 1) <= 0.15) and np.ptp(lengths) > 0.005


def test_only_large_things_without_a_named_colour_are_tinted(frames):
    """Everything of a scene is tinted where it may be: cupboards, drawers and their parts, but no block and no cup."""
    changed = set()
    for frame in frames:
        scene = whole(frame)
        after = augmentation.tinted(np.random.default_rng(1), scene, PAINTS, share=1.0)
        differs = np.any(after.colours != scene.colours, axis=1)
        changed |= (
            {scene.things[label - 1].name for label in np.unique(scene.labels[differs])} if differs.any() else set()
        )
        assert not np.any(differs & (scene.labels == 0)) and np.array_equal(after.points, scene.points)
    assert changed and not any({*PALETTE, *RARE_COLOURS} & set(name.split()) for name in changed), changed


def test_every_camera_errs_by_itself_and_by_little(frames):
    scene = augmentation.set_down(np.random.default_rng(0), whole(frames[0]), augmentation.cut_out(whole(frames[4]))[0])
    erring = augmentation.seen_by_erring_cameras(np.random.default_rng(1), scene, shift=0.002, turn=0.004)
    offsets = [(erring.points - scene.points)[scene.cameras == camera].mean(0) for camera in np.unique(scene.cameras)]
    assert len(offsets) == 4 and np.linalg.norm(np.diff(offsets, axis=0), axis=1).min() > 1e-4
    assert np.linalg.norm(erring.points - scene.points, axis=1).max() < 0.02
    exact = augmentation.seen_by_erring_cameras(np.random.default_rng(1), scene, shift=0.0, turn=0.0)
    assert np.allclose(exact.points, scene.points, atol=1e-6)


def test_no_camera_is_dropped_that_alone_sees_what_is_pointed_at(frames):
    smaller = 0
    for frame in frames:
        scene = whole(frame)
        for phrase in plan_phrases(frame.plan):
            own = np.array([thing.name == phrase for thing in scene.things])
            for dropped in (*combinations(range(4), 2), (0, 1, 2)):
                rest = augmentation.without_cameras(scene, dropped, [phrase])
                smaller += len(rest.points) < len(scene.points)
                assert np.all(rest.visible()[own] >= np.minimum(scene.visible()[own], FEWEST_POINTS))
    assert smaller > 10
    alone = replace(scene, cameras=np.where(scene.labels > 0, 3, 0).astype(np.uint8))
    assert augmentation.without_cameras(alone, [3], [phrase]) is alone
    assert len(augmentation.without_cameras(alone, [3], []).points) == np.sum(scene.labels == 0)


def test_what_is_set_down_stands_alone_on_the_table(frames):
    rng, placed = np.random.default_rng(0), 0
    pieces = [piece for frame in frames for piece in augmentation.cut_out(whole(frame))]
    assert {"olive block", "lime block", "magenta cup", "navy button"} <= {piece.things[0].name for piece in pieces}
    for frame in frames:
        scene = whole(frame)
        for piece in pieces:
            after = augmentation.set_down(rng, scene, piece)
            added = after.points[len(scene.points) :]
            if len(after.things) == len(scene.things):
                assert not len(added)
                continue
            placed += 1
            assert np.array_equal(after.points[: len(scene.points)], scene.points)
            assert np.allclose(added[:, 2].min(), piece.points[:, 2].min(), atol=1e-4)
            thing = after.things[len(scene.things)]
            assert np.linalg.norm(added.mean(0) - thing.position) < 0.08
            assert np.bincount(after.labels)[len(scene.things) + 1 :].sum() == len(added)
            others = scene.points[scene.labels > 0][:, :2]
            assert np.linalg.norm(others - added[:, :2].mean(0), axis=1).min() > 0.02
    assert placed > 30


# Words


@pytest.mark.parametrize(
    "name, text, apart",
    [
        ("navy button", "push the maroon button", True),
        ("maroon button", "push the maroon button", False),
        ("navy button", "put pressure on the button with the maroon base", False),
        ("navy cup", "push the maroon button", True),
        ("red block", "slide the block to the green square", False),
        ("red block", "stack 2 gray blocks on the green square", True),
        ("gray block", "stack 2 gray blocks on the green square", False),
        ("lid", "fold the lid of the laptop down", False),
        ("crackers box", "open the box", False),
        ("soup can", "open the box", True),
    ],
)
def test_distractors_can_be_told_from_what_is_meant(name, text, apart):
    assert told_apart(name, [text], PALETTE) is apart


def test_replacing_words_leaves_other_words_alone():
    words = {"red": "plum", "block": "dax"}
    assert replace_words("put 2 red blocks on the blocked redder square", words) == (
        "put 2 plum daxes on the blocked redder square"
    )
    assert replace_words("push the red block", {}) == "push the red block"


def is_known_noun(noun: str) -> bool:
    return any(phrase.endswith(noun) for phrase in KNOWN_PHRASES)


# The sampler


def sampler(frames: list[Keyframe], **settings: float) -> PlannerSampler:
    config = VlmConfig(batch_size=8, recolour=0.7, distractors=3, **settings)
    return PlannerSampler(frames, config, CanonicalViews(), 3, PAINTS)


def test_a_step_has_the_same_exchanges_whenever_it_is_drawn(frames):
    first, second = sampler(frames), sampler(frames)
    list(first(0))
    for one, other in zip(first(1), list(second(1))[::1], strict=True):
        assert (one.request, one.answer) == (other.request, other.answer)
        assert np.array_equal(one.views, other.views) and np.array_equal(one.points, other.points, equal_nan=True)
    assert {sample.request for sample in first(1)} != {sample.request for sample in first(2)}


def test_exchanges_name_training_phrases_or_rare_colours_and_point_as_often_as_they_say(frames):
    drawn = [sample for step in range(12) for sample in sampler(frames)(step)]
    located = [sample for sample in drawn if not sample.request or sample.request.startswith("List")]
    phrases = {name for sample in located for phrase in phrases_of(sample.answer) for name in names_in(phrase)}
    assert phrases & KNOWN_PHRASES and phrases - KNOWN_PHRASES
    colourless = {
        thing.name for frame in frames for thing in frame.things if PALETTE.keys().isdisjoint(thing.name.split())
    }
    for phrase in phrases - KNOWN_PHRASES - colourless:
        colour, _, noun = phrase.partition(" ")
        assert colour in RARE_COLOURS or colour in PALETTE and not is_known_noun(noun)
    for sample in drawn:
        assert sample.answer.count(KEYPOINT) == len(sample.points) or not len(sample.views)
        assert not any(text in sample.request for text in TEST_ONLY)


def phrases_of(answer: str) -> list[str]:
    """What an answer that locates or lists things names."""
    return answer.replace(KEYPOINT, "").removeprefix(f"{OBJECTS} ").split("; ")


def names_in(phrase: str) -> tuple[str, ...]:
    """What a step is about; a name itself."""
    try:
        return parse_step(phrase).phrases
    except UserError:
        return (phrase,)


def test_pointed_things_show_their_colour_where_they_are_said_to_be(frames):
    """The named colour is what the views show around the places of repainted blocks and cups."""
    views, hits, tries = CanonicalViews(), 0, 0
    only = sampler(frames, weight_plans=0.0, weight_trajectories=0.0)
    for sample in (sample for step in range(6) for sample in only(step)):
        phrases = phrases_of(sample.answer)
        for phrase, pixel in zip(phrases, views.project(sample.points)[0], strict=True):
            colour, _, noun = phrase.partition(" ")
            column, row = pixel.astype(int)
            if noun not in ("block", "cup") or colour not in RARE_COLOURS or not 4 <= min(column, row):
                continue
            patch = sample.views[0, row - 4 : row + 5, column - 4 : column + 5, :3].reshape(-1, 3)
            tries += 1
            hits += bool(augmentation._shows(patch, RARE_COLOURS[colour]).any())
    assert tries > 15 and hits / tries > 0.9


def test_decisions_are_practised_in_text_on_longer_plans_than_are_demonstrated(frames):
    only = sampler(frames, weight_plans=0.0, weight_objects=0.0)
    drawn = [sample for step in range(12) for sample in only(step)]
    in_text = [sample for sample in drawn if not len(sample.views)]
    assert 0.3 < len(in_text) / len(drawn) < 0.7 and not any(len(sample.points) for sample in in_text)
    lengths = [sample.request.count("\n") - 1 for sample in in_text]
    assert max(lengths) > max(len(frame.plan) for frame in frames)
    for sample in in_text:
        follows, _, line = sample.answer.removesuffix(KEYPOINT).rpartition(f"{NOW} ")[2].partition(" ")
        assert follows == (STILL if f"Last: {line}, motion" in sample.request else NEXT)
        assert f"\n{line}\n" in sample.request and not any(text in sample.request for text in TEST_ONLY)


def test_without_objects_only_the_step_is_pointed_at(frames):
    settings = {"weight_objects": 0.0, "weight_plans": 0.0, "use_objects": False}
    for sample in sampler(frames, **settings)(0):
        assert sample.answer.count(KEYPOINT) == 1 and len(sample.points) == bool(len(sample.views))
