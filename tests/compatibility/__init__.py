"""Artifacts opened by the projects whose format they have, each in an environment of its own."""
