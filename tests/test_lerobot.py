"""LeRobot's data sets and form of a policy: what is exported comes back, what is not whole is refused in one line."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import clap_here
from PIL import Image

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.bridges.lerobot.features import Feature, column
from stages.bridges.lerobot.reader import LerobotData
from stages.bridges.lerobot.statistics import combined, episode_statistics
from stages.bridges.lerobot.writer import DataSetWriter
from stages.core.errors import UserError
from stages.geometry.arm import BASE
from stages.geometry.cameras import deproject
from stages.geometry.clouds import frame_points, fuse
from stages.geometry.poses import pose_to_matrix, quaternion_to_matrix, rotation_angle, slerp
from stages.policy import ClapPolicy
from tests.random_policy import may_be_sent, random_policy

CAMERAS = ("left_shoulder", "right_shoulder", "wrist", "front")


@pytest.fixture(scope="module")
def exported(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run as a data set with images; read only."""
    return _export(tiny_run, tmp_path_factory.mktemp("lerobot") / "data")


@pytest.fixture(scope="module")
def demos(tiny_run: Path) -> list[Episode]:
    with Demonstrations(tiny_run / "demos.h5") as opened:
        return list(opened)


def _export(run: Path, out: Path, *options: str) -> Path:
    outcome = clap_here("export", "lerobot", run, "--out", out, "--json", *options)
    assert outcome.code == 0, outcome.err
    assert outcome.json["path"] == str(out)
    return out


def _copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "data"))


