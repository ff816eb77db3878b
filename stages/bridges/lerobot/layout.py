"""Where LeRobot's data set format v3.0 keeps what, and what our columns are called in it."""

from __future__ import annotations

VERSION = "v3.0"
CHUNK_FILES = 1000
DATA_MB = 100
VIDEO_MB = 200

INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
EPISODES_FOLDER = "meta/episodes"
_NUMBERED = "chunk-{chunk_index:03d}/file-{file_index:03d}"
EPISODES = f"{EPISODES_FOLDER}/{_NUMBERED}.parquet"
DATA = f"data/{_NUMBERED}.parquet"
VIDEO = f"videos/{{video_key}}/{_NUMBERED}.mp4"
TASK_INDEX, TASK_TEXT = "task_index", "__index_level_0__"
"""Columns of the tasks; the second one is how pandas calls an index without a name."""

ORIGIN = "meta/clap.json"
"""Ours: what an export was made from, and which moments its frames are."""

CAMERAS = "meta/cameras.json"
"""Ours: what a data set that others made does not say itself about its cameras and its frame of reference."""

POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
OPENING = "gripper_open"
JOINTS = tuple(f"joint_{number}" for number in range(1, 8))

STATE = "observation.state"
ACTION = "action"
TIME = "time"
STEP = "step"
IGNORE_COLLISION = "ignore_collision"
REWARD, DONE, SUCCESS = "next.reward", "next.done", "next.success"
IMAGES, DEPTH, POINTS = "observation.images.", "observation.depth.", "observation.points."
"""Beginnings of the keys of a camera's images, depth and organised clouds."""

METADATA = "clap/"
"""Beginning of our columns in the table of episodes."""


def intrinsics_key(camera: str) -> str:
    """Column of a camera's pinhole matrices (3, 3) [px], pixel centres at integer + 0.5."""
    return f"camera.{camera}.intrinsics"


def extrinsics_key(camera: str) -> str:
    """Column of a camera's camera-to-world transforms (4, 4), OpenCV axes [m]."""
    return f"camera.{camera}.extrinsics"


def numbered(template: str, number: int, **names: str) -> str:
    """The path of file `number` of a kind."""
    return template.format(chunk_index=number // CHUNK_FILES, file_index=number % CHUNK_FILES, **names)


def place(number: int) -> tuple[int, int]:
    """Chunk and file of file `number`."""
    return divmod(number, CHUNK_FILES)
