"""Fill the disk under every stage that writes, make room, and go on with --resume.

Needs a user who may mount a tmpfs, or user namespaces.

    python -m tests.soak.full_disk
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stages.artifacts.demonstrations import Demonstrations
from tests.conftest import clap_alone
from tests.soak.pipeline import ReferenceRun, fingerprints, make_reference_run, succeeded

SHARES = (0.0, 0.3, 0.7)
"""Of what a stage writes, the room that it is given."""

PLENTY = 2**30
"""Bytes with which a stage ends well."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder.mkdir()
    _mount("mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _mount("umount", "-l", str(folder))


def resize(disk: Path, room: int) -> None:
    """Give a disk of `small_disk` so many free bytes."""
    used = shutil.disk_usage(disk).used
    _mount("mount", "-o", f"remount,size={used + max(room, 4096)}", str(disk))


def _mount(*command: str) -> None:
    subprocess.run(command, check=True)


def fill_and_resume(reference: ReferenceRun, number: int, share: float, disk: Path) -> str:
    """Run a stage on a disk with too little room, then with enough; the line that it ended with.

    An AssertionError says what was lost, different, or not said in one line.
    """
    stage, before, run = reference.pipeline[number], reference.pipeline[:number], disk / "run"
    run.mkdir()
    for one in before:
        _copy(reference.run, run, one.artifact)
    complete = fingerprints(run, before)
    resize(disk, int(share * _size(reference.run, stage.artifact)))
    refused = clap_alone(*stage.arguments(run))
    lines = [line for line in refused.err.splitlines() if line.startswith("error: ")]
    assert refused.code == 1 and len(lines) == 1 and "Traceback" not in refused.err, f"{stage.name}: {refused.err}"
    assert "disk is full" in lines[0], lines[0]
    resize(disk, PLENTY)
    assert fingerprints(run, before) == complete, f"{stage.name}: an artifact made before it has changed"
    succeeded(clap_alone(*stage.arguments(run)))
    if stage.resumes:
        assert fingerprints(run, [stage]) == {stage.artifact: reference.made[stage.artifact]}, f"{stage.name} differs"
    else:
        with Demonstrations(run / stage.artifact) as recordings:
            assert len(recordings) == 1
    shutil.rmtree(run)
    return lines[0]


def _copy(source: Path, target: Path, artifact: str) -> None:
    if (source / artifact).is_dir():
        shutil.copytree(source / artifact, target / artifact)
        artifact = f"{artifact}.h5"
    if (source / artifact).exists():
        shutil.copyfile(source / artifact, target / artifact)


def _size(run: Path, artifact: str) -> int:
    path = run / artifact
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")))


def run_full_disk(
    reference: ReferenceRun, folder: Path, names: tuple[str, ...] = (), shares: tuple[float, ...] = SHARES
) -> dict[str, int]:
    """Fill the disk under stages; how often for each.

    Args:
        folder: for the disk.
        names: of stages; all by default.
    """
    filled: dict[str, int] = {}
    with small_disk(folder / "disk") as disk:
        for number, stage in enumerate(reference.pipeline):
            for share in shares if not names or stage.name in names else ():
                line = fill_and_resume(reference, number, share, disk)
                filled[stage.name] = filled.get(stage.name, 0) + 1
                print(f"{stage.name}, room for {share:.0%}: {line}", flush=True)
    return filled


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if os.getuid():
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "tests.soak.full_disk"])
    with TemporaryDirectory() as folder:
        filled = run_full_disk(make_reference_run(Path(folder)), Path(folder))
    print(f"{sum(filled.values())} full disks under {len(filled)} stages: one line each, and equal after --resume")


if __name__ == "__main__":
    main()