def _change_info(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def _data_file(folder: Path) -> Path:
    return folder / "data/chunk-000/file-000.parquet"


def _replace_column(path: Path, name: str, values: pa.Array | None) -> None:
    table = pq.read_table(path)
    number = table.column_names.index(name)
    table = table.remove_column(number) if values is None else table.set_column(number, name, values)
    pq.write_table(table, path)


class TestExport:
    def test_files_and_counts(self, exported: Path, demos: list[Episode]) -> None:
        info = json.loads((exported / "meta/info.json").read_text())
        frames = sum(len(episode) + 1 for episode in demos)
        assert info["codebase_version"] == "v3.0" and info["fps"] == 1 and info["video_path"] is None
        assert (info["total_episodes"], info["total_frames"]) == (4, frames) and info["splits"] == {"train": "0:4"}
        table = pq.read_table(_data_file(exported))
        assert table.column("index").to_pylist() == list(range(frames))
        assert set(table.column_names) == set(info["features"])
        described = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
        assert described["observation.images.front"] == {"_type": "Image"} and set(described) == set(info["features"])
        tasks = pq.read_table(exported / "meta/tasks.parquet")
        assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["__index_level_0__"]
        texts = tasks.column("__index_level_0__").to_pylist()
        numbers = table.column("task_index").to_pylist()
        assert [texts[number] for number in numbers] == [e.instruction for e in demos for _ in e.observations]

    def test_statistics_are_those_of_all_frames(self, exported: Path, demos: list[Episode]) -> None:
        stats = json.loads((exported / "meta/stats.json").read_text())
        poses = np.array([o.gripper_pose for episode in demos for o in episode.observations])
        images = np.stack([o.cameras["front"].rgb for episode in demos for o in episode.observations]) / 255
        state, image = stats["observation.state"], stats["observation.images.front"]
        assert state["count"] == image["count"] == [len(poses)]
        for name in ("min", "max", "mean", "std"):
            np.testing.assert_allclose(state[name][:7], getattr(poses, name)(axis=0), atol=1e-7)
            expected = getattr(images, name)(axis=(0, 1, 2)).reshape(3, 1, 1)
            np.testing.assert_allclose(image[name], expected, atol=1e-7)
        own = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()[1]
        depth = np.stack([o.cameras["front"].depth for o in demos[1].observations])
        np.testing.assert_allclose(own["stats/observation.depth.front/q90"], [np.quantile(depth, 0.9)], rtol=1e-6)

    def test_the_dense_trajectory_is_at_even_times(self, tiny_run: Path, tmp_path: Path, demos: list[Episode]) -> None:
        folder = _export(tiny_run, tmp_path / "dense", "--dense")
        table = pq.read_table(_data_file(folder), filters=[("episode_index", "=", 2)])
        time, state = np.array(table.column("time")), np.array(table.column("observation.state").to_pylist())
        np.testing.assert_allclose(np.diff(time), 0.05, atol=1e-9)
        recorded = demos[2].trajectory
        for place, key in ((slice(0, 3), "gripper_pose"), (slice(8, 15), "joint_positions")):
            columns = recorded[key][:, : state[:, place].shape[1]].T
            expected = np.stack([np.interp(time, recorded["time"], values) for values in columns], axis=1)
            np.testing.assert_allclose(state[:, place], expected, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(state[:, 3:7], axis=1), 1, atol=1e-6)
        assert _refused(folder).endswith("observation.images.<camera>.")

    def test_nothing_else_is_replaced(self, tiny_run: Path, exported: Path, tmp_path: Path) -> None:
        again = clap_here("export", "lerobot", tiny_run, "--out", exported)
        assert again.code == 2 and "exists. Use --overwrite" in again.err
        other = clap_here("export", "lerobot", tiny_run, "--out", tmp_path, "--overwrite")
        assert other.code == 2 and "is not an export of this tool" in other.err

    def test_a_missing_package_is_one_line(self, tiny_run: Path, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        outcome = clap_here("export", "lerobot", tiny_run, "--out", tmp_path / "data")
        assert outcome.code == 2 and outcome.err.count("\n") == 1 and "pip install" in outcome.err
        assert list(tmp_path.iterdir()) == []


class TestRoundTrip:
    @pytest.mark.parametrize("options", [(), ("--video",)])
    def test_what_is_exported_comes_back(
        self, tiny_run: Path, exported: Path, tmp_path: Path, demos: list[Episode], options: tuple[str, ...]
    ) -> None:
        folder = _export(tiny_run, tmp_path / "data", *options) if options else exported
        outcome = clap_here("import", "lerobot", folder, "--run", tmp_path / "run", "--workers", "1", "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["variations"] == {"push_button+0": 2, "pick_and_lift+0": 2}
        with Demonstrations(tmp_path / "run" / "demos.h5") as opened:
            assert len(opened) == len(demos) and opened.env_args["env_name"] == "lerobot"
            for found, expected in zip(opened, demos, strict=True):
                _assert_same_motions(found, expected)
                for mine, theirs in zip(found.observations, expected.observations, strict=True):
                    for name in CAMERAS:
                        one, other = mine.cameras[name], theirs.cameras[name]
                        np.testing.assert_allclose(frame_points(one)[0], frame_points(other)[0], atol=1e-3)
                        difference = np.abs(one.rgb.astype(int) - other.rgb)
                        assert difference.mean() < 10 if options else difference.max() == 0

    def test_the_same_bytes_each_time(self, tiny_run: Path, exported: Path, tmp_path: Path) -> None:
        again = _export(tiny_run, tmp_path / "data")
        for path in exported.rglob("*"):
            assert path.is_dir() or path.read_bytes() == (again / path.relative_to(exported)).read_bytes()

    def test_a_dense_recording_has_its_keyframes_found(self, tmp_path: Path, demos: list[Episode]) -> None:
        folder, expected = _foreign(tmp_path, demos[2])
        found = LerobotData(folder).episode(0)
        assert found.taskvar == "lift_it+0" and found.instructions == ("lift it!",)
        chosen = found.trajectory["keyframes"]
        assert 2 < len(chosen) < len(expected.trajectory["time"]) and len(found) == len(chosen) - 1
        np.testing.assert_allclose(found.actions[:, :7], expected.trajectory["gripper_pose"][chosen[1:]], atol=1e-6)
        assert set(chosen) >= {0, len(expected.trajectory["time"]) - 1}

    def test_clouds_and_cameras_on_the_hand_and_the_robots_frame(self, tmp_path: Path, demos: list[Episode]) -> None:
        folder, expected = _foreign(tmp_path, demos[2], clouds=True)
        found, seen = LerobotData(folder, "all").episode(0).observations[0], expected.observations[0]
        np.testing.assert_allclose(found.gripper_pose, seen.gripper_pose, atol=1e-6)
        np.testing.assert_allclose(found.cameras["hand"].depth, seen.cameras["wrist"].depth, atol=1e-5)
        np.testing.assert_allclose(
            found.cameras["hand"].camera_to_world, seen.cameras["wrist"].camera_to_world, atol=1e-6
        )
        expected_points, points = fuse(seen, ["wrist"])[0], fuse(found)[0]
        np.testing.assert_allclose(points, expected_points, atol=1e-3)


def _assert_same_motions(found: Episode, expected: Episode) -> None:
    assert (found.task, found.variation, found.level) == (expected.task, expected.variation, expected.level)
    assert found.seed == expected.seed and found.success and set(found.instructions) == set(expected.instructions)
    np.testing.assert_allclose(found.actions, expected.actions, atol=1e-6)
    for mine, theirs in zip(found.observations, expected.observations, strict=True):
        np.testing.assert_allclose(mine.gripper_pose, theirs.gripper_pose, atol=1e-6)
        np.testing.assert_allclose(mine.joint_positions, theirs.joint_positions, atol=1e-6)
        assert abs(mine.gripper_open - theirs.gripper_open) < 1e-6 and mine.time == theirs.time


def _foreign(tmp_path: Path, episode: Episode, clouds: bool = False) -> tuple[Path, Episode]:
    """A data set as others may have it, of the whole trajectory, every image the first one of the wrist's camera.

    Depth in whole millimetres and a camera that stands still, or clouds in the robot's frame and a camera on the hand.
    """
    frame, count = episode.observations[0].cameras["wrist"], len(episode.trajectory["time"])
    height, width = frame.depth.shape
    names = ("qx", "qy", "qz", "qw", "gripper_open", "z", "y", "x", *(f"joint_{n}" for n in range(1, 8)))
    shape = (
        {"observation.points.hand": Feature("float32", (height, width, 3))}
        if clouds
        else {"observation.depth.hand": Feature("uint16", (height, width))}
    )
    image = {"observation.images.hand": Feature("image", (height, width, 3), ("height", "width", "channels"))}
    folder = tmp_path / "foreign"
    writer = DataSetWriter(folder, {"observation.state": Feature("float32", (15,), names)} | shape | image, 20, "other")
    pose, base = episode.trajectory["gripper_pose"], BASE if clouds else np.zeros(3)
    joints, opening = episode.trajectory["joint_positions"], episode.trajectory["gripper_open"][:, None]
    seen = deproject(frame.depth, frame.intrinsics, frame.camera_to_world) - base if clouds else frame.depth * 1000
    values = {
        "observation.state": np.hstack([pose[:, 3:], opening, pose[:, 2::-1] - base[::-1], joints]),
        next(iter(shape)): np.repeat(np.rint(seen)[None] if not clouds else seen[None], count, axis=0),
        "observation.images.hand": np.repeat(frame.rgb[None], count, axis=0),
    }
    writer.add(values, "Lift it!", {})
    writer.close()
    in_hand = np.linalg.inv(pose_to_matrix(pose[0])) @ frame.camera_to_world
    placed = {"camera_to_tip": in_hand.tolist()} if clouds else {"camera_to_world": frame.camera_to_world.tolist()}
    camera = placed | {"intrinsics": frame.intrinsics.tolist()} | ({} if clouds else {"unit": "mm"})
    given = {"cameras": {"hand": camera}} | ({"frame": "robot_base"} if clouds else {})
    (folder / "meta/cameras.json").write_text(json.dumps(given))
    return folder, episode


def _refused(folder: Path) -> str:
    """The one line that the import of a data set ends with; nothing of it is left."""
    run = folder.parent / "run"
    outcome = clap_here("import", "lerobot", folder, "--run", run, "--workers", "1")
    lines = [line for line in outcome.err.splitlines() if not line.startswith("import lerobot:")]
    assert outcome.code == 2 and len(lines) == 1, outcome.err
    assert not list(run.glob("*")) and str(folder) in lines[0]
    return lines[0]


class TestRefusals:
    def test_no_data_set(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        assert "meta/info.json cannot be read" in _refused(tmp_path / "data")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda info: info.update(codebase_version="v2.1"), "is of version v2.1, this tool reads v3.0. Convert"),
            (lambda info: info["features"].pop("observation.state"), "has no feature observation.state"),
            (lambda info: info["features"]["observation.state"]["names"].remove("qw"), "has no qw"),
            (lambda info: info["features"].pop("camera.wrist.extrinsics"), "Give intrinsics and camera_to_world"),
            (lambda info: info["features"]["observation.depth.front"].update(info={"unit": "in"}), "unit 'in'"),
            (lambda info: info["features"]["observation.depth.front"].update(shape=[16, 16]), "has not the shape"),
            (
                lambda info: [info["features"].pop(f"observation.depth.{name}") for name in CAMERAS],
                "has no camera with depth or clouds",
            ),
        ],
    )
    def test_what_info_says(self, exported: Path, tmp_path: Path, change: Any, message: str) -> None:
        folder = _copy(exported, tmp_path)
        _change_info(folder, change)
        assert message in _refused(folder)

    def test_whole_numbers_without_a_unit(self, tmp_path: Path, demos: list[Episode]) -> None:
        folder, _ = _foreign(tmp_path, demos[2])
        cameras = json.loads((folder / "meta/cameras.json").read_text())
        del cameras["cameras"]["hand"]["unit"]
        (folder / "meta/cameras.json").write_text(json.dumps(cameras))
        assert "does not say in which unit the depth of 'hand' is. Write \"unit\"" in _refused(folder)
        cameras["cameras"]["hand"]["unit"] = "m"
        (folder / "meta/cameras.json").write_text(json.dumps(cameras))
        assert "are not in metres" in _refused(folder)

    def test_a_missing_column(self, exported: Path, tmp_path: Path) -> None:
        folder = _copy(exported, tmp_path)
        _replace_column(_data_file(folder), "observation.depth.front", None)
        assert "file-000.parquet has no column observation.depth.front" in _refused(folder)

    def test_a_damaged_image(self, exported: Path, tmp_path: Path) -> None:
        folder = _copy(exported, tmp_path)
        path = _data_file(folder)
        entries = pq.read_table(path).column("observation.images.front").to_pylist()
        entries[-1]["bytes"] = entries[-1]["bytes"][:200]
        feature = Feature("image", (32, 32, 3))
        _replace_column(path, "observation.images.front", column(feature, [entry["bytes"] for entry in entries]))
        assert "of observation.images.front" in _refused(folder)

    def test_truncated_and_missing_files(self, exported: Path, tmp_path: Path) -> None:
        folder = _copy(exported, tmp_path)
        path = _data_file(folder)
        path.write_bytes(path.read_bytes()[:5000])
        assert "file-000.parquet cannot be read" in _refused(folder)
        path.unlink()
        assert "file-000.parquet is missing" in _refused(folder)
        shutil.rmtree(folder / "meta/episodes")
        assert "has no table of episodes" in _refused(folder)

    def test_an_episode_of_one_frame(self, exported: Path, tmp_path: Path) -> None:
        folder = _copy(exported, tmp_path)
        path, rows = _data_file(folder), folder / "meta/episodes/chunk-000/file-000.parquet"
        table = pq.read_table(path)
        first = (np.array(table.column("episode_index")) == 0) & (np.array(table.column("frame_index")) > 0)
        pq.write_table(table.filter(pa.array(~first)), path)
        _replace_column(rows, "length", pa.array([1, *pq.read_table(rows).column("length").to_pylist()[1:]]))
        assert "has one frame" in _refused(folder)

    def test_a_damaged_video(self, tiny_run: Path, tmp_path: Path) -> None:
        folder = _export(tiny_run, tmp_path / "data", "--video")
        video = folder / "videos/observation.images.front/chunk-000/file-000.mp4"
        with av.open(str(video)) as file:
            assert file.streams.video[0].frames == pq.read_table(_data_file(folder)).num_rows
        video.write_bytes(video.read_bytes()[:300])
        assert "file-000.mp4 cannot be read" in _refused(folder)


def test_statistics_of_parts_make_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    features = {"x": Feature("float32", (3,))}
    parts = [rng.normal(size=(size, 3)) * size for size in (2, 5, 9)]
    together = combined([episode_statistics(features, {"x": part})["x"] for part in parts])
    whole = episode_statistics(features, {"x": np.concatenate(parts)})["x"]
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(together[name], whole[name])


def test_slerp_goes_the_shorter_way_at_even_speed() -> None:
    rng = np.random.default_rng(1)
    first, second = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in rng.normal(size=(2, 50, 4)))
    share = rng.random(50)
    between = quaternion_to_matrix(slerp(first, second, share))
    begin, end = quaternion_to_matrix(first), quaternion_to_matrix(second)
    np.testing.assert_allclose(rotation_angle(begin, between), share * rotation_angle(begin, end), atol=1e-6)
    np.testing.assert_allclose(rotation_angle(between, end), (1 - share) * rotation_angle(begin, end), atol=1e-6)
    np.testing.assert_allclose(slerp(first, -first, share), first, atol=1e-12)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> ClapPolicy:
    return random_policy(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def batch(exported: Path) -> dict[str, Any]:
    """Frames 0 and 1 of the first episode as LeRobot's loader gives them."""
    rows, batch = pq.read_table(_data_file(exported)).slice(0, 2), {"task": ["lift it", "push it"]}
    for key in rows.column_names:
        if key.startswith("observation.images."):
            batch[key] = torch.stack([_tensor(entry["bytes"]) for entry in rows.column(key).to_pylist()])
        elif key.startswith(("observation.", "camera.")):
            batch[key] = torch.tensor(rows.column(key).to_pylist())
    return batch


def _tensor(png: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(png)))).permute(2, 0, 1).float() / 255


