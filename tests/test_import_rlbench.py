"""Demonstrations of the embedded simulator, written in RLBench's layout and imported again."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Outcome, clap_here
from rlbench_layout import DESCRIPTIONS, LOW_DIM, real_classes, write_episode

from stages.artifacts.annotations import Keypoints
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.core.steps import parse_step
from stages.geometry.clouds import fuse

FIRST = 9
"""Number of a variation's first episode: as text, 10 would come before it."""

EPISODE = Path(f"push_button/variation0/episodes/episode{FIRST}")


@pytest.fixture(scope="module")
def data_set(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rlbench")
    with Demonstrations(tiny_run / "demos.h5") as demos:
        for index in range(len(demos)):
            episode = demos.episode(index)
            write_episode(root / episode.task, episode, FIRST + index // 2)
    return root


@pytest.fixture(scope="module")
def imported(data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("imported")
    assert clap_here("import", "rlbench", data_set, "--run", run, "--workers", "1").code == 0
    return run


def by_variation(run: Path) -> list[Episode]:
    with Demonstrations(run / "demos.h5") as demos:
        return sorted((demos.episode(index) for index in range(len(demos))), key=lambda episode: episode.taskvar)


def test_what_is_imported_is_what_was_written(tiny_run: Path, imported: Path) -> None:
    for original, found in zip(by_variation(tiny_run), by_variation(imported), strict=True):
        assert original.taskvar == found.taskvar and set(original.instructions) == set(found.instructions)
        assert not found.is_labelled and len(found) == len(original)
        assert np.array_equal(original.trajectory["keyframes"], found.trajectory["keyframes"])
        assert np.allclose(original.actions[:, 7], found.actions[:, 7])
        for one, other in zip(original.observations, found.observations, strict=True):
            assert np.allclose(one.gripper_pose, other.gripper_pose, atol=1e-6)
            assert np.allclose(one.joint_positions, other.joint_positions, atol=1e-6)
            assert list(one.cameras) == list(other.cameras)
            (cloud, colours), (again, colours_again) = fuse(one), fuse(other)
            assert cloud.shape == again.shape and np.linalg.norm(cloud - again, axis=1).max() < 1e-3
            assert np.array_equal(colours, colours_again)


def test_steps_and_keypoints_are_inferred(tiny_run: Path, imported: Path) -> None:
    """The two tasks' instructions name what is worked on; the hand's motions say what is done to it."""
    for stage in ("annotate-keypoints", "decompose"):
        outcome = clap_here(stage, "--run", imported, "--overwrite")
        assert outcome.code == 0, outcome.err
    with Keypoints(imported / "keypoints.h5") as keypoints, Demonstrations(imported / "demos.h5") as demos:
        found = sorted(
            ((demos.episode(k).taskvar, k, keypoints.episode(k)) for k in range(len(demos))), key=lambda one: one[:2]
        )
    for original, (_, _, annotation) in zip(by_variation(tiny_run), found, strict=True):
        steps = [parse_step(step).action for step in annotation.inferred.steps]
        assert steps == [parse_step(step).action for step in original.steps]
        assert np.linalg.norm(annotation.keypoints[0] - original.targets[0]) < 0.03


class Evil:
    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.system, ("echo this must never run > /dev/null",)


def _cut(episode: Path) -> None:
    image = episode / "front_rgb" / "0.png"
    image.write_bytes(image.read_bytes()[:100])


def _without_camera(episode: Path) -> None:
    shutil.rmtree(episode / "wrist_rgb")


def _without_depth(episode: Path) -> None:
    shutil.rmtree(episode / "front_depth")


def _evil(episode: Path) -> None:
    (episode / LOW_DIM).write_bytes(pickle.dumps([Evil()]))


def _evil_words(episode: Path) -> None:
    (episode.parents[1] / DESCRIPTIONS).write_bytes(pickle.dumps([Evil()]))


def _rewritten(episode: Path, change: Callable[[object], None]) -> None:
    with real_classes():
        demo = pickle.loads((episode / LOW_DIM).read_bytes())
        change(demo)
        (episode / LOW_DIM).write_bytes(pickle.dumps(demo))


def _one_frame(episode: Path) -> None:
    _rewritten(episode, lambda demo: demo._observations.__delitem__(slice(1, None)))


def _millimetres(episode: Path) -> None:
    def change(demo: object) -> None:
        for frame in demo._observations:
            pose = np.array(frame.misc["front_camera_extrinsics"])
            pose[:3, 3] *= 1000
            frame.misc["front_camera_extrinsics"] = pose

    _rewritten(episode, change)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut, ("front_rgb/0.png",)),
        (_without_camera, ("wrist",)),
        (_without_depth, ("front_depth",)),
        (_evil, (LOW_DIM, "system", "refused")),
        (_evil_words, (DESCRIPTIONS, "system", "refused")),
        (_one_frame, (LOW_DIM, "one frame")),
        (_millimetres, (LOW_DIM, "not in metres")),
    ],
)
def test_bad_data_is_refused_in_one_line(
    spoil: Callable[[Path], None], words: tuple[str, ...], data_set: Path, tmp_path: Path
) -> None:
    shutil.copytree(data_set, tmp_path / "data")
    spoil(tmp_path / "data" / EPISODE)
    outcome: Outcome = clap_here("import", "rlbench", tmp_path / "data", "--run", tmp_path / "run", "--workers", "1")
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 2 and len(errors) == 1 and "Traceback" not in outcome.err
    assert all(word in errors[0] for word in words), errors[0]
    assert not list((tmp_path / "run").glob("demos*"))
