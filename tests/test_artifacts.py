"""Artifacts: what is written comes back, what is damaged or foreign is refused, what is interrupted leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from stages.artifacts.annotations import Keypoints, PlanAnnotation, Plans, write_plan
from stages.artifacts.checksum import has_its_checksum
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.digest import DIGEST, directory_digest, group_digest
from stages.artifacts.episode import TRAJECTORY, Episode, ObjectTracks, Predictions
from stages.artifacts.episode_io import write_episode
from stages.artifacts.files import (
    check_directory,
    check_parent,
    content_digest,
    open_artifact,
    parent,
    publish_directory,
    read_header,
    writing,
)
from stages.artifacts.header import Header, Parent
from stages.artifacts.integrity import is_whole
from stages.artifacts.lineage import lineage
from stages.artifacts.next_observations import bring_up_to_date, copy_episode
from stages.artifacts.resume import begin, open_partial, partial_of
from stages.artifacts.run import RunDirectory
from stages.artifacts.shards import assemble_episodes, missing_shards, read_notes, shard_path, write_episode_shard
from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation
from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW

ENV_ARGS = {"env_name": "tabletop", "type": 2, "env_kwargs": {}}


def header(schema: str = "clap.demos", parents: tuple = (), **settings: Any) -> Header:
    return Header.create(schema, config={"a": 1}, settings=settings, seed=3, parents=parents)


def observation(rng: np.random.Generator, time: float) -> Observation:
    frames = {
        name: CameraFrame(
            rgb=rng.integers(0, 256, (6, 8, 3), np.uint8),
            depth=rng.random((6, 8), np.float32),
            intrinsics=rng.random((3, 3)),
            camera_to_world=rng.random((4, 4)),
            mask=rng.integers(0, 9, (6, 8), np.uint16),
        )
        for name in ("wrist", "front")
    }
    return Observation(frames, rng.random(7), float(rng.random()), rng.random(7), time)


def make_episode(seed: int = 0, count: int = 3, predictions: bool = False) -> Episode:
    rng = np.random.default_rng(seed)
    actions = rng.random((count, 9)) * 3 - 1
    steps = tuple(f"grasp the red block {k}" for k in range(count))
    return Episode(
        task="pick_and_lift",
        variation=2,
        level="train",
        seed=seed,
        instruction="lift the “red” block",
        instructions=("lift the “red” block", "raise it"),
        success=True,
        observations=tuple(observation(rng, k / 10) for k in range(count + 1)),
        actions=actions,
        steps=steps,
        targets=rng.random((count, 3)),
        objects=ObjectTracks(("red block", "ball"), ("object", "place"), np.array([4, 5]), rng.random((count, 2, 3))),
        states=rng.random((count, 5)),
        rewards=np.eye(1, count, count - 1)[0] if count else np.zeros(0),
        trajectory={name: rng.random((9, 2)) for name in TRAJECTORY},
        plan=("grasp the red block",),
        error="unreachable",
        predictions=Predictions(steps, rng.random((count, 3)), rng.random(count), ({"ball": [1.0]},) * count, actions)
        if predictions
        else None,
    )


def assert_same(one: Any, two: Any) -> None:
    """Equality of nested dataclasses with arrays."""
    assert type(one) is type(two) or np.isscalar(one)
    if hasattr(one, "__dataclass_fields__"):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(two, field.name))
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_same(one[key], two[key])
    elif isinstance(one, tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    else:
        assert one == two


def write_demos(path: Path, episodes: list[Episode], valid: tuple[int, ...] = (), **settings: Any) -> Path:
    shards = open_partial(path, header(**settings))
    for index, episode in enumerate(episodes):
        write_episode_shard(shards, index, episode, {"index": index})
    assemble_episodes(shards, len(episodes), path, header(**settings), {"n": 1}, env_args=ENV_ARGS, valid=valid)
    shutil.rmtree(shards)
    return path


def write_older_demos(path: Path) -> Path:
    """A file of one episode as version 2 had it: no next observations, both fingers' positions positive."""
    with writing(path, replace(header(), version=2), {}) as file:
        group = file.create_group("data/demo_0")
        write_episode(group, make_episode(0))
        del group["next_obs"]
        for part in ("obs", "final_obs"):
            group[part]["robot0_gripper_qpos"][...] = np.abs(group[part]["robot0_gripper_qpos"][()])
    return path


