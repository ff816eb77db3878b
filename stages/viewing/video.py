"""Short captioned videos of episodes as animated WebP images."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.core.observation import Observation
from stages.simulators.protocol import Simulator, Trajectory

CAPTION_HEIGHT = 74
MAX_FRAMES = 80
"""Longer episodes are shown faster rather than with more frames."""
HOLD_SECONDS = 1.2
"""How long the last frame stays."""

_INK, _PAPER, _QUIET = (240, 242, 245), (24, 27, 33), (150, 156, 166)
_MARKS = {True: (74, 190, 120), False: (232, 98, 92), None: (110, 160, 240)}


def sample_times(time: np.ndarray, fps: float) -> np.ndarray:
    """Indices of the samples to show: at most `fps` per second and `MAX_FRAMES`, first and last included."""
    if len(time) < 2:
        return np.arange(len(time))
    count = int(np.clip(np.ceil((time[-1] - time[0]) * fps), 2, min(MAX_FRAMES, len(time))))
    return np.unique(np.searchsorted(time, np.linspace(time[0], time[-1], count)).clip(0, len(time) - 1))


Picture = Callable[[int], np.ndarray]
"""What is to be seen at a sample of a trajectory: (H, W, 3) uint8."""


def states_shown(simulator: Simulator, trajectory: Trajectory, size: int = 256, camera: str = "front") -> Picture:
    """Pictures of recorded states.

    Args:
        simulator: reset to the episode's scene.
        size: side of the pictures [px].
    """
    return lambda sample: simulator.render_state(trajectory.states[sample], camera, size)[camera].rgb


def keyframes_shown(
    observations: Sequence[Observation], trajectory: Trajectory, size: int = 256, camera: str = "front"
) -> Picture:
    """Pictures that were taken at the keyframes, for episodes whose states nobody recorded.

    Args:
        observations: K + 1, as of the trajectory's keyframes.
        camera: that took them; where there is none of that name, the first one.
    """
    frames = [observation.cameras for observation in observations]
    name = camera if camera in frames[0] else next(iter(frames[0]))

    def picture(sample: int) -> np.ndarray:
        latest = int(np.searchsorted(trajectory.keyframes, sample, side="right")) - 1
        return np.asarray(Image.fromarray(frames[latest][name].rgb).resize((size, size)))

    return picture


def has_states(trajectory: Trajectory) -> bool:
    """Whether a simulator can show again what happened."""
    return trajectory.states.shape[1] > 0


def render_video(
    picture: Picture,
    trajectory: Trajectory,
    instruction: str,
    plan: Sequence[str],
    steps: Sequence[str],
    success: bool,
    fps: float = 10.0,
) -> bytes:
    """A WebP video of a recorded episode.

    Args:
        picture: what is to be seen, as of `states_shown` or `keyframes_shown`; the caption comes below it.
        trajectory: what was recorded; `keyframes` (K + 1,) delimits the motions.
        plan: the policy's plan.
        steps: (K,) the step that each motion executed.
    """
    samples = sample_times(trajectory.time, fps)
    motions = np.searchsorted(trajectory.keyframes[1:], samples, side="left").clip(0, max(len(steps) - 1, 0))
    lines = plan_lines(plan, steps)
    frames = []
    for sample, motion in zip(samples, motions, strict=True):
        outcome = success if sample == samples[-1] else None
        step = steps[motion] if len(steps) else ""
        frames.append(
            _captioned(picture(int(sample)), instruction, f"step {lines[motion]} of {len(plan)}", step, outcome)
        )
    return encode_webp(frames, 1 / fps)


def plan_lines(plan: Sequence[str], steps: Sequence[str]) -> list[int]:
    """Which line of the plan, from 1, each motion executes, when lines may be alike and are done in order."""
    lines, current = [], 0
    for step in steps:
        later = [line for line in range(current, len(plan)) if plan[line] == step]
        anywhere = [line for line in range(len(plan)) if plan[line] == step]
        current = (later or anywhere or [current])[0]
        lines.append(current + 1)
    return lines or [1]


def encode_webp(frames: Sequence[Image.Image], seconds_per_frame: float, quality: int = 55) -> bytes:
    """An endlessly repeating animated WebP; the last frame is held for a moment."""
    durations = [round(1000 * seconds_per_frame)] * (len(frames) - 1) + [round(1000 * HOLD_SECONDS)]
    buffer = io.BytesIO()
    options = {"format": "WEBP", "quality": quality, "method": 2, "loop": 0, "duration": durations}
    frames[0].save(buffer, save_all=True, append_images=list(frames[1:]), **options)
    return buffer.getvalue()


def _captioned(picture: np.ndarray, instruction: str, place: str, step: str, success: bool | None) -> Image.Image:
    height, width = picture.shape[:2]
    image = Image.new("RGB", (width, height + CAPTION_HEIGHT), _PAPER)
    image.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(image)
    small, normal = ImageFont.load_default(10), ImageFont.load_default(12)
    draw.rectangle((0, height, width, height + 2), fill=_MARKS[success])
    lines = textwrap.wrap(instruction, width=width // 6) or [""]
    shown = lines[:2] if len(lines) <= 2 else [lines[0], lines[1] + " ..."]
    draw.multiline_text((8, height + 7), "\n".join(shown), fill=_QUIET, font=small, spacing=2)
    state = place if success is None else "success" if success else "failure"
    draw.text((8, height + 35), state, fill=_MARKS[success], font=small)
    draw.text((8, height + 50), _shortened(step, normal, width - 16), fill=_INK, font=normal)
    return image


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
