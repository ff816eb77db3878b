"""Open demonstrations, rollouts or recordings with robomimic's own loader, in every mode, and compare what it gives.

Run it in an environment that has robomimic (docs/interoperability.md): python -m tests.compatibility.robomimic DEMOS
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from robomimic.utils import obs_utils
from robomimic.utils.dataset import SequenceDataset

LOW_DIM = ("robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos", "robot0_joint_pos", "time")
DATA = ("actions", "actions_abs", "rewards", "dones", "states")
FARTHEST = 5.0
"""Depth that a network gets as 1 [m]."""


def main() -> None:
    """Every combination of cache, next observations, lengths and filter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demos", type=Path)
    path = parser.parse_args().demos
    modalities = _modalities(path)
    obs_utils.initialize_obs_utils_with_obs_specs({"obs": modalities})
    keys = [key for names in modalities.values() for key in names]
    modes = itertools.product(("all", "low_dim", None), (True, False), ((1, 1), (4, 1), (3, 2)), _filters(path))
    sequences = 0
    for cache, next_obs, (length, stack), part in modes:
        dataset = SequenceDataset(
            str(path),
            keys,
            DATA,
            frame_stack=stack,
            seq_length=length,
            hdf5_cache_mode=cache,
            filter_by_attribute=part,
            load_next_obs=next_obs,
        )
        for index in range(len(dataset)):
            _check(dataset, index, path)
        sequences += len(dataset)
        print(
            f"cache {cache}, next_obs {next_obs}, seq_length {length}, frame_stack {stack}, filter {part}: "
            f"{len(dataset)} sequences equal"
        )
    _check_batches(path, keys)
    _check_depth(path, modalities["depth"])
    print(f"{sequences} sequences of {path} are what was written")


def _modalities(path: Path) -> dict[str, list[str]]:
    with h5py.File(path) as file:
        keys = list(next(iter(file["data"].values()))["obs"])
    return {
        "low_dim": list(LOW_DIM),
        "rgb": [key for key in keys if key.endswith("_image")],
        "depth": [key for key in keys if key.endswith("_depth")],
    }


def _filters(path: Path) -> list[str | None]:
    """No filter, and those of the file that are not empty."""
    with h5py.File(path) as file:
        return [None, *(name for name, members in file["mask"].items() if len(members))]


def _check(dataset: SequenceDataset, index: int, path: Path) -> None:
    """A sequence is made of the file's rows, the first and the last repeated beyond the ends."""
    item, name = dataset[index], dataset._index_to_demo_id[index]
    start = index - dataset._demo_id_to_start_indices[name]
    with h5py.File(path) as file:
        demo = file["data"][name]
        count = demo.attrs["num_samples"]
        rows = np.clip(np.arange(start - dataset.n_frame_stack + 1, start + dataset.seq_length), 0, count - 1)
        for key in dataset.dataset_keys:
            _equal(item[key], demo[key][()][rows], f"{name}/{key}")
        for key, following in itertools.product(dataset.obs_keys, (False, True)):
            if not following:
                _equal(item["obs"][key], demo["obs"][key][()][rows], f"{name}/obs/{key}")
            elif dataset.load_next_obs:
                after = np.concatenate([demo["obs"][key][1:], demo["final_obs"][key]])
                _equal(item["next_obs"][key], after[rows], f"{name}/next_obs/{key}")


def _equal(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    if not np.array_equal(found, expected.astype(found.dtype)):
        raise SystemExit(f"{what} is not what was written")


def _check_batches(path: Path, keys: list[str]) -> None:
    """torch's loader with workers, which each open the file, and robomimic's processing of a batch.

    Simulator states differ in length from task to task, so they make no batch.
    """
    same_length = [name for name in DATA if name != "states"]
    dataset = SequenceDataset(str(path), keys, same_length, hdf5_cache_mode=None)
    for batch in torch.utils.data.DataLoader(dataset, batch_size=8, num_workers=2):
        for part in ("obs", "next_obs"):
            for key, values in obs_utils.process_obs_dict(dict(batch[part])).items():
                if not torch.isfinite(values.float()).all():
                    raise SystemExit(f"{part}/{key} is not finite")


def _check_depth(path: Path, keys: list[str]) -> None:
    """Depth reaches the network whole if it is scaled before robomimic clips it to 0..1."""

    def scale(depth: Any) -> Any:
        return obs_utils.process_frame(depth / FARTHEST, channel_dim=1, scale=1.0)

    obs_utils.DepthModality.set_obs_processor(scale)
    for name, depth in _depths(path, keys):
        processed = obs_utils.process_obs(depth, obs_key=name)[..., 0, :, :]
        np.testing.assert_allclose(processed * FARTHEST, np.minimum(depth[..., 0], FARTHEST), rtol=1e-6)
    obs_utils.DepthModality.set_obs_processor(None)


def _depths(path: Path, keys: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    with h5py.File(path) as file:
        for key in keys:
            yield key, file["data/demo_0/obs"][key][()]


if __name__ == "__main__":
    main()
