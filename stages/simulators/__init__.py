"""Simulators: one protocol, whatever the physics behind it."""

from __future__ import annotations

from collections.abc import Sequence

from stages.core.errors import UserError
from stages.core.observation import CAMERAS
from stages.simulators.protocol import RecordedEpisode, Simulator


def make_simulator(
    name: str = "tabletop",
    image_size: int = 128,
    cameras: Sequence[str] = CAMERAS,
    record_hz: float = 20.0,
    recorded: RecordedEpisode | None = None,
) -> Simulator:
    """A simulator by name.

    Args:
        image_size: height and width of the images [px].
        record_hz: sampling rate of the trajectory [Hz]; RLBench has its own.
        recorded: episodes that RLBench recorded, whose scenes are set instead of those of seeds.

    Raises:
        UserError: unknown simulator or camera, or one that is not installed.
    """
    if name == "tabletop":
        from stages.simulators.tabletop.environment import Tabletop

        return Tabletop(image_size, cameras, record_hz)
    if name == "rlbench":
        from stages.simulators.rlbench.environment import Rlbench

        return Rlbench(image_size, cameras, recorded)
    raise unknown_simulator(name)


def unknown_simulator(name: str) -> UserError:
    """The error about a name that no simulator has."""
    return UserError(f"There is no simulator '{name}'", "Use 'tabletop', or 'rlbench' where that is installed")
