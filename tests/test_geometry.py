"""Geometry against closed forms."""

import numpy as np
import pytest

from stages.core.observation import CameraFrame, Observation
from stages.geometry import poses
from stages.geometry.arm import arm_capsules, base_pose, outside_arm, tip_in_base
from stages.geometry.cameras import deproject, from_rlbench, intrinsics_from_fov, look_at, project
from stages.geometry.canonical import BACKGROUND, CanonicalViews
from stages.geometry.clouds import crop, fuse
from stages.geometry.workspace import WORKSPACE_CENTRE

ALL_VIEWS = ("top", "front", "left", "right", "back")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_quaternion_round_trip_including_half_turns(rng):
    quaternions = rng.normal(size=(500, 4))
    quaternions = np.concatenate([quaternions, np.eye(4)])
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    back = poses.matrix_to_quaternion(poses.quaternion_to_matrix(quaternions))
    assert np.allclose(np.abs(np.sum(back * quaternions, axis=1)), 1, atol=1e-12)
    assert np.all(back[:, 3] >= 0)


def test_quaternion_rotates_like_rodrigues(rng):
    for _ in range(20):
        axis, angle, vector = rng.normal(size=3), rng.uniform(-np.pi, np.pi), rng.normal(size=3)
        axis /= np.linalg.norm(axis)
        quaternion = np.append(axis * np.sin(angle / 2), np.cos(angle / 2))
        expected = vector * np.cos(angle) + np.cross(axis, vector) * np.sin(angle)
        expected += axis * (axis @ vector) * (1 - np.cos(angle))
        assert np.allclose(poses.quaternion_to_matrix(quaternion) @ vector, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axis_rotation_turns_the_next_axis_towards_the_one_after(axis):
    turned = poses.axis_rotation(axis, np.pi / 2) @ np.eye(3)[(axis + 1) % 3]
    assert np.allclose(turned, np.eye(3)[(axis + 2) % 3])
    assert np.isclose(poses.rotation_angle(np.eye(3), poses.axis_rotation(axis, 0.7)), 0.7)


def test_rotation_vectors_turn_about_their_axis_by_their_length(rng):
    vectors = rng.normal(size=(200, 3))
    vectors *= rng.uniform(0, np.pi, (200, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    turns = poses.exp_rotation(vectors)
    assert np.allclose(np.einsum("nij,nj->ni", turns, vectors), vectors)
    assert np.allclose(poses.rotation_angle(turns, np.eye(3)), np.linalg.norm(vectors, axis=1))
    assert np.allclose(poses.log_rotation(turns), vectors)
    assert np.allclose(poses.exp_rotation(np.array([0, 0, 0.7])), poses.axis_rotation(2, 0.7))
    assert np.array_equal(poses.exp_rotation(np.zeros(3)), np.eye(3)) and not poses.log_rotation(np.eye(3)).any()


def test_pose_matrix_round_trip(rng):
    pose = np.concatenate([rng.normal(size=(50, 3)), rng.normal(size=(50, 4))], axis=1)
    pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True) * np.where(pose[:, 6:] < 0, -1, 1)
    assert np.allclose(poses.matrix_to_pose(poses.pose_to_matrix(pose)), pose)


def test_a_camera_of_rlbench_sees_what_it_says(rng):
    """Its own way to points: integers as pixel coordinates, a negative focal length, its extrinsics; ours agrees."""
    focal, size = -351.6771, 8
    theirs = np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
    pose = poses.pose_to_matrix(np.array([1.35, 0.1, 1.58, 0.2, -0.3, 0.5, 0.7]))
    depth = rng.uniform(0.5, 3, size=(size, size))
    u, v = np.meshgrid(np.arange(size), np.arange(size))
    pixels = np.stack([u * depth, v * depth, depth], axis=-1)
    expected = pixels @ np.linalg.inv(theirs).T @ pose[:3, :3].T + pose[:3, 3]
    intrinsics, camera = from_rlbench(theirs, pose)
    assert intrinsics[0, 0] > 0 and np.isclose(np.linalg.det(camera[:3, :3]), 1)
    assert np.allclose(deproject(depth, intrinsics, camera), expected)
    many = from_rlbench(np.stack([theirs] * 2), np.stack([pose] * 2))
    assert np.allclose(many[0][1], intrinsics) and np.allclose(many[1][1], camera)


def test_where_a_robot_stands_follows_from_its_tip_and_joints(rng):
    for _ in range(20):
        base = np.eye(4)
        base[:3, :3] = poses.axis_rotation(2, rng.uniform(-np.pi, np.pi))
        base[:3, 3] = rng.normal(size=3)
        joints = rng.uniform(-1, 1, size=7)
        tip = poses.matrix_to_pose(base @ tip_in_base(joints))
        assert np.allclose(base_pose(tip, joints), base, atol=1e-12)


def test_the_arm_is_found_wherever_it_stands():
    joints = np.array([0.3, 0.2, 0, -0.9, 0.1, 1.2, 0.8])
    base = poses.pose_to_matrix(np.array([0.2, 0.3, 0.8, 0, 0, 0.6, 0.8]))
    on_arm = arm_capsules(joints, base)[0].mean(axis=1)[2:]
    beside = base[:3, 3] + np.array([[0, 0, 2.0], [1.5, 0, 0.3]])
    assert not outside_arm(on_arm, joints, base).any() and outside_arm(beside, joints, base).all()
    assert outside_arm(on_arm, joints).all()


def test_deproject_inverts_project(rng):
    intrinsics = intrinsics_from_fov(np.deg2rad(40), 24, 32)
    camera = look_at(np.array([1.0, 0.3, 2.0]), np.zeros(3))
    depth = rng.uniform(0.5, 3, size=(24, 32)).astype(np.float32)
    pixels, back = project(deproject(depth, intrinsics, camera), intrinsics, camera)
    columns, rows = np.meshgrid(np.arange(32) + 0.5, np.arange(24) + 0.5)
    assert np.allclose(pixels, np.stack([columns, rows], axis=-1)) and np.allclose(back, depth)


def test_look_at_sees_its_target_in_the_centre_and_up_upwards():
    intrinsics, camera = intrinsics_from_fov(1.0, 64, 64), look_at(np.array([2.0, 0, 1]), np.array([0.0, 0, 0.5]))
    pixels, depth = project(np.array([[0, 0, 0.5], [0, 0, 0.7]]), intrinsics, camera)
    assert np.allclose(pixels[0], 32) and pixels[1, 1] < 32 and np.allclose(depth[0], np.hypot(2, 0.5))
    assert np.isclose(np.linalg.det(camera[:3, :3]), 1)


def test_views_are_right_handed_and_image_motion_is_linear():
    views = CanonicalViews(names=ALL_VIEWS)
    assert np.allclose(np.linalg.det(views.axes), 1)
    start = views.project(WORKSPACE_CENTRE)
    assert np.allclose(start, views.size / 2)
    moved = views.project(WORKSPACE_CENTRE + [0.1, 0.2, 0.3]) - start
    assert np.allclose(moved / views.size, [[-0.2, -0.1], [0.2, -0.3], [-0.1, -0.3], [0.1, -0.3], [-0.2, -0.3]])


def test_render_keeps_the_nearest_point_and_its_depth():
    views = CanonicalViews(names=ALL_VIEWS, splat=1)
    points = np.array([WORKSPACE_CENTRE + [0, 0, 0.2], WORKSPACE_CENTRE - [0, 0, 0.3]], np.float32)
    colours = np.array([[255, 0, 0], [0, 255, 0]], np.uint8)
    rgb, depth = views.render(points, colours)
    assert tuple(rgb[0, 56, 56]) == (255, 0, 0) and np.isclose(depth[0, 56, 56], 0.3, atol=1e-5)
    assert np.sum(np.any(rgb[0] != BACKGROUND, axis=-1)) == 1
    assert np.all((depth < 0) == np.all(rgb == BACKGROUND, axis=-1))
    for view in range(1, 5):
        assert np.sum(depth[view] >= 0) == 2 and np.allclose(depth[view][depth[view] >= 0], 0.5, atol=1e-5)


def test_splat_covers_a_square_and_nearer_points_win_everywhere():
    views = CanonicalViews(names=("top",), splat=3)
    near = WORKSPACE_CENTRE + [0, 0, 0.4]
    far = near + [0.01, 0.01, -0.5]
    rgb, _ = views.render(np.array([near, far], np.float32), np.array([[1, 1, 1], [2, 2, 2]], np.uint8))
    assert np.sum(np.all(rgb[0] == 1, axis=-1)) == 9
    assert 0 < np.sum(np.all(rgb[0] == 2, axis=-1)) < 9


def test_pixel_points_put_every_point_back(rng):
    views = CanonicalViews(names=ALL_VIEWS, splat=1, size=64)
    point = (WORKSPACE_CENTRE + rng.uniform(-0.45, 0.45, 3)).astype(np.float32)
    _, depth = views.render(point[None], np.zeros((1, 3), np.uint8))
    for view, pixels in enumerate(views.pixel_points(depth)):
        hit = np.argwhere(depth[view] >= 0)
        assert len(hit) == 1 and np.all(np.abs(pixels[tuple(hit[0])] - point) <= 0.5 / 64 + 1e-5)


def test_lift_finds_the_point_whose_projections_have_the_peaks(rng):
    views = CanonicalViews(names=ALL_VIEWS)
    grid = np.stack(np.meshgrid(np.arange(112) + 0.5, np.arange(112) + 0.5), axis=-1)
    for _ in range(5):
        point = WORKSPACE_CENTRE + rng.uniform(-0.4, 0.4, 3)
        heatmaps = np.stack([-np.sum((grid - pixel) ** 2, axis=-1) / 8 for pixel in views.project(point)])
        found, _ = views.lift(heatmaps)
        assert np.allclose(found, point, atol=1e-3)


def test_fuse_and_crop_keep_what_is_inside():
    camera = look_at(np.array([1.3, 0.0, 1.5]), np.array([0.2, 0.0, 0.8]))
    depth = np.full((8, 8), 1.3, np.float32)
    depth[0] = 0
    frame = CameraFrame(np.full((8, 8, 3), 9, np.uint8), depth, intrinsics_from_fov(0.3, 8, 8), camera)
    observation = Observation({"front": frame, "wrist": frame}, np.zeros(7), 1.0, np.zeros(7))
    points, colours = fuse(observation)
    assert len(points) == len(colours) == 2 * 56 and len(fuse(observation, ["front"])[0]) == 56
    near, _ = crop(points, colours, points[0], 0.05)
    assert 0 < len(near) < len(points) and np.all(np.abs(near - points[0]) <= 0.025 + 1e-6)
