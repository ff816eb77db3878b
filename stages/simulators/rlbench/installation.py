"""What must be on the machine for RLBench to run; none of it is on a package index."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from stages.core.errors import UserError

ROOT = "COPPELIASIM_ROOT"
"""Environment variable with the folder of CoppeliaSim, as PyRep defines it."""

SCREENS = ("DISPLAY", "QT_QPA_PLATFORM")
"""Environment variables that say where Qt draws; without any CoppeliaSim crashes."""

HINT = "Install it as docs/rlbench.md says"


@dataclass(frozen=True)
class Installation:
    """The modules of RLBench and PyRep that are used."""

    environment: ModuleType
    demo: ModuleType
    observation_config: ModuleType
    action_mode: ModuleType
    arm_action_modes: ModuleType
    gripper_action_modes: ModuleType
    exceptions: ModuleType
    utils: ModuleType
    pyrep_const: ModuleType
    pyrep_errors: ModuleType

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What is raised where the arm cannot go."""
        errors = self.pyrep_errors
        return errors.IKError, errors.ConfigurationPathError, self.exceptions.InvalidActionError


def check_installation() -> None:
    """Refuse to go on where RLBench cannot run; loads nothing, as CoppeliaSim belongs to the process that loads it.

    Raises:
        UserError: names what is missing.
    """
    packages = {"PyRep": ("pyrep", "robots"), "RLBench": ("rlbench", "tasks")}
    missing = [name for name, (package, part) in packages.items() if not _has(package, part)]
    if missing:
        what = "the simulator 'rlbench' needs CoppeliaSim 4.1, PyRep and RLBench"
        raise UserError(f"{what}; not installed: {', '.join(missing)}", HINT)
    root = os.environ.get(ROOT, "")
    if not root:
        raise UserError(f"the simulator 'rlbench' needs CoppeliaSim 4.1, and {ROOT} is not set", HINT)
    if not Path(root).is_dir():
        raise UserError(f"{ROOT} is {root}, which is not a folder", "Set it to the folder of CoppeliaSim 4.1")
    if not any(os.environ.get(name) for name in SCREENS):
        hint = "Put xvfb-run -a in front of the command, or see docs/rlbench.md"
        raise UserError("CoppeliaSim needs an X server, and DISPLAY is not set", hint)


def load_installation() -> Installation:
    """Import RLBench, and CoppeliaSim with it.

    Raises:
        UserError: something is missing, or cannot be loaded.
    """
    check_installation()
    modes = "rlbench.action_modes"
    try:
        return Installation(
            environment=import_module("rlbench.environment"),
            demo=import_module("rlbench.demo"),
            observation_config=import_module("rlbench.observation_config"),
            action_mode=import_module(f"{modes}.action_mode"),
            arm_action_modes=import_module(f"{modes}.arm_action_modes"),
            gripper_action_modes=import_module(f"{modes}.gripper_action_modes"),
            exceptions=import_module("rlbench.backend.exceptions"),
            utils=import_module("rlbench.backend.utils"),
            pyrep_const=import_module("pyrep.const"),
            pyrep_errors=import_module("pyrep.errors"),
        )
    except (ImportError, OSError) as error:
        raise UserError(f"RLBench cannot be loaded: {error}", HINT) from error


def has_task(name: str) -> bool:
    """Whether the RLBench that is installed has a file for a task."""
    return _has("rlbench", f"tasks/{name}.py")


def _has(package: str, part: str) -> bool:
    """Whether there is a package with a file or folder in it; the package index has a pyrep that is something else."""
    found = find_spec(package)
    return bool(found) and any((Path(place) / part).exists() for place in found.submodule_search_locations or ())
