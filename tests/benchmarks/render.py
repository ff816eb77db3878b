"""CPU time of one camera image (RGB, depth and instances) over the task suite: `python -m tests.benchmarks.render`.

Every task is driven by its expert and seen at every recorded sample, so that the scene has moved each time. MuJoCo's
OpenGL renderer draws the same samples where OpenGL works (set MUJOCO_GL=egl), in three passes for the same content.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import mujoco
import numpy as np

from stages.core.observation import CAMERAS
from stages.simulators.tabletop.cameras import CAMERAS as PINHOLES
from stages.simulators.tabletop.cameras import camera_pose
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks import LEVELS
from stages.simulators.tabletop.trajectory import FULL_STATE

SAMPLES = 40


def recorded(task: str, variation: int) -> tuple[Tabletop, np.ndarray, int]:
    """A simulator in an episode, states (N, D) spread over the expert's demonstration, and its number of images."""
    simulator = Tabletop(cameras=())
    simulator.reset(task, variation, 0)
    for motion in simulator.expert():
        simulator.step(motion.action)
    recording = simulator.trajectory()
    chosen = np.linspace(0, len(recording.states) - 1, min(SAMPLES, len(recording.states))).astype(int)
    return simulator, recording.states[chosen], len(CAMERAS) * len(recording.keyframes)


def milliseconds(draw: Callable[[mujoco.MjData, str], None], simulator: Tabletop, states: np.ndarray) -> float:
    """Median over the states of the CPU time of one image, averaged over the cameras; the first state warms up."""
    model = simulator._now.model
    data, spent = mujoco.MjData(model), []
    for state in states:
        mujoco.mj_setState(model, data, state, FULL_STATE)
        mujoco.mj_forward(model, data)
        start = time.process_time()
        for camera in CAMERAS:
            draw(data, camera)
        spent.append(time.process_time() - start)
    return 1000 * float(np.median(spent[1:])) / len(CAMERAS)


def ray_casting(simulator: Tabletop, size: int) -> Callable[[mujoco.MjData, str], None]:
    model, renderer = simulator._now.model, simulator._now.renderer

    def draw(data: mujoco.MjData, camera: str) -> None:
        pose = camera_pose(camera, State(model, data).tip)
        renderer.render(data, pose, PINHOLES[camera].intrinsics(size), (size, size))

    return draw


def opengl(simulator: Tabletop, size: int) -> Callable[[mujoco.MjData, str], None]:
    """MuJoCo's renderer with a free camera at about the same place: RGB, depth and segmentation passes."""
    renderer = mujoco.Renderer(simulator._now.model, size, size)

    def draw(data: mujoco.MjData, camera: str) -> None:
        for prepare in (renderer.disable_depth_rendering, renderer.enable_depth_rendering):
            prepare()
            renderer.update_scene(data, free_camera(camera, State(simulator._now.model, data).tip))
            renderer.render()
        renderer.disable_depth_rendering()
        renderer.enable_segmentation_rendering()
        renderer.render()
        renderer.disable_segmentation_rendering()

    return draw


def free_camera(name: str, tip: np.ndarray) -> mujoco.MjvCamera:
    pose = camera_pose(name, tip)
    forward = pose[:3, 2]
    camera = mujoco.MjvCamera()
    camera.distance = 1.0
    camera.lookat = pose[:3, 3] + forward
    camera.azimuth = np.degrees(np.arctan2(forward[1], forward[0]))
    camera.elevation = np.degrees(np.arcsin(forward[2]))
    return camera


def opengl_or_none(simulator: Tabletop, size: int) -> Callable[[mujoco.MjData, str], None] | None:
    try:
        return opengl(simulator, size)
    except Exception as problem:  # whatever a missing driver raises
        print(f"OpenGL is not measured here: {problem}")
        return None


def main() -> None:
    """Print a line for each task, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--opengl", action="store_true", help="measure MuJoCo's OpenGL renderer too")
    arguments = parser.parse_args()
    variations = dict(pair for level in LEVELS.values() for pair in level)
    columns = f"{'task':<36}{'build ms':>10}{'cast ms':>9}{'with build':>12}{'OpenGL ms':>11}"
    print(f"{columns}   per image of {arguments.size} px")
    rows = []
    for task, variation in variations.items():
        simulator, states, images = recorded(task, variation)
        start = time.process_time()
        cast = ray_casting(simulator, arguments.size)
        build = 1000 * (time.process_time() - start)
        drawn = milliseconds(cast, simulator, states)
        opengl_draw = opengl_or_none(simulator, arguments.size) if arguments.opengl else None
        beside = np.nan if opengl_draw is None else milliseconds(opengl_draw, simulator, states)
        rows.append((build, drawn, drawn + build / images, beside))
        print(line(task, rows[-1]), flush=True)
    means = np.mean(rows[1:], axis=0)
    print(line("mean but the first, which warms up", means))
    if arguments.opengl and np.isfinite(means[3]):
        print(f"ray casting takes {means[2] / means[3]:.2f} times what OpenGL takes, its build included")


def line(name: str, values: Sequence[float]) -> str:
    """A row of the table; "with build" shares the build among the images of a demonstration's keyframes."""
    build, drawn, shared, beside = values
    return f"{name:<36}{build:>10.1f}{drawn:>9.2f}{shared:>12.2f}" + ("" if np.isnan(beside) else f"{beside:>11.2f}")


if __name__ == "__main__":
    main()
