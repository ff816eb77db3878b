"""A laboratory on the loopback address: a simulated Franka, cameras that play back the embedded simulator, a rig."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

from stages.core.observation import Observation
from stages.geometry.poses import matrix_to_pose

ROOT = Path(__file__).resolve().parents[1]
SIMULATOR = Path(sys.executable).with_name("franky-sim")
PORTS = (1337, 1338)


def free_address() -> str:
    """A loopback address on which no robot listens."""
    while True:
        host = f"127.0.{random.SystemRandom().randrange(1, 250)}.{random.SystemRandom().randrange(2, 250)}"
        try:
            for port in PORTS:
                socket.create_server((host, port)).close()
            return host
        except OSError:
            continue


@contextmanager
def simulated(*command: str | Path, sign: str) -> Iterator[subprocess.Popen[str]]:
    """A process of a simulated robot, once it has said that it is ready."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([*map(str, command)], text=True, env=environment, **pipes)
    try:
        for line in process.stdout:
            if sign in line:
                break
        else:
            raise RuntimeError("the simulated robot did not start")
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def franky_sim(host: str) -> Iterator[subprocess.Popen[str]]:
    """The robot of `franky-sim`."""
    with simulated(SIMULATOR, "-s", "mujoco", "--hostname", host, sign="Press") as process:
        yield process


@contextmanager
def laboratory(host: str, thing: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    """That of `tests.franka_server`, which can be guided and has a thing [m] between its fingers."""
    command = (sys.executable, "-m", "tests.franka_server", host, "--thing", str(thing))
    with simulated(*command, sign="ready") as process:
        yield process


def guide(process: subprocess.Popen[str], joints: np.ndarray) -> None:
    """Move a laboratory's arm by hand to joint angles (7,) [rad]."""
    process.stdin.write(f"guide {' '.join(map(str, joints))}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "there\n"


def write_rig(folder: Path, host: str, observations: Sequence[Observation], speed: float = 1.0) -> Path:
    """A rig whose cameras show what was observed, one observation at each look, and the file of it."""
    cameras = {}
    for name in observations[0].cameras:
        frames = [observation.cameras[name] for observation in observations]
        file = folder / f"{name}.npz"
        rgb, depth = np.array([frame.rgb for frame in frames]), np.array([frame.depth for frame in frames])
        np.savez(file, rgb=rgb, depth=depth, intrinsics=np.array([frame.intrinsics for frame in frames]))
        pose = matrix_to_pose(frames[0].camera_to_world)
        placed = {"position": pose[:3].tolist(), "quaternion": pose[3:].tolist()}
        cameras[name] = {"kind": "recorded", "path": file.name, "pose": placed}
    rig = folder / "rig.yaml"
    rig.write_text(yaml.safe_dump({"robot": {"host": host, "speed": speed}, "cameras": cameras}, sort_keys=False))
    return rig


def without_wrist(observation: Observation) -> Observation:
    """What the cameras that stand still saw."""
    cameras = {name: frame for name, frame in observation.cameras.items() if name != "wrist"}
    return Observation(
        cameras,
        observation.gripper_pose,
        observation.gripper_open,
        observation.joint_positions,
        observation.time,
    )