class TestPolicy:
    def test_a_batch_is_decided_robot_by_robot(
        self, policy: ClapPolicy, batch: dict[str, Any], demos: list[Episode]
    ) -> None:
        policy.reset()
        actions = policy.select_action(batch)
        assert actions.shape == (2, 8) and actions.dtype == torch.float32
        for number, task in enumerate(batch["task"]):
            alone = ClapPolicy(policy.planner, policy.predictor, policy.config)
            alone.reset(task)
            expected = alone.select_action(demos[0].observations[number])
            np.testing.assert_allclose(actions[number], expected.action[:8], atol=1e-5)
            assert policy.batched.decisions[number].step == expected.step
            whole = actions[number].numpy().astype(float)
            whole[3:7] /= np.linalg.norm(whole[3:7])
            assert may_be_sent(whole)

    def test_the_instruction_may_come_with_the_reset(self, policy: ClapPolicy, batch: dict[str, Any]) -> None:
        policy.reset("lift it")
        without = {key: value[:1] for key, value in batch.items() if key != "task"}
        assert policy.select_action(without).shape == (1, 8)
        policy.reset()
        with pytest.raises(UserError, match="not one task for each robot"):
            policy.select_action(without)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("observation.depth.front", None, "has no observation.depth.front"),
            ("camera.front.extrinsics", None, "has no camera.front.extrinsics"),
            ("observation.state", torch.zeros(2, 7), r"has the shape \(2, 7\)"),
            ("observation.depth.front", torch.zeros(2, 5, 5), "'front' has depth"),
            ("task", ["lift it"], "not one task for each robot"),
        ],
    )
    def test_refusals(self, policy: ClapPolicy, batch: dict[str, Any], key: str, value: Any, message: str) -> None:
        changed = batch | {key: value} if value is not None else {k: v for k, v in batch.items() if k != key}
        with pytest.raises(UserError, match=message):
            policy.select_action(changed)
