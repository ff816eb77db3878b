"""Tabletop scenes without a simulator: point clouds of boxes, and how an expert would grasp or push them from above."""

from __future__ import annotations

import numpy as np

from stages.geometry.poses import axis_rotation, matrix_to_quaternion
from stages.geometry.workspace import TABLE_HEIGHT
from stages.predictor.cloud import PointCloud
from stages.predictor.data import GENEROUS, MotionExample, prepare
from stages.settings.fine import FineConfig

DOWN = axis_rotation(0, np.pi)
HOME = np.array([0.28, 0.0, 1.2])
STEPS = (("grasp the red block", 0), ("grasp the red block", 1), ("push the red block", 0))


def box_points(centre: np.ndarray, size: np.ndarray, yaw: float, rng: np.random.Generator, count: int) -> np.ndarray:
    """Random points (count, 3) on the top and the sides of a box that stands upright."""
    areas = np.array([size[0] * size[1], *[size[1] * size[2]] * 2, *[size[0] * size[2]] * 2])
    face = rng.choice(5, count, p=areas / areas.sum())
    points = rng.uniform(-0.5, 0.5, (count, 3))
    points[face == 0, 2] = 0.5
    points[face == 1, 0], points[face == 2, 0] = 0.5, -0.5
    points[face == 3, 1], points[face == 4, 1] = 0.5, -0.5
    return points * size @ axis_rotation(2, yaw).T + centre


def example(rng: np.random.Generator, config: FineConfig, name: str = "") -> MotionExample:
    """One motion about a box of 6 x 4 x 4 cm among others on the table."""
    yaw = rng.uniform(-np.pi / 2, np.pi / 2)
    centre = np.array([*rng.uniform((0.15, -0.2), (0.4, 0.2)), TABLE_HEIGHT + 0.02])
    step, motion = STEPS[rng.integers(len(STEPS))]
    table = np.column_stack([rng.uniform(-0.4, 0.4, (4000, 2)) + centre[:2], np.full(4000, TABLE_HEIGHT)])
    other = centre + np.array([rng.choice([-0.15, 0.15]), rng.uniform(-0.15, 0.15), 0.01])
    block = box_points(centre, np.array([0.06, 0.04, 0.04]), yaw, rng, 1500)
    clutter = box_points(other, np.array([0.05, 0.05, 0.06]), rng.uniform(0, np.pi), rng, 1500)
    points = np.concatenate([table, block, clutter]).astype(np.float32)
    colours = np.repeat(
        np.array([[160, 130, 90], [200, 30, 30], rng.integers(0, 256, 3)], np.uint8), [4000, 1500, 1500], 0
    )
    cloud = PointCloud(points, colours, np.zeros(len(points), np.uint8))
    hand = np.concatenate([HOME + 0.05 * rng.standard_normal(3), matrix_to_quaternion(DOWN)])
    action = expert(step, motion, centre, yaw)
    prepared = prepare(cloud, centre, hand, config, GENEROUS)
    return MotionExample(prepared, centre, step, motion, hand, float(step[0] == "g"), action, episode=name)


def expert(step: str, motion: int, centre: np.ndarray, yaw: float) -> np.ndarray:
    """The action (9,): fingers close across the short side; pushing ignores the box's yaw."""
    grasp = step.startswith("grasp")
    rotation = axis_rotation(2, yaw if grasp else 0.0) @ DOWN
    height = {True: (0.1, 0.0), False: (0.03,)}[grasp][motion]
    position = centre + np.array([0, 0, height])
    return np.concatenate([position, matrix_to_quaternion(rotation), [grasp and motion == 0, not grasp or motion == 1]])
