"""Annotating and decomposing: true episodes pass, every kind of disagreement is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import clap_here

from stages.annotate_keypoints import NOTHING, annotate_episode, annotate_keypoints, check_targets, label_views
from stages.artifacts.annotations import Keypoints, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import content_digest
from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation
from stages.decompose import decompose, decompose_episode
from stages.geometry.cameras import intrinsics_from_fov, look_at
from stages.geometry.canonical import CanonicalViews
from stages.settings.annotate import AnnotateConfig
from stages.settings.decompose import DecomposeConfig
from stages.settings.loader import load_config

PUSH, PICK = 0, 1
"""Episodes of the tiny run."""


@pytest.fixture(scope="module")
def episodes(tiny_run: Path) -> list[Episode]:
    with Demonstrations(tiny_run / "demos.h5") as demos:
        return [demos.episode(index, images=False) for index in range(len(demos))]


def two_planes(size: int = 64) -> Observation:
    """A camera 1 m above the table's centre; a plate with id 300 covers half of the floor with id 7 at 0.8 m."""
    camera_to_world = look_at(np.array([0.2, 0.0, 1.552]), np.array([0.2, 0.0, 0.752]), up=(1.0, 0.0, 0.0))
    mask = np.full((size, size), 7, np.uint16)
    mask[:, : size // 2] = 300
    depth = np.where(mask == 300, 0.7, 0.8).astype(np.float32)
    intrinsics = intrinsics_from_fov(np.pi / 4, size, size)
    frame = CameraFrame(np.zeros((size, size, 3), np.uint8), depth, intrinsics, camera_to_world, mask)
    return Observation({"above": frame}, np.zeros(7), 1.0, np.zeros(7))


class TestLabels:
    def test_labels_are_those_of_the_nearest_surface(self) -> None:
        labels = label_views(two_planes(), CanonicalViews(size=64, names=("top",)))[0]
        assert set(np.unique(labels)) == {NOTHING, 7, 300}
        column, row = np.floor(CanonicalViews(size=64, names=("top",)).project(np.array([0.2, 0.15, 0.8]))[0]).astype(
            int
        )
        assert labels[row, column] == 300
        column, row = np.floor(CanonicalViews(size=64, names=("top",)).project(np.array([0.2, -0.15, 0.8]))[0]).astype(
            int
        )
        assert labels[row, column] == 7

    def test_cameras_without_masks_are_refused(self) -> None:
        seen = two_planes()
        bare = replace(seen, cameras={"above": replace(seen.cameras["above"], mask=None)})
        with pytest.raises(UserError, match="no instance masks"):
            label_views(bare, CanonicalViews(names=("top",)))


class TestKeypoints:
    def test_a_demonstration_annotated(self, tiny_run: Path) -> None:
        with Demonstrations(tiny_run / "demos.h5") as demos, Keypoints(tiny_run / "keypoints.h5") as keypoints:
            assert len(keypoints) == len(demos) and keypoints.summary["mismatches"] == 0
            for index, episode in enumerate(demos):
                found = keypoints.episode(index)
                np.testing.assert_array_equal(found.keypoints, episode.targets)
                assert found.phrases[0] == ("maroon button", "red block")[index % 2]
                assert found.names == episode.objects.names and found.problem == ""
                views = CanonicalViews(names=found.views, size=found.size, extent=found.extent)
                for k in range(len(episode)):
                    np.testing.assert_allclose(found.keypoint_pixels[k], views.project(episode.targets[k]))
                    np.testing.assert_allclose(
                        found.object_pixels[k], views.project(episode.objects.positions[k]).swapaxes(0, 1)
                    )

    def test_what_stands_free_is_visible_and_what_is_elsewhere_is_not(self, tiny_run: Path) -> None:
        with Demonstrations(tiny_run / "demos.h5") as demos:
            episode = demos.episode(PICK)
        block = episode.objects.names.index("red block")
        top = AnnotateConfig(views=("top",))
        assert annotate_episode(episode, top).object_visible[0, block, 0]
        elsewhere = episode.objects.positions + np.array([0.1, 0.3, 0.0])
        moved = replace(episode, objects=replace(episode.objects, positions=elsewhere))
        assert not annotate_episode(moved, top).object_visible[0, block, 0]

    def test_resuming_makes_the_same(self, tiny_run: Path, tmp_path: Path) -> None:
        config = load_config(None, ["annotate.workers=2"])
        annotate_keypoints(config, tiny_run / "demos.h5", tmp_path / "keypoints.h5")
        assert content_digest(tmp_path / "keypoints.h5") == content_digest(tiny_run / "keypoints.h5")

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda e: replace(e, targets=e.targets + 0.02), "motion 0 is 0.035 m from the red block"),
            (lambda e: replace(e, targets=np.full_like(e.targets, np.nan)), "target of motion 0"),
            (lambda e: replace(e, steps=("grasp the blue cup", *e.steps[1:])), "speaks of the blue cup"),
            (lambda e: replace(e, steps=("", *e.steps[1:])), "motion 0 has no step"),
            (lambda e: replace(e, targets=e.targets - np.array([0, 0, 0.05])), "target of motion 0"),
            (lambda e: e, ""),
        ],
    )
    def test_targets_that_do_not_fit_their_words(
        self, episodes: list[Episode], change: Callable[[Episode], Episode], problem: str
    ) -> None:
        found = check_targets(change(episodes[PICK]), tolerance=0.03)
        assert problem in found and bool(found) == bool(problem)

    def test_a_target_may_stand_on_its_place(self, episodes: list[Episode]) -> None:
        episode = episodes[PICK]
        last = len(episode) - 1
        assert episode.steps[last] == "move the grasped red block to the red ball"
        for height, fits in ((0.1, True), (0.5, False), (-0.1, False)):
            targets = episode.targets.copy()
            targets[last, 2] += height
            assert (check_targets(replace(episode, targets=targets), 0.03) == "") == fits


