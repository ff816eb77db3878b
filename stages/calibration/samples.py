"""What calibration starts from: images of the board, each with the pose that the hand had."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.errors import UserError
from stages.geometry.poses import pose_to_matrix

_UNIT = 1e-3
_FARTHEST = 10.0


@dataclass(frozen=True)
class Samples:
    """K images of one camera.

    Attributes:
        rgb: (K, H, W, 3) uint8.
        tip_poses: (K, 7) of the hand at each, position [m] and unit quaternion xyzw, world frame.
        intrinsics: (3, 3) of the camera [px], pixel centres at integer + 0.5.
    """

    rgb: np.ndarray
    tip_poses: np.ndarray
    intrinsics: np.ndarray

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def tips(self) -> np.ndarray:
        """(K, 4, 4) tip to world."""
        return pose_to_matrix(self.tip_poses)

    def save(self, target: Path) -> None:
        """Write an NPZ file, which appears only when complete."""
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("wb") as file:
                np.savez(file, rgb=self.rgb, tip_poses=self.tip_poses, intrinsics=self.intrinsics)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Samples:
        """Read what `save` wrote.

        Raises:
            UserError: it cannot be read, or lacks an array or has one of another form.
        """
        names = ("rgb", "tip_poses", "intrinsics")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in names if name in file}
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing", "Leave --samples out to take samples with the robot") from error
        except Exception as error:  # numpy raises whatever its parsers met in a damaged file
            raise UserError(f"{path} is no NPZ file of samples", "Take the samples again") from error
        if missing := [name for name in names if name not in arrays]:
            raise UserError(f"{path} has no array '{missing[0]}'", f"Record {', '.join(names)}")
        samples = cls(**arrays)
        samples._check(path)
        return samples

    def _check(self, path: Path) -> None:
        forms = {
            "rgb": ("(K, H, W, 3) uint8", self.rgb.dtype == np.uint8 and self.rgb.ndim == 4 and self.rgb.shape[3] == 3),
            "tip_poses": ("(K, 7) numbers", self.tip_poses.shape == (len(self.rgb), 7) and _finite(self.tip_poses)),
            "intrinsics": ("(3, 3) numbers", self.intrinsics.shape == (3, 3) and _finite(self.intrinsics)),
        }
        for name, (form, good) in forms.items():
            if not good:
                array = getattr(self, name)
                raise UserError(f"'{name}' in {path} is {array.shape} {array.dtype}, not {form}", "Record it so")
        if len(self) and np.abs(self.tip_poses[:, :3]).max() > _FARTHEST:
            raise UserError(f"'tip_poses' in {path} are not in metres", "Convert the positions")
        if (np.abs(np.linalg.norm(self.tip_poses[:, 3:], axis=1) - 1) > _UNIT).any():
            raise UserError(f"'tip_poses' in {path} have quaternions that are not of unit length", "Correct them")


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and bool(np.isfinite(array).all())
