"""Demonstrations of the embedded simulator, written as GemBench's key steps and imported again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import clap_here
from gembench_layout import INSTRUCTIONS, packed, record, write_data_set, write_record

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.core.observation import CAMERAS
from stages.geometry.cameras import intrinsics_from_fov, look_at, project
from stages.geometry.clouds import fuse
from stages.geometry.projection_fit import fit_camera


def by_variation(run: Path) -> list[Episode]:
    with Demonstrations(run / "demos.h5") as demos:
        return sorted((demos.episode(index) for index in range(len(demos))), key=lambda episode: episode.taskvar)


def test_a_camera_is_found_from_what_its_pixels_show() -> None:
    rng = np.random.default_rng(0)
    intrinsics = intrinsics_from_fov(np.deg2rad(40), 96, 128)
    camera = look_at(np.array([1.3, 0.2, 1.6]), np.array([0.2, 0.0, 0.8]))
    points = rng.uniform(-0.3, 0.3, (500, 3)) + [0.2, 0.0, 0.8]
    pixels, _ = project(points, intrinsics, camera)
    found, pose, error = fit_camera(pixels, points)
    assert np.allclose(found, intrinsics, atol=1e-3) and np.allclose(pose, camera, atol=1e-6) and error < 1e-6
    with pytest.raises(ValueError, match="plane"):
        fit_camera(pixels, points * [1, 1, 0])


def test_what_is_imported_is_what_was_written(tiny_run: Path, tmp_path: Path) -> None:
    originals = by_variation(tiny_run)
    write_data_set(tmp_path / "data", originals)
    outcome = clap_here("import", "gembench", tmp_path / "data", "--run", tmp_path / "run", "--workers", "1")
    assert outcome.code == 0, outcome.err
    for original, found in zip(originals, by_variation(tmp_path / "run"), strict=True):
        assert original.taskvar == found.taskvar and original.instructions == found.instructions
        assert not found.is_labelled and len(found) == len(original)
        for k, (one, other) in enumerate(zip(original.observations, found.observations, strict=True)):
            assert np.allclose(one.gripper_pose, other.gripper_pose, atol=1e-6)
            assert tuple(other.cameras) == CAMERAS
            if k:
                assert np.allclose(found.actions[k - 1, :7], one.gripper_pose, atol=1e-6)
            (cloud, colours), (again, colours_again) = (fuse(seen, hide_arm=False) for seen in (one, other))
            assert cloud.shape == again.shape and np.linalg.norm(cloud - again, axis=1).max() < 1e-3
            assert np.array_equal(colours, colours_again)
    for stage in ("annotate-keypoints", "decompose"):
        outcome = clap_here(stage, "--run", tmp_path / "run")
        assert outcome.code == 0, outcome.err


def _another_schema(root: Path, values: dict) -> None:
    write_record(root / "seed0/push_button+0", "episode0", packed({"images": values["rgb"]}))


def _no_message(root: Path, values: dict) -> None:
    write_record(root / "seed0/push_button+0", "episode0", b"\xc1 is no message")


def _one_key_step(root: Path, values: dict) -> None:
    first = {name: value[:1] if isinstance(value, np.ndarray) else value for name, value in values.items()}
    write_record(root / "seed0/push_button+0", "episode0", packed(first))


def _millimetres(root: Path, values: dict) -> None:
    action = values["action"].copy()
    action[:, :3] *= 1000
    changed = values | {"action": action, "pc": values["pc"] * 1000}
    write_record(root / "seed0/push_button+0", "episode0", packed(changed))


def _no_camera_sees_so(root: Path, values: dict) -> None:
    shuffled = np.random.default_rng(0).permuted(values["pc"], axis=3)
    write_record(root / "seed0/push_button+0", "episode0", packed(values | {"pc": shuffled}))


def _damaged(root: Path, values: dict) -> None:
    file = root / "seed0/push_button+0/data.mdb"
    file.write_bytes(file.read_bytes()[:1000])


def _without_wordings(root: Path, values: dict) -> None:
    (root / INSTRUCTIONS).unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_another_schema, ("push_button+0/data.mdb:episode0", "key_frameids")),
        (_no_message, ("push_button+0/data.mdb:episode0", "msgpack")),
        (_one_key_step, ("push_button+0/data.mdb:episode0", "one frame")),
        (_millimetres, ("push_button+0/data.mdb:episode0", "not in metres")),
        (_no_camera_sees_so, ("push_button+0/data.mdb:episode0", "left_shoulder")),
        (_damaged, ("push_button+0/data.mdb", "LMDB")),
        (_without_wordings, (INSTRUCTIONS,)),
    ],
)
def test_bad_data_is_refused_in_one_line(
    spoil: Callable[[Path, dict], None], words: tuple[str, ...], tiny_run: Path, tmp_path: Path
) -> None:
    episode = next(one for one in by_variation(tiny_run) if one.task == "push_button")
    write_data_set(tmp_path / "data", [episode])
    spoil(tmp_path / "data", record(episode))
    outcome = clap_here("import", "gembench", tmp_path / "data", "--run", tmp_path / "run", "--workers", "1")
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 2 and len(errors) == 1 and "Traceback" not in outcome.err
    assert all(word in errors[0] for word in words), errors[0]
    assert not list((tmp_path / "run").glob("demos*"))
