"""Configuration: dataclasses of every stage, and the loader."""