def write_plans(path: Path, demos: Path) -> Path:
    with writing(path, header("clap.plans", (parent(demos, "clap.demos"),)), {}) as file:
        plan = PlanAnnotation("lift it", ("grasp the red block",), np.array([0, 0]), np.array([0, 1]))
        write_plan(file.create_group("episodes/demo_0"), plan)
    return path


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three episodes; read only."""
    path = tmp_path_factory.mktemp("artifacts") / "demos.h5"
    return write_demos(path, [make_episode(0), make_episode(1, 1), make_episode(2, 2, predictions=True)], valid=(2,))


class TestEpisodes:
    def test_round_trip(self, demos: Path) -> None:
        with Demonstrations(demos) as opened:
            assert len(opened) == 3
            assert_same(opened.episode(0), make_episode(0))
            assert_same(opened.episode(1), make_episode(1, 1))
            assert_same(opened.episode(2), make_episode(2, 2, predictions=True))
            assert [episode.seed for episode in opened] == [0, 1, 2]

    def test_an_episode_without_motions(self, tmp_path: Path) -> None:
        with Demonstrations(write_demos(tmp_path / "demos.h5", [make_episode(0, 0)])) as opened:
            assert_same(opened.episode(0), make_episode(0, 0))

    def test_single_observations(self, demos: Path) -> None:
        expected = make_episode(0)
        with Demonstrations(demos) as opened:
            for k in range(4):
                assert_same(opened.observation(0, k), expected.observations[k])
            with pytest.raises(IndexError):
                opened.observation(0, 4)
            assert opened.episode(0, images=False).observations[1].cameras == {}

    def test_parts(self, demos: Path) -> None:
        with Demonstrations(demos) as opened:
            assert opened.indices("train") == [0, 1] and opened.indices("valid") == [2]
            with pytest.raises(UserError, match="from 0 to 2"):
                opened.episode(3)

    def test_the_layout_is_robomimics(self, demos: Path) -> None:
        with h5py.File(demos, "r") as file:
            data = file["data"]
            assert json.loads(data.attrs["env_args"]).keys() >= {"env_name", "type", "env_kwargs"}
            assert data.attrs["total"] == 6 and set(data) == {"demo_0", "demo_1", "demo_2"}
            assert [name.decode() for name in file["mask/train"]] == ["demo_0", "demo_1"]
            assert file["mask/train"].dtype.kind == "S"
            demo = data["demo_0"]
            n = demo.attrs["num_samples"]
            assert n == 3 == len(demo["actions"]) == len(demo["states"])
            assert demo["rewards"].shape == demo["dones"].shape == (n,)
            assert np.abs(demo["actions"][()]).max() <= 1
            assert demo["obs/front_image"].shape == (n, 6, 8, 3) and demo["obs/front_image"].dtype == np.uint8
            assert demo["obs/front_depth"].shape == (n, 6, 8, 1)
            assert all(isinstance(value, h5py.Dataset) for value in demo["obs"].values())
            assert demo["obs/robot0_eef_quat"].shape == (n, 4) and demo["obs/robot0_gripper_qpos"].shape == (n, 2)
            opening = demo["obs/robot0_gripper_open"][:, 0]
            np.testing.assert_allclose(demo["obs/robot0_gripper_qpos"][()], np.outer(opening, [0.04, -0.04]))

    def test_next_observations_are_views_that_move_with_the_file(self, demos: Path, tmp_path: Path) -> None:
        moved = Path(shutil.copy(demos, tmp_path / "elsewhere.h5"))
        with h5py.File(moved, "r") as file:
            for index in range(3):
                demo = file["data"][f"demo_{index}"]
                assert set(demo["next_obs"]) == set(demo["obs"])
                for key, following in demo["next_obs"].items():
                    expected = np.concatenate([demo["obs"][key][1:], demo["final_obs"][key]])
                    assert following.is_virtual and following.dtype == expected.dtype
                    np.testing.assert_array_equal(following[()], expected)
        assert is_whole(moved, "clap.demos")

    def test_files_of_the_version_before_are_read(self, tmp_path: Path) -> None:
        with Demonstrations(write_older_demos(tmp_path / "demos.h5")) as opened:
            assert opened.header.version == 2
            assert_same(opened.episode(0), make_episode(0))
        assert is_whole(tmp_path / "demos.h5", "clap.demos")

    def test_an_older_episode_is_brought_up_to_date(self, demos: Path, tmp_path: Path) -> None:
        older = write_older_demos(tmp_path / "demos.h5")
        with h5py.File(older, "r") as file, h5py.File(tmp_path / "copy.h5", "w") as copy, h5py.File(demos, "r") as new:
            group = copy.create_group("episode")
            copy_episode(file["data/demo_0"], group)
            bring_up_to_date(group)
            assert group_digest(group) == new["data/demo_0"].attrs[DIGEST]

    def test_normalised_actions_undo_to_absolute_ones(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        actions = np.concatenate([rng.uniform(WORKSPACE_LOW, WORKSPACE_HIGH, (3, 3)), rng.random((3, 6))], axis=1)
        path = write_demos(tmp_path / "demos.h5", [replace(make_episode(0), actions=actions)])
        with h5py.File(path, "r") as file:
            scaled = file["data/demo_0/actions"][()]
        back = (scaled[:, :3] + 1) / 2 * (WORKSPACE_HIGH - WORKSPACE_LOW) + WORKSPACE_LOW
        np.testing.assert_allclose(back, actions[:, :3], atol=1e-12)
        np.testing.assert_allclose((scaled[:, 7:] + 1) / 2, actions[:, 7:], atol=1e-12)


class TestDigest:
    def test_same_content_same_digest(self, demos: Path, tmp_path: Path) -> None:
        episodes = [make_episode(0), make_episode(1, 1), make_episode(2, 2, predictions=True)]
        again = write_demos(tmp_path / "other.h5", episodes, valid=(2,), other="settings")
        assert content_digest(again) == content_digest(demos)
        with h5py.File(demos, "r") as file:
            assert file.attrs[DIGEST] == content_digest(demos)

    def test_compression_does_not_count(self, tmp_path: Path) -> None:
        values = np.arange(100.0)
        for name, options in (("plain", {}), ("packed", {"compression": "gzip", "chunks": (10,)})):
            with writing(tmp_path / name, header(), {}) as file:
                file.create_dataset("data/x", data=values, **options)
        assert content_digest(tmp_path / "plain") == content_digest(tmp_path / "packed")

    @pytest.mark.parametrize(
        "change",
        [
            lambda file: file["data/demo_0/targets"].__setitem__((0, 0), 9.0),
            lambda file: file["data/demo_1/steps"].__setitem__(0, "lift the grasped cup"),
            lambda file: file["data/demo_1"].attrs.__setitem__("seed", 7),
            lambda file: file.__delitem__("mask/valid"),
            lambda file: swap(file["data/demo_0"], "next_obs/front_depth", "next_obs/wrist_depth"),
            lambda file: file["data"].move("demo_0", "demo_9"),
        ],
    )
    def test_every_change_counts(self, demos: Path, tmp_path: Path, change: Any) -> None:
        copy = Path(shutil.copy(demos, tmp_path / "demos.h5"))
        assert is_whole(copy, "clap.demos")
        with h5py.File(copy, "r+") as file:
            change(file)
        assert content_digest(copy) != content_digest(demos)
        assert not is_whole(copy, "clap.demos")


def swap(group: h5py.Group, one: str, other: str) -> None:
    group.move(one, "between")
    group.move(other, one)
    group.move("between", other)


def _refusal(path: Path) -> str:
    """Why a file is not read as demonstrations."""
    try:
        Demonstrations(path).close()
    except UserError as error:
        return str(error)
    return ""


class TestRefusals:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="does not exist.*clap collect demos"):
            Demonstrations(tmp_path / "demos.h5")

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.95])
    def test_truncated(self, demos: Path, tmp_path: Path, share: float) -> None:
        content = demos.read_bytes()
        (tmp_path / "demos.h5").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(UserError, match="is truncated") as refusal:
            Demonstrations(tmp_path / "demos.h5")
        assert "--overwrite" not in str(refusal.value), "no advice that destroys"

    @pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"hello", "is not an HDF5 file")])
    def test_not_hdf5(self, tmp_path: Path, content: bytes, message: str) -> None:
        (tmp_path / "demos.h5").write_bytes(content)
        with pytest.raises(UserError, match=message):
            Demonstrations(tmp_path / "demos.h5")

    def test_damaged(self, demos: Path, tmp_path: Path) -> None:
        content = bytearray(demos.read_bytes())
        content[8:96] = bytes(88)
        (tmp_path / "demos.h5").write_bytes(content)
        with pytest.raises(UserError, match="is damaged"):
            Demonstrations(tmp_path / "demos.h5")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="is a directory"):
            Demonstrations(tmp_path)

    def test_in_use_by_another_process(self, demos: Path, tmp_path: Path) -> None:
        copy = Path(shutil.copy(demos, tmp_path / "demos.h5"))
        code = f"import h5py; file = h5py.File({str(copy)!r}, 'r+'); print('open', flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout.readline().strip() == b"open"
            with pytest.raises(UserError, match="is being written by another process.*Wait"):
                Demonstrations(copy)
            writer.communicate(b"\n")
        Demonstrations(copy).close()

    def test_forbidden(self, demos: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            copy = Path(shutil.copy(demos, folder))
            copy.chmod(0)
            if not (child := os.fork()):
                code = 1
                with suppress(BaseException):
                    if os.geteuid() == 0:  # root may read everything
                        os.setuid(65534)
                    code = 0 if "may not be read by this user" in _refusal(copy) else 2
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_another_schema(self, demos: Path) -> None:
        with pytest.raises(UserError, match="is a clap.demos artifact, not clap.plans"):
            Plans(demos)

    def test_no_schema(self, tmp_path: Path) -> None:
        h5py.File(tmp_path / "x.h5", "w").close()
        with pytest.raises(UserError, match="names no schema"):
            open_artifact(tmp_path / "x.h5", "clap.demos")

    @pytest.mark.parametrize(
        ("name", "value", "message"), [("version", 99, "version 99"), ("complete", False, "incom")]
    )
    def test_other_version_and_incomplete(
        self, demos: Path, tmp_path: Path, name: str, value: Any, message: str
    ) -> None:
        copy = Path(shutil.copy(demos, tmp_path / "demos.h5"))
        with h5py.File(copy, "r+") as file:
            file.attrs[name] = value
        with pytest.raises(UserError, match=message):
            Demonstrations(copy)

    def test_foreign_parent(self, demos: Path, tmp_path: Path) -> None:
        plans = write_plans(tmp_path / "plans.h5", demos)
        check_parent(plans, "clap.plans", demos, "clap.demos")
        Plans(plans, demos).close()
        other = write_demos(tmp_path / "demos.h5", [make_episode(5)])
        with pytest.raises(UserError, match="made from another clap.demos"):
            Plans(plans, other)
        with pytest.raises(UserError, match="not clap.keypoints"):
            Keypoints(plans, demos)

    def test_directories(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="clap finetune-vlm"):
            check_directory(tmp_path / "vlm", "clap.vlm")
        (tmp_path / "vlm").mkdir()
        with pytest.raises(UserError, match="no readable clap.json"):
            check_directory(tmp_path / "vlm", "clap.vlm")


class TestWriting:
    def test_nothing_is_left_of_a_failure(self, demos: Path, tmp_path: Path) -> None:
        target = Path(shutil.copy(demos, tmp_path / "demos.h5"))
        with pytest.raises(KeyboardInterrupt), writing(target, header(), {}) as file:
            file["x"] = 1
            raise KeyboardInterrupt
        assert target.read_bytes() == demos.read_bytes()
        assert list(tmp_path.iterdir()) == [target]

    def test_header_and_summary_come_back(self, demos: Path, tmp_path: Path) -> None:
        made = header("clap.plans", (parent(demos, "clap.demos"),), limit=0.5, names=("a", "b"))
        summary: dict[str, Any] = {}
        with writing(tmp_path / "plans.h5", made, summary):
            summary["episodes"] = 4
        assert read_header(tmp_path / "plans.h5", "clap.plans") == (made, {"episodes": 4})

    def test_a_moved_run_still_knows_its_parents(self, demos: Path, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        copy = Path(shutil.copy(demos, tmp_path / "a" / "demos.h5"))
        write_plans(tmp_path / "a" / "plans.h5", copy)
        (tmp_path / "a").rename(tmp_path / "b")
        found, _ = read_header(tmp_path / "b" / "plans.h5", "clap.plans")
        assert Path(found.parents[0].path) == tmp_path / "b" / "demos.h5"

    def test_a_directory_replaces_an_older_one(self, tmp_path: Path) -> None:
        for content in ("old", "new"):
            source = tmp_path / "source"
            source.mkdir()
            (source / "weights").write_text(content)
            publish_directory(source, tmp_path / "vlm", header("clap.vlm"), {"content": content})
        assert (tmp_path / "vlm" / "weights").read_text() == "new"
        assert [path.name for path in tmp_path.iterdir()] == ["vlm"]
        assert read_header(tmp_path / "vlm", "clap.vlm")[1] == {"content": "new"}
        assert is_whole(tmp_path / "vlm", "clap.vlm")
        (tmp_path / "vlm" / "weights").write_text("changed")
        assert not is_whole(tmp_path / "vlm", "clap.vlm")


class TestResume:
    def test_nothing_there(self, tmp_path: Path) -> None:
        assert begin(tmp_path / "demos.h5", header(), resume=False, overwrite=False) is None

    def test_complete(self, demos: Path) -> None:
        assert begin(demos, header(), resume=True, overwrite=False) == {"n": 1}
        assert begin(demos, header(), resume=False, overwrite=True) is None
        with pytest.raises(UserError, match="exists. Use --resume"):
            begin(demos, header(), resume=False, overwrite=False)
        with pytest.raises(UserError, match="exclude each other"):
            begin(demos, header(), resume=True, overwrite=True)

    def test_made_with_other_settings(self, demos: Path) -> None:
        with pytest.raises(UserError, match="size: None instead of 3.*--overwrite"):
            begin(demos, header(size=3), resume=True, overwrite=False)

    def test_made_from_other_parents(self, demos: Path, tmp_path: Path) -> None:
        plans = write_plans(tmp_path / "plans.h5", demos)
        other = parent(write_demos(tmp_path / "demos.h5", [make_episode(5)]), "clap.demos")
        with pytest.raises(UserError, match="another clap.demos"):
            begin(plans, header("clap.plans", (other,)), resume=True, overwrite=False)

    def test_begun(self, tmp_path: Path) -> None:
        target = tmp_path / "demos.h5"
        shards = open_partial(target, header(size=3))
        write_episode_shard(shards, 1, make_episode(1, 1), {"tries": 2})
        (tmp_path / ".demos.h5.killed.tmp").write_text("")
        assert missing_shards(shards, 3) == [0, 2]
        with pytest.raises(UserError, match="begun and not finished"):
            begin(target, header(size=3), resume=False, overwrite=False)
        with pytest.raises(UserError, match="size: 3 instead of 4"):
            begin(target, header(size=4), resume=True, overwrite=False)
        assert begin(target, header(size=3), resume=True, overwrite=False) is None
        assert [path.name for path in tmp_path.iterdir()] == ["demos.h5.partial"]
        assert shard_path(shards, 1).exists()
        assert begin(target, header(size=4), resume=False, overwrite=True) is None
        assert not partial_of(target).exists()

    def test_notes_of_shards(self, tmp_path: Path) -> None:
        for index in range(2):
            write_episode_shard(tmp_path, index, make_episode(1, 1), {"tries": index})
        assert read_notes(tmp_path, 2) == [{"tries": 0}, {"tries": 1}]


class TestLineage:
    def states(self, run: RunDirectory) -> dict[str, tuple[str, str]]:
        return {node.name: (node.state, node.reason) for node in lineage(run)}

    def test_an_empty_run(self, tmp_path: Path) -> None:
        assert set(self.states(RunDirectory(tmp_path)).values()) == {("missing", "")}

    def test_what_was_made_from_something_that_changed_is_stale(self, demos: Path, tmp_path: Path) -> None:
        run = RunDirectory(tmp_path)
        shutil.copy(demos, run.demos)
        write_plans(run.plans, run.demos)
        source = tmp_path / "source"
        source.mkdir()
        publish_directory(source, run.fine, header("clap.fine", (parent(run.plans, "clap.plans"),)), {})
        assert all(self.states(run)[name] == ("complete", "") for name in ("demos", "plans", "fine"))
        assert lineage(run)[2].parents == ("demos",)
        write_demos(run.demos, [make_episode(7)])
        assert self.states(run)["plans"] == ("stale", "demos has changed")
        assert self.states(run)["fine"] == ("stale", "plans is stale")
        run.demos.unlink()
        assert self.states(run)["plans"] == ("stale", "demos is gone")

    def test_a_changed_base_is_seen_when_verified(self, tmp_path: Path) -> None:
        run, base, source = RunDirectory(tmp_path / "run"), tmp_path / "base", tmp_path / "source"
        for folder in (run.root, base, source):
            folder.mkdir()
        weights = base / "model.safetensors"
        weights.write_bytes(b"0")
        parents = (Parent(str(base), "base", directory_digest(base)),)
        publish_directory(source, run.vlm, header("clap.vlm", parents), {})
        assert lineage(run, verify_content=True)[3].state == "complete"
        weights.write_bytes(b"1")
        assert self.states(run)["vlm"] == ("complete", "")
        assert lineage(run, verify_content=True)[3].reason == f"{base} has changed"
        shutil.rmtree(base)
        assert self.states(run)["vlm"] == ("stale", f"{base} is gone")

    def test_damage_and_unfinished_work_are_seen(self, demos: Path, tmp_path: Path) -> None:
        run = RunDirectory(tmp_path)
        run.demos.write_bytes(demos.read_bytes()[:1000])
        open_partial(run.rollouts("l1"), header())
        assert self.states(run)["demos"][0] == "damaged"
        assert self.states(run)["rollouts-l1"][0] == "unfinished"
        shutil.copy(demos, run.demos)
        with h5py.File(run.demos, "r+") as file:
            file["data/demo_0/targets"][0] = 0
        assert lineage(run, verify_content=True)[0].state == "damaged"


def test_damaged_shards_are_made_again(tmp_path: Path) -> None:
    for index in range(3):
        write_episode_shard(tmp_path, index, make_episode(index))
    assert missing_shards(tmp_path, 4) == [3]
    flipped = bytearray(shard_path(tmp_path, 1).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    shard_path(tmp_path, 1).write_bytes(flipped)
    shard_path(tmp_path, 2).write_bytes(shard_path(tmp_path, 2).read_bytes()[:-30])
    assert missing_shards(tmp_path, 4) == [1, 2, 3]


def test_a_beginning_of_another_version_is_not_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "demos.h5"
    write_episode_shard(open_partial(target, replace(header(), version=2)), 0, make_episode(0))
    with pytest.raises(UserError, match="begun by another version.*--overwrite"):
        begin(target, header(), resume=True, overwrite=False)


def test_a_damaged_beginning_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / "demos.h5"
    partial = open_partial(target, header())
    write_episode_shard(partial, 0, make_episode(0))
    (partial / "clap.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        begin(target, header(), resume=True, overwrite=False)


class TestChecksum:
    """Where HDF5 would run for ever: a text's length overwritten."""

    @pytest.mark.parametrize("fill", [b"\0", b"\xff"])
    def test_a_file_with_bytes_overwritten_is_refused_before_hdf5_reads_it(
        self, demos: Path, tmp_path: Path, fill: bytes
    ) -> None:
        copy = tmp_path / "demos.h5"
        for start in range(0, demos.stat().st_size - 64, demos.stat().st_size // 20):
            content = bytearray(demos.read_bytes())
            content[start : start + 64] = fill * 64
            copy.write_bytes(content)
            if content == demos.read_bytes():
                continue
            with pytest.raises(UserError, match="is damaged|is not an HDF5 file"):
                open_artifact(copy, "clap.demos")

    def test_a_file_that_another_tool_changed_is_opened(self, demos: Path, tmp_path: Path) -> None:
        copy = tmp_path / "demos.h5"
        shutil.copy(demos, copy)
        assert has_its_checksum(copy) and b"CLAP-CRC32:" in copy.read_bytes()[-20:]
        with h5py.File(copy, "r+") as file:
            file["data"].attrs["note"] = "mine"
        assert has_its_checksum(copy) and b"CLAP-CRC32:" not in copy.read_bytes()[-20:]
        with open_artifact(copy, "clap.demos") as file:
            assert file["data"].attrs["note"] == "mine"
