"""The words of pre-training: colours, shapes, and household nouns for text alone."""

from __future__ import annotations

SHAPES = (
    "ball", "disc", "plank", "brick", "pillar", "cone", "pyramid", "ring", "wedge", "cross", "bowl", "dumbbell",
    "tee", "pin", "slab",
)  # fmt: skip
"""Nouns that procedural scenes can show; none is an object of GemBench."""

NOUNS = SHAPES + (
    "sponge", "spoon", "plate", "towel", "lemon", "candle", "pot", "pan", "brush", "bag", "book", "basket", "hammer",
    "whisk", "kettle", "tray", "crate", "peg", "coin", "ruler", "bell", "jug", "tin", "rope", "card", "glove", "vase",
    "eraser", "stapler", "marker", "carton", "funnel", "grater", "ladle", "saucer", "teapot", "cap", "cork", "clip",
)  # fmt: skip
"""Nouns of instructions that are only read, not seen."""

CONTAINERS = ("cabinet", "locker", "gate", "window", "chest", "hatch", "shutter", "trunk", "wardrobe", "pantry")
"""Things with a handle or a door, in text alone."""

SIDES = ("left", "right", "upper", "lower", "middle", "first", "second", "third", "top", "bottom", "inner", "outer")

ADJECTIVES = ("small", "big", "long", "short", "flat", "old", "new", "shiny", "heavy", "light")
