"""A bundle: planner and predictor in one directory that needs nothing else, with the checksum of every file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from stages.artifacts.digest import file_digest
from stages.artifacts.files import check_directory
from stages.artifacts.header import DIRECTORY_HEADER
from stages.core.errors import UserError
from stages.settings.loader import load_config

if TYPE_CHECKING:
    from stages.policy import ClapPolicy

SCHEMA = "clap.bundle"
MANIFEST = "manifest.json"
CONFIG = "config.yaml"
VLM, FINE = "vlm", "fine"


def fill_bundle(folder: Path, vlm: Path, fine: Path, config: str) -> None:
    """Write planner (adapters merged into its base; the planning model with its base), predictor, settings, lineage and
    manifest into a folder.

    Args:
        vlm, fine: what `clap finetune-vlm` and `clap train-fine` wrote.
        config: resolved configuration as YAML.
    """
    from stages.planner.language.planning_model import copy_with_base
    from stages.planner.planner import LANGUAGE
    from stages.planner.pointing.model import PlannerModel
    from stages.predictor.predictor import FinePredictor

    PlannerModel.from_pretrained(vlm).save_merged(folder / VLM)
    if (vlm / LANGUAGE).is_dir():
        copy_with_base(vlm / LANGUAGE, folder / VLM / LANGUAGE)
    FinePredictor.from_pretrained(fine).save_pretrained(folder / FINE)
    for source, name in ((vlm, VLM), (fine, FINE)):
        shutil.copyfile(source / DIRECTORY_HEADER, folder / name / DIRECTORY_HEADER)
    (folder / CONFIG).write_text(config)
    (folder / MANIFEST).write_text(json.dumps(checksums(folder), indent=1))


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a bundle by its path, but for the manifest itself and the bundle's own header."""
    own = {folder / MANIFEST, folder / DIRECTORY_HEADER}
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file not in own)
    return {file.relative_to(folder).as_posix(): file_digest(file) for file in files}


def verify_bundle(path: Path) -> None:
    """Check that a bundle is what was written.

    Raises:
        UserError: it is no bundle, or a file is missing, changed or foreign.
    """
    check_directory(path, SCHEMA)
    hint = "Make the bundle again with `clap deploy --overwrite`"
    try:
        recorded = json.loads((path / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"the bundle {path} has no readable {MANIFEST}", hint) from error
    found = checksums(path)
    for name in sorted(recorded.keys() | found.keys()):
        if name not in found:
            raise UserError(f"the bundle {path} lacks {name}", hint)
        if name not in recorded:
            raise UserError(f"the bundle {path} holds a file that is not its own: {name}", "Remove it")
        if recorded[name] != found[name]:
            raise UserError(f"{name} in the bundle {path} was changed: its checksum does not fit", hint)


def load_bundle(path: Path, device: str = "cpu") -> ClapPolicy:
    """The policy of a bundle, after checking every file.

    Raises:
        UserError: see `verify_bundle`.
    """
    verify_bundle(path)
    from stages.policy import ClapPolicy

    return ClapPolicy.from_pretrained(path / VLM, path / FINE, device, load_config(path / CONFIG).policy)