def with_poses(episode: Episode, change: Callable[[int, np.ndarray], np.ndarray]) -> Episode:
    """The episode with other tip poses."""
    seen = tuple(replace(o, gripper_pose=change(k, o.gripper_pose.copy())) for k, o in enumerate(episode.observations))
    return replace(episode, observations=seen)


def with_opening(episode: Episode, openings: dict[int, float]) -> Episode:
    """The episode with other gripper openings at some observations."""
    seen = tuple(replace(o, gripper_open=openings.get(k, o.gripper_open)) for k, o in enumerate(episode.observations))
    return replace(episode, observations=seen)


def at(k: int, offset: tuple[float, float, float]) -> Callable[[int, np.ndarray], np.ndarray]:
    """Shift the tip at observation k."""
    return lambda i, pose: pose + np.array([*offset, 0, 0, 0, 0]) if i == k else pose


class TestPlans:
    def test_motions_are_aligned_to_the_plan(self, tiny_run: Path) -> None:
        with Plans(tiny_run / "plans.h5", tiny_run / "demos.h5") as plans:
            push, pick = plans.episode(PUSH), plans.episode(PICK)
        assert push.ok and push.plan == ("push the maroon button",)
        assert push.step_index.tolist() == [0, 0] and push.motion_index.tolist() == [0, 1]
        assert pick.ok and pick.plan == (
            "grasp the red block",
            "lift the grasped red block",
            "move the grasped red block to the red ball",
        )
        assert pick.step_index.tolist() == [0, 0, 1, 2] and pick.motion_index.tolist() == [0, 1, 0, 0]

    def test_a_step_that_comes_again_is_another_line(self, episodes: list[Episode]) -> None:
        steps = ("grasp the red block", "lift the grasped red block", "grasp the red block", "grasp the red block")
        found = decompose_episode(replace(episodes[PICK], steps=steps), DecomposeConfig())
        assert found.plan == (steps[0], steps[1], steps[0])
        assert found.step_index.tolist() == [0, 1, 2, 2] and found.motion_index.tolist() == [0, 0, 0, 1]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda e: e, ""),
            (lambda e: replace(e, success=False), "did not succeed"),
            (lambda e: replace(e, steps=("wave at the block", *e.steps[1:])), "is not a step"),
            (lambda e: with_opening(e, {2: 1.0}), "ends with an open gripper"),
            (lambda e: with_opening(e, {1: 0.3}), "closes a gripper that was not open"),
            (lambda e: with_poses(e, at(2, (0.2, 0, 0))), "closes away from it"),
            (lambda e: with_poses(e, at(3, (0, 0, -0.16))), "does not rise"),
            (lambda e: with_poses(e, at(4, (9, 0, 0))), "does not come nearer"),
            (lambda e: with_poses(e, at(4, (0.05, 0, 0))), ""),
            (lambda e: with_opening(e, {0: 0.3}), "begins with a closed gripper"),
            (lambda e: with_opening(e, {4: 1.0}), "moves with an open gripper"),
            (lambda e: with_poses(e, lambda k, pose: e.observations[min(k, 3)].gripper_pose), "does not move"),
        ],
    )
    def test_picking(self, episodes: list[Episode], change: Callable[[Episode], Episode], problem: str) -> None:
        found = decompose_episode(change(episodes[PICK]), DecomposeConfig())
        assert problem in found.problem and found.ok == (not problem) == (not found.problem)

    def test_a_block_left_on_the_table_is_no_lift(self, episodes: list[Episode]) -> None:
        episode = episodes[PICK]
        positions = np.repeat(episode.objects.positions[:1], len(episode), axis=0)
        found = decompose_episode(
            replace(episode, objects=replace(episode.objects, positions=positions)), DecomposeConfig()
        )
        assert found.problem == "'lift the grasped red block' leaves it behind"

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda e: with_poses(e, at(2, (0, 0, 0.06))), "neither goes down nor forward"),
            (lambda e: with_poses(e, at(2, (0.02, 0, 0.06))), ""),
            (lambda e: with_opening(e, {2: 1.0}), "pushes with an open gripper"),
            (lambda e: replace(e, steps=("release the grasped cup at the maroon button",) * 2), "closed gripper"),
            (lambda e: replace(e, steps=("rotate the grasped maroon button",) * 2), "does not turn"),
            (
                lambda e: replace(e, steps=("slide the maroon button to the maroon button",) * 2),
                "does not move forward",
            ),
            (lambda e: with_poses(e, lambda k, pose: pose + np.array([0, 0.2, 0, 0, 0, 0, 0])), "never comes near"),
            (lambda e: e, ""),
        ],
    )
    def test_pushing(self, episodes: list[Episode], change: Callable[[Episode], Episode], problem: str) -> None:
        found = decompose_episode(change(episodes[PUSH]), DecomposeConfig())
        assert problem in found.problem and found.ok == (not problem)

    def test_releasing_is_checked_where_the_gripper_opens(self, episodes: list[Episode]) -> None:
        steps = ("release the grasped cup at the maroon button",) * 2
        episode = with_opening(replace(episodes[PUSH], steps=steps), {0: 0.5, 1: 0.5, 2: 1.0})
        assert decompose_episode(episode, DecomposeConfig()).ok
        away = with_poses(episode, at(2, (0.3, 0, 0)))
        assert "opens away from it" in decompose_episode(away, DecomposeConfig()).problem
        assert decompose_episode(replace(away, steps=("release the grasped cup",) * 2), DecomposeConfig()).ok

    def test_what_annotation_refused_is_left_out(self, episodes: list[Episode]) -> None:
        found = decompose_episode(episodes[PICK], DecomposeConfig(), "the target is off")
        assert not found.ok and found.problem == "the target is off"

    def test_unknown_modes_are_refused(self, tiny_run: Path, tmp_path: Path) -> None:
        config = load_config(None, ["decompose.mode=dreams"])
        with pytest.raises(UserError, match="rules"):
            decompose(config, tiny_run / "demos.h5", tiny_run / "keypoints.h5", tmp_path / "plans.h5")


def test_demonstrations_of_every_training_variation_are_understood(tmp_path: Path) -> None:
    """Every stop is found, every keypoint is where its thing is, and every plan fits what was done."""
    options = ("--episodes", "1", "--set", "collect.image_size=32", "--workers", "2")
    collected = clap_here("collect", "demos", *options, "--run", tmp_path, "--json").json
    assert collected["demonstrations"] == 31 and collected["failed_attempts"] == 0
    assert collected["keyframes"] == {"found": collected["motions"], "extra": 0, "missed": 0}
    annotated = clap_here("annotate-keypoints", "--workers", "1", "--run", tmp_path, "--json").json
    assert annotated["keypoints"] == collected["motions"] and annotated["mismatches"] == 0, annotated["problems"]
    planned = clap_here("decompose", "--run", tmp_path, "--json").json
    assert planned["ok"] == 31 and not planned["problems"]
