"""Training of the planner: data, augmentation, loop, validation."""
