"""The embedded simulator: a Franka Panda at a table, MuJoCo physics, ray-cast images."""

import os

# Images are ray-cast. MuJoCo's OpenGL, which it sets up when it is imported, may be missing or wrongly set: not needed.
_opengl = os.environ.get("MUJOCO_GL")
os.environ["MUJOCO_GL"] = "disable"
import mujoco  # noqa: E402, F401

if _opengl is None:
    del os.environ["MUJOCO_GL"]
else:
    os.environ["MUJOCO_GL"] = _opengl
