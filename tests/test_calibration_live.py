"""`clap calibrate hand-eye` with a simulated Franka whose hand is guided, and a camera on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from conftest import clap_here, clap_process

from stages.calibration.board import Board
from stages.geometry.arm import home_base, tip_in_base
from stages.geometry.cameras import project
from stages.geometry.poses import pose_to_matrix, rotation_angle
from stages.robots.rig import Rig
from tests.board_images import photographed, printed
from tests.franka_laboratory import free_address, guide, laboratory

SAMPLES = 8
SIZE = (640, 480)
INTRINSICS = np.array([[600, 0, 322.5], [0, 601, 238], [0, 0, 1.0]])
CAMERA = pose_to_matrix(np.array([0.05, -0.02, -0.07, 0.0, 0.0, 0.7, 0.714]))
"""In the tip's frame."""

BOARD = pose_to_matrix(np.array([0.11, -0.08, 0.753, 0.0, 1.0, 0.0, 0.0]))
"""On the table, in front of the robot; its z axis goes down."""

HOME = np.array([0, -0.785, 0, -2.356, 0, 1.571, 0.785])


def _postures(rng: np.random.Generator) -> list[np.ndarray]:
    """Joint angles (7,) [rad] at which the camera sees the whole board."""
    found: list[np.ndarray] = []
    while len(found) < SAMPLES:
        joints = HOME + rng.uniform(-0.4, 0.4, 7) * (0.6, 0.8, 1, 1, 1.6, 1.4, 1.5)
        corners = Board().corners @ BOARD[:3, :3].T + BOARD[:3, 3]
        pixels, depth = project(corners, INTRINSICS, _camera(joints))
        if depth.min() > 0.2 and (pixels > 20).all() and (pixels < np.array(SIZE) - 20).all():
            found.append(joints)
    return found


def _camera(joints: np.ndarray) -> np.ndarray:
    """Camera to world (4, 4) at joint angles (7,)."""
    return home_base() @ tip_in_base(joints) @ CAMERA


def _rig(folder: Path, host: str, postures: list[np.ndarray]) -> Path:
    """A rig whose camera shows what it sees at each posture in turn."""
    rng = np.random.default_rng(0)
    assert clap_here("calibrate", "board", "--out", folder / "board.png").code == 0
    page = printed(folder / "board.png", 254)
    seen = [np.linalg.inv(_camera(joints)) @ BOARD for joints in postures]
    rgb = np.stack([photographed(page, pose, INTRINSICS, SIZE, rng) for pose in seen])
    np.savez(folder / "frames.npz", rgb=rgb, depth=np.ones(rgb.shape[:3], np.float32), intrinsics=INTRINSICS)
    rig = folder / "rig.yaml"
    rig.write_text(f"robot: {{host: {host}}}\ncameras:\n  wrist: {{kind: recorded, path: frames.npz, mount: hand}}\n")
    return rig


def _take(process: subprocess.Popen[str]) -> str:
    """Ask for a sample; what is said of it."""
    process.stdin.write("\n")
    process.stdin.flush()
    return next(line for line in process.stderr if line.startswith(("Sample", "Not kept")))


def test_a_guided_hand_calibrates_its_camera(tmp_path):
    host, postures = free_address(), _postures(np.random.default_rng(1))
    rig = _rig(tmp_path, host, postures)
    with laboratory(host) as robot:
        process = clap_process(
            *("calibrate", "hand-eye", "--rig", rig, "--camera", "wrist", "--json"), stdin=subprocess.PIPE
        )
        for number, joints in enumerate(postures):
            guide(robot, joints)
            assert _take(process).startswith(f"Sample {number + 1} is taken")
        out, err = process.communicate("d", timeout=60)
    assert process.returncode == 0, err
    found = pose_to_matrix(Rig.load(rig).cameras["wrist"].pose.vector)
    assert np.linalg.norm(found[:3, 3] - CAMERA[:3, 3]) < 0.002
    assert np.degrees(rotation_angle(found[:3, :3], CAMERA[:3, :3])) < 0.3
    assert len(np.load(tmp_path / "samples-wrist.npz")["rgb"]) == SAMPLES
    again = clap_here("calibrate", "hand-eye", "--rig", rig, "--camera", "wrist")
    assert again.code == 2 and "samples-wrist.npz exists" in again.err
