"""The coarse task planner: a vision-language model that plans in steps and points in 3D."""
