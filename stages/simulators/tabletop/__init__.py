"""The embedded simulator: a Franka Panda at a table, MuJoCo physics, ray-cast images."""
