"""The fine-grained predictor: distributions over rotations, heatmaps, augmentation, encoders, saving, learning."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from tabletop_scenes import DOWN, example

from stages.core.errors import UserError
from stages.geometry.poses import axis_rotation, matrix_to_quaternion, quaternion_to_matrix, rotation_angle
from stages.predictor.assessment import assess
from stages.predictor.cloud import EMPTY, PointCloud, draw, hand_features, next_features
from stages.predictor.data import PredictorSampler, augment, collate, disturb, hand_is_free, recoloured, views_at
from stages.predictor.decoding import decode, label, losses
from stages.predictor.heads import gaussian_logits
from stages.predictor.predictor import FinePredictor
from stages.predictor.rotation import (
    CELLS,
    FLOOR,
    HALF_TURN,
    facing,
    grid,
    likeliest,
    log_density,
    smooth_functions,
    soft_label,
)
from stages.predictor.text import WordEncoder
from stages.predictor.training import Trainer
from stages.predictor.transformer import Outputs
from stages.settings.fine import FineConfig

SMALL = FineConfig(image_size=64, width=32, depth=1, heads=2, batch_size=4, steps=3, warmup=1, precision="float32")
CALM = replace(
    SMALL, keypoint_jitter=0.0, keypoint_outliers=0.0, gripper_jitter=0.0, point_dropout=0.0, camera_dropout=0.0,
    colour_jitter=0.0, colour_shuffle=0.0, finger_exchange=0.0,
)  # fmt: skip


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def random_rotations(rng: np.random.Generator, count: int) -> np.ndarray:
    return quaternion_to_matrix(rng.standard_normal((count, 4)))


# --- rotations


def degrees_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.rad2deg(rotation_angle(first, second))


def test_no_rotation_is_far_from_the_grid(rng: np.random.Generator) -> None:
    assert np.allclose(grid() @ np.swapaxes(grid(), 1, 2), np.eye(3), atol=1e-5)
    nearest = [degrees_between(rotation[None], grid()).min() for rotation in random_rotations(rng, 200)]
    assert max(nearest) < 10


def test_labels_are_finer_than_the_grid(rng: np.random.Generator) -> None:
    rotations = random_rotations(rng, 100)
    labels = np.array([soft_label(rotation[None]) for rotation in rotations])
    assert np.allclose(labels.sum(1), 1, atol=1e-5)
    assert degrees_between(likeliest(labels), rotations).max() < 1
    density = log_density(rotations)
    assert density.min() == FLOOR and np.array_equal(density.argmax(1), labels.argmax(1))


def test_of_two_equal_peaks_one_is_taken_not_what_lies_between(rng: np.random.Generator) -> None:
    rotations = random_rotations(rng, 50)
    labels = np.array([soft_label(np.stack([one, one @ HALF_TURN])) for one in rotations])
    found = likeliest(labels)
    nearer = np.minimum(degrees_between(found, rotations), degrees_between(found @ HALF_TURN, rotations))
    assert nearer.max() < 1
    home = axis_rotation(2, 0.2) @ DOWN
    assert np.allclose(facing(rotations @ HALF_TURN, home), facing(rotations, home))
    assert (degrees_between(facing(rotations, home), home) <= degrees_between(rotations, home) + 1e-6).all()


def test_smooth_functions_are_the_polynomials_of_a_rotations_entries(rng: np.random.Generator) -> None:
    """Any of degree 4 is a combination of them, one of degree 5 is not; each has a variance of 1 over all rotations."""
    functions, entries = smooth_functions().astype(float), grid().reshape(CELLS, 9).astype(float)
    assert np.allclose((functions**2).mean(0), 1, atol=0.01)
    for degree, spanned in ((1, True), (4, True), (5, False)):
        wanted = (entries @ rng.standard_normal((9, degree))).prod(1)
        left = wanted - functions @ np.linalg.lstsq(functions, wanted)[0]
        assert (left.std() / wanted.std() < 1e-3) == spanned


def test_a_free_hand_may_exchange_its_fingers_and_a_full_one_not() -> None:
    views, yaw = views_at(np.array([0.1, 0.2, 0.8]), FineConfig()), axis_rotation(2, 0.7) @ DOWN
    actions = [np.array([0.1, 0.2, 0.8, *matrix_to_quaternion(one), 1, 0]) for one in (yaw, yaw @ HALF_TURN)]
    free, full = ([label(action, views, holds)[1] for action in actions] for holds in (True, False))
    assert np.allclose(*free, atol=1e-6) and np.abs(full[0] - full[1]).sum() > 1.9
    assert hand_is_free("grasp the red block", True) and hand_is_free("push the red button", False)
    assert not hand_is_free("lift the grasped red block", False)


# --- what is seen


def test_hand_is_left_out_but_not_what_it_holds() -> None:
    pose = np.array([0.2, 0.1, 1.0, *matrix_to_quaternion(DOWN)])
    points = pose[:3] + np.array([[0, 0, 0.1], [0, 0.08, 0.08], [0, 0, 0.0], [0, 0, -0.05], [0.2, 0, 0.1]])
    cloud = PointCloud(points.astype(np.float32), np.zeros((5, 3), np.uint8), np.zeros(5, np.uint8))
    assert np.allclose(cloud.without_hand(pose).points, points[2:])


def test_thinning_keeps_one_point_per_camera_and_cell(rng: np.random.Generator) -> None:
    points = rng.uniform(-0.02, 0.02, (3000, 3)).astype(np.float32)
    cameras = rng.integers(0, 2, 3000).astype(np.uint8)
    thin = PointCloud(points, np.zeros((3000, 3), np.uint8), cameras).thinned(0.01)
    cells = np.column_stack([np.floor(thin.points / 0.01), thin.cameras])
    assert len(np.unique(cells, axis=0)) == len(thin.points)
    assert len(thin.points) == 2 * 4**3
    merged = thin.merged(0.01)
    assert len(merged.points) == len(np.unique(np.floor(merged.points / 0.01), axis=0)) == 4**3
    undisturbed = disturb(thin, replace(CALM, voxel=0.01), rng)
    assert np.array_equal(undisturbed.points, merged.points)


def test_drawn_depth_is_scaled_to_the_cube() -> None:
    point = np.array([[0.05, -0.02, 0.06]], np.float32)
    cloud = PointCloud(point, np.full((1, 3), 200, np.uint8), np.zeros(1, np.uint8))
    views = views_at(np.zeros(3), CALM)
    _, depth = draw(cloud, views)
    seen = [np.unique(image[image != EMPTY]) for image in depth]
    expected = -point[0, [2, 0, 1]] / (CALM.extent / 2)
    assert np.allclose(np.concatenate(seen), expected, atol=1e-6)


def test_without_proprioception_only_the_turn_is_left() -> None:
    pose = np.array([0.2, 0.1, 1.0, *matrix_to_quaternion(DOWN)])
    features = hand_features(pose, 1.0, np.zeros(3), 0.48, turn=np.pi / 2, proprioception=False)
    assert np.allclose(features, [0] * 12 + [1])


# --- augmentation


def test_turning_the_world_keeps_the_action_where_it_was_in_the_scene(rng: np.random.Generator) -> None:
    original = example(rng, CALM)
    turned, angle = augment(original, replace(CALM, turn=60.0), rng)
    assert angle != 0
    back = axis_rotation(2, -angle)
    assert np.allclose((turned.cloud.points - original.keypoint) @ back.T, original.cloud.points - original.keypoint,
                       atol=1e-5)  # fmt: skip
    assert np.allclose(back @ (turned.action[:3] - original.keypoint), original.action[:3] - original.keypoint)
    rotations = quaternion_to_matrix(np.array([turned.action[3:7], original.action[3:7]]))
    assert np.allclose(back @ rotations[0], rotations[1])


def test_where_the_plan_goes_next_turns_with_the_world_and_is_at_times_not_given(rng: np.random.Generator) -> None:
    original = replace(example(rng, CALM), next_keypoint=np.array([0.3, 0.2, 0.8]))
    config = replace(CALM, turn=60.0, next_dropout=0.0)
    turned, angle = augment(original, config, rng)
    expected = axis_rotation(2, angle) @ (original.next_keypoint - original.keypoint) + original.keypoint
    assert np.allclose(turned.next_keypoint, expected) and angle != 0
    drawn = [augment(original, replace(config, next_dropout=0.4), rng)[0].next_keypoint for _ in range(300)]
    assert 0.3 < np.mean([place is None for place in drawn]) < 0.5
    features = next_features(np.array([0.3, 0.2, 0.8]), np.array([0.06, 0.2, 0.8]), 0.48)
    assert np.allclose(features, [1, 0, 0, 1]) and not next_features(None, np.zeros(3), 0.48).any()


@pytest.mark.parametrize(("step", "is_open"), [("grasp the red block", True), ("lift the grasped red block", False)])
def test_a_hand_that_holds_something_moves_the_same_with_its_fingers_exchanged(
    step: str, is_open: bool, rng: np.random.Generator
) -> None:
    original = replace(example(rng, CALM), step=step, gripper_open=is_open)
    exchanged, _ = augment(original, replace(CALM, turn=0.0, finger_exchange=1.0), rng)
    before, after = (
        [quaternion_to_matrix(one.gripper_pose[3:]), quaternion_to_matrix(one.action[3:7])]
        for one in (original, exchanged)
    )
    assert np.allclose(after[0], before[0] @ HALF_TURN)
    assert np.allclose(after[1], before[1] if is_open else before[1] @ HALF_TURN)
    if not is_open:
        relative = [hand.T @ action for hand, action in (before, after)]
        assert np.allclose(relative[1], HALF_TURN @ relative[0] @ HALF_TURN)
    assert np.allclose(exchanged.action[:3], original.action[:3])
    assert np.allclose(exchanged.gripper_pose[:3], original.gripper_pose[:3])


def test_within_a_step_a_free_hand_keeps_its_fingers(rng: np.random.Generator) -> None:
    """Which way is nearer to home does not matter any more once a step has begun."""
    predictor = FinePredictor.create(SMALL)
    for turn in (np.eye(3), HALF_TURN):
        hand = matrix_to_quaternion(DOWN @ turn)
        seen = replace(example(rng, CALM), motion_index=1, gripper_open=True, step="grasp the red block")
        seen = replace(seen, gripper_pose=np.concatenate([seen.gripper_pose[:3], hand]))
        (prediction,) = predictor.predict_examples([seen])
        assert rotation_angle(quaternion_to_matrix(prediction.pose[3:]), DOWN @ turn) <= rotation_angle(
            quaternion_to_matrix(prediction.pose[3:]) @ HALF_TURN, DOWN @ turn
        )


def test_target_stays_in_sight_of_a_wrong_keypoint(rng: np.random.Generator) -> None:
    wild = replace(SMALL, keypoint_jitter=0.3)
    for _ in range(20):
        seen, _ = augment(example(rng, wild), wild, rng)
        pixels, _ = label(seen.action, views_at(seen.keypoint, wild), free=True)
        assert np.all((pixels > 0) & (pixels < wild.image_size))


def test_batches_depend_on_their_number_only(rng: np.random.Generator) -> None:
    examples = [example(rng, SMALL) for _ in range(6)]
    first, second = (PredictorSampler(examples, SMALL, WordEncoder(8), seed=3) for _ in range(2))
    second.batch(0)
    for one, other in zip(first.batch(2), second.batch(2), strict=True):
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True):
            assert torch.equal(a, b)
    seen = np.concatenate([first.indices(step) for step in range(3)])
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_colours_of_a_step_are_exchanged_and_nothing_else(rng: np.random.Generator) -> None:
    colours, step = ["cyan", "lime", "red"], "move the grasped {} block to the {} square"
    drawn = {recoloured(step.format("red", "lime"), colours, rng) for _ in range(200)}
    assert drawn == {step.format(*pair) for pair in permutations(colours, 2)}
    assert recoloured("push the box lid", colours, rng) == "push the box lid"


def test_batches_have_every_colour_of_the_steps_and_no_other(rng: np.random.Generator) -> None:
    steps = ["grasp the red block", "grasp the lime cup"]
    examples = [replace(example(rng, SMALL), step=step) for step in steps]
    text, config = WordEncoder(8), replace(SMALL, word_dropout=0.0)
    sampler = PredictorSampler(examples, config, text, 0, ["red", "lime", "cyan"])
    seen = {tuple(words) for step in range(10) for words in sampler.batch(step)[0].words.tolist()}
    every = [f"grasp the {colour} {thing}" for colour in ("red", "lime") for thing in ("block", "cup")]
    assert seen == {tuple(words) for words in text.tokenize(every).tolist()}


# --- heatmaps


def test_ideal_scores_are_decoded_to_the_action(rng: np.random.Generator) -> None:
    """A Gaussian around the target in every view and the soft labels themselves lose only their entropy."""
    config = FineConfig()
    views = views_at(np.array([0.1, 0.2, 0.8]), config)
    position = views.centre + rng.uniform(-0.2, 0.2, 3)
    action = np.array([*position, *matrix_to_quaternion(axis_rotation(2, 0.7) @ DOWN), 1, 0])
    mean = torch.tensor((position - views.centre) * 2 / views.extent, dtype=torch.float32)[None]
    spread = torch.full((1, 3), 1.5 * 2 / config.image_size)
    heatmaps = gaussian_logits(mean, spread, torch.tensor(views.axes, dtype=torch.float32), config.image_size)
    rotations = torch.from_numpy(label(action, views, free=True)[1])[None]
    outputs = Outputs(heatmaps, rotations.clamp(min=1e-9).log(), torch.tensor([3.0]), torch.tensor([-3.0]))
    (prediction,) = decode(outputs, [views], [True], DOWN[None])
    assert np.linalg.norm(prediction.pose[:3] - position) < 5e-4
    assert rotation_angle(*quaternion_to_matrix(np.array([prediction.pose[3:], action[3:7]]))) < np.deg2rad(1)
    assert prediction.gripper_open and not prediction.ignore_collision
    assert prediction.confidence > 0.99


def test_uncertain_heatmaps_have_low_confidence() -> None:
    views = views_at(np.zeros(3), SMALL)
    shape = (1, 3, SMALL.image_size, SMALL.image_size)
    outputs = Outputs(torch.zeros(shape), torch.zeros(1, CELLS), torch.zeros(1), torch.zeros(1))
    assert decode(outputs, [views], [False], np.eye(3)[None])[0].confidence < 0.02


# --- words


def test_an_unknown_word_says_nothing() -> None:
    torch.manual_seed(0)
    encoder = WordEncoder(8)
    ids = encoder.tokenize(["grasp the red block", "grasp the chartreuse block"])
    with torch.no_grad():
        encoder.words.weight[ids[0]] = torch.randn(16, 8)
        encoder.words.weight[0] = 0
    known, unknown = encoder(ids)
    assert torch.equal(unknown[2], encoder.places[2])
    assert torch.equal(unknown[[0, 1, 3]], known[[0, 1, 3]])


# --- the whole


def test_saved_predictor_predicts_the_same(tmp_path: Path, rng: np.random.Generator) -> None:
    predictor = FinePredictor.create(SMALL)
    predictor.save_pretrained(tmp_path)
    loaded = FinePredictor.from_pretrained(tmp_path)
    assert loaded.config == SMALL
    seen = example(rng, SMALL)
    said = [
        p.predict(seen.cloud.points, seen.cloud.colours, seen.keypoint, seen.step, 0, seen.gripper_pose, 1.0)
        for p in (predictor, loaded)
    ]
    assert np.array_equal(said[0].pose, said[1].pose)
    assert said[0].confidence == said[1].confidence


def test_damaged_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no fine predictor"):
        FinePredictor.from_pretrained(tmp_path)
    FinePredictor.create(SMALL).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"config": settings["config"] | {"width": 64}}))
    with pytest.raises(UserError, match="damaged"):
        FinePredictor.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(settings | {"version": 99}))
    with pytest.raises(UserError, match="version"):
        FinePredictor.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"patch": 12}, "patch"),
        ({"image_size": 100}, "multiple"),
        ({"heads": 3}, "heads"),
        ({"views": ("front", "back")}, "axes"),
        ({"views": ("bottom",)}, "bottom"),
        ({"image_encoders": ()}, "empty"),
        ({"image_encoders": ("/nowhere/model",)}, "/nowhere/model"),
        ({"text_encoder": "/nowhere/text"}, "/nowhere/text"),
    ],
)
def test_impossible_settings_are_refused(change: dict, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        FinePredictor.create(replace(SMALL, **change))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Small random models of the real classes, saved as a user's checkpoints would be."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        Dinov2Config,
        Dinov2Model,
        PreTrainedTokenizerFast,
        SiglipConfig,
        SiglipModel,
        SiglipTextConfig,
        SiglipVisionConfig,
    )  # fmt: skip

    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("checkpoints")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    words = {word: i for i, word in enumerate(["<pad>", "<unk>", "grasp", "the", "red", "block"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = SiglipTextConfig(**small, vocab_size=len(words), max_position_embeddings=12, projection_size=16)
    vision = SiglipVisionConfig(**small, image_size=32, patch_size=8)
    SiglipModel(SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())).save_pretrained(root / "s")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>").save_pretrained(
        root / "s"
    )
    Dinov2Model(Dinov2Config(**small, image_size=28, patch_size=14)).save_pretrained(root / "d")
    return {"siglip": str(root / "s"), "dinov2": str(root / "d")}


@pytest.mark.parametrize("tune", [False, True])
def test_pretrained_encoders(tune: bool, checkpoints: dict[str, str], tmp_path: Path, rng: np.random.Generator) -> None:
    """They take part, stay frozen unless asked, and travel with the saved model."""
    encoders = ("tiny", checkpoints["siglip"], checkpoints["dinov2"])
    config = replace(SMALL, image_encoders=encoders, tune_encoders=tune, text_encoder=checkpoints["siglip"])
    predictor = FinePredictor.create(config)
    examples = [example(rng, config) for _ in range(4)]
    sampler = PredictorSampler(examples, config, predictor.network.text, seed=0)
    before = {name: value.clone() for name, value in predictor.network.state_dict().items()}
    Trainer(predictor.network, sampler, config).train(tmp_path / "checkpoint.pt", lambda trainer: None)
    moved = {name for name, value in predictor.network.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith("pretrained") for name in moved) == tune
    assert any(name.startswith("fuse_images") for name in moved)
    assert not any(name.startswith("text.model") for name in moved)
    predictor.save_pretrained(tmp_path / "saved")
    loaded = FinePredictor.from_pretrained(tmp_path / "saved")
    said = [p.predict_examples(examples)[0].pose for p in (predictor, loaded)]
    assert np.array_equal(*said)


def test_other_families_are_refused(checkpoints: dict[str, str]) -> None:
    with pytest.raises(UserError, match="dinov2"):
        FinePredictor.create(replace(SMALL, text_encoder=checkpoints["dinov2"]))


def test_losses_reach_every_weight(rng: np.random.Generator) -> None:
    predictor = FinePredictor.create(SMALL)
    with torch.no_grad():
        for parameter in predictor.network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    batch = [replace(example(rng, SMALL), next_keypoint=np.array([0.3, 0.2, 0.8])) for _ in range(2)]
    words = predictor.network.text.tokenize([e.step for e in batch])
    inputs, targets = collate(batch, words, SMALL)
    parts = losses(predictor.network(inputs), targets)
    torch.stack(list(parts.values())).sum().backward()
    assert [name for name, p in predictor.network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_next_place_can_decide_which_way_a_hand_goes(tmp_path: Path, rng: np.random.Generator) -> None:
    """The same scene and step, and a hand that goes to that side of a thing to which the plan goes afterwards."""
    config = replace(CALM, steps=60, batch_size=8, turn=0.0, next_dropout=0.0, word_dropout=0.0, learning_rate=3e-3)
    scene = replace(example(rng, config), step="push the red block", motion_index=0)
    sides = []
    for side in (-1, 1):
        away, action = np.array([0.0, side * 0.3, 0.0]), scene.action.copy()
        action[:3] = scene.keypoint + (0, side * 0.1, 0.05)
        sides.append(replace(scene, next_keypoint=scene.keypoint + away, action=action))
    torch.manual_seed(0)
    predictor = FinePredictor.create(config)
    trainer = Trainer(predictor.network, PredictorSampler(sides, config, predictor.network.text, seed=0), config)
    trainer.train(tmp_path / "checkpoint.pt", lambda trainer: None)
    left, right = predictor.predict_examples(sides)
    assert left.pose[1] < scene.keypoint[1] - 0.05 and right.pose[1] > scene.keypoint[1] + 0.05


def test_it_learns_where_to_grasp_and_push(tmp_path: Path, rng: np.random.Generator) -> None:
    """Places and gripper only: this many samples are too few to learn the yaw of a box."""
    config = FineConfig(width=64, depth=2, heads=2, batch_size=16, steps=250, keypoint_jitter=0.01, learning_rate=2e-3)
    torch.manual_seed(0)
    predictor = FinePredictor.create(config)
    sampler = PredictorSampler([example(rng, config) for _ in range(400)], config, predictor.network.text, seed=0)
    trainer = Trainer(predictor.network, sampler, config)
    trainer.train(tmp_path / "checkpoint.pt", lambda trainer: None)
    trainer.use_average()
    errors = assess(predictor, [example(rng, config) for _ in range(60)]).errors()["all"]
    assert errors["position_median"] < 0.01
    assert errors["gripper"] == 1
