"""Images of a printed board as a pinhole camera takes them, by a homography of our own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from stages.geometry.cameras import look_at
from stages.geometry.poses import axis_rotation

FINER = 3
"""Image pixels are averages of so many rendered ones in each direction."""


def printed(path: Path, dpi: int) -> tuple[np.ndarray, np.ndarray]:
    """A page as printed: grey values (h, w), and the matrix (3, 3) from its pixels to the board's plane [m], whose
    origin is the corner of the board's first square, which is black."""
    page = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    dark = page < 128
    left, top = np.flatnonzero(dark.any(axis=0))[0], np.flatnonzero(dark.any(axis=1))[0]
    pixel = 0.0254 / dpi
    return page, np.array([[pixel, 0, (0.5 - left) * pixel], [0, pixel, (0.5 - top) * pixel], [0, 0, 1]])


def photographed(
    page: tuple[np.ndarray, np.ndarray],
    board_to_camera: np.ndarray,
    intrinsics: np.ndarray,
    size: tuple[int, int],
    noise: np.random.Generator,
) -> np.ndarray:
    """An image (H, W, 3) uint8 of the page before grey, with sensor noise of three grey values.

    Args:
        page: of `printed`.
        board_to_camera: (4, 4), OpenCV axes.
        intrinsics: (3, 3) [px], pixel centres at integer + 0.5.
        size: width and height [px].
        noise: where the noise comes from.
    """
    grey, to_board = page
    to_image = intrinsics @ board_to_camera[:3, [0, 1, 3]]
    to_rendered = np.array([[FINER, 0, -0.5], [0, FINER, -0.5], [0, 0, 1]])
    rendered = cv2.warpPerspective(
        cv2.GaussianBlur(grey, (0, 0), 2),
        to_rendered @ to_image @ to_board,
        (FINER * size[0], FINER * size[1]),
        flags=cv2.INTER_LINEAR,
        borderValue=110,
    )
    image = cv2.resize(rendered, size, interpolation=cv2.INTER_AREA).astype(float)
    return np.clip(image + noise.normal(0, 3, image.shape), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def views(target: np.ndarray, count: int, distance: float, tilt: float, rng: np.random.Generator) -> np.ndarray:
    """Poses (K, 4, 4) of cameras that look down at about a target (3,) from around a distance [m], tilted by up to
    `tilt` [rad] and turned about their axes."""
    poses = []
    for _ in range(count):
        lean, around, roll = rng.uniform(0.3, 1) * tilt, rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1)
        towards = np.array([np.sin(lean) * np.cos(around), np.sin(lean) * np.sin(around), np.cos(lean)])
        position = target + rng.uniform(0.85, 1.15) * distance * towards
        pose = look_at(position, target + rng.uniform(-0.02, 0.02, 3), (1.0, 0.1, 0.0))
        pose[:3, :3] = pose[:3, :3] @ axis_rotation(2, roll)
        poses.append(pose)
    return np.array(poses)
