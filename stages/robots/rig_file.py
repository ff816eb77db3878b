"""Writing a camera's pose into the file of a rig, which keeps every other character."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from stages.core.errors import UserError
from stages.geometry.poses import matrix_to_pose
from stages.robots.rig import Pose, Rig


def write_camera_pose(path: Path, name: str, camera: np.ndarray) -> None:
    """Put the pose (4, 4) of a camera into a rig's file, which is replaced as a whole.

    Raises:
        UserError: the file is none of a rig, or is written in a way that cannot be changed; it stays as it was then.
    """
    before, pose = Rig.load(path), _rounded(camera)
    expected = replace(before.camera(name), pose=pose)
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        text = _with_pose(target.read_bytes().decode(), name, _flow(pose))
        temporary.write_bytes(text.encode())
        shutil.copymode(target, temporary)
        if not _same(temporary, replace(before, cameras={**before.cameras, name: expected})):
            raise UserError(f"{path} is written in a way that cannot be changed", f"Put 'pose: {_flow(pose)}' into it")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _same(path: Path, rig: Rig) -> bool:
    try:
        found = Rig.load(path)
    except UserError:
        return False
    return (found.robot, found.cameras) == (rig.robot, rig.cameras)


def _rounded(camera: np.ndarray) -> Pose:
    vector = matrix_to_pose(camera)
    position, quaternion = np.round(vector[:3], 6), np.round(vector[3:], 8)
    return Pose(tuple(position.tolist()), tuple(quaternion.tolist()))


def _flow(pose: Pose) -> str:
    return f"{{position: {list(pose.position)}, quaternion: {list(pose.quaternion)}}}"


def _with_pose(text: str, name: str, pose: str) -> str:
    """The YAML text with another value at cameras.NAME.pose."""
    camera = _value(_value(yaml.compose(text), "cameras"), name)
    if old := _value(camera, "pose"):
        start, end = old.start_mark.index, _end(old)
        return text[:start] + " " * (start == end) + pose + text[end:]
    last = _end(camera.value[-1][1])
    if camera.flow_style:
        return f"{text[:last]}, pose: {pose}{text[last:]}"
    line_end = last + len(text[last:].partition("\n")[0])
    indent = " " * camera.value[0][0].start_mark.column
    return f"{text[:line_end]}\n{indent}pose: {pose}{text[line_end:]}"


def _value(mapping: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = mapping.value if isinstance(mapping, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _end(node: yaml.Node) -> int:
    """Where what a node says ends; a block's own end mark is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return node.end_mark.index
