"""Simulators: one protocol, whatever the physics behind it."""
