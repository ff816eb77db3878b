"""GemBench's colours by name, as (red, green, blue) in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Colour = tuple[float, float, float]

PALETTE: dict[str, Colour] = {
    "red": (1.0, 0.0, 0.0),
    "maroon": (0.5, 0.0, 0.0),
    "lime": (0.0, 1.0, 0.0),
    "green": (0.0, 0.5, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "navy": (0.0, 0.0, 0.5),
    "yellow": (1.0, 1.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "silver": (0.75, 0.75, 0.75),
    "gray": (0.5, 0.5, 0.5),
    "orange": (1.0, 0.5, 0.0),
    "olive": (0.5, 0.5, 0.0),
    "purple": (0.5, 0.0, 0.5),
    "teal": (0.0, 0.5, 0.5),
    "azure": (0.0, 0.5, 1.0),
    "violet": (0.5, 0.0, 1.0),
    "rose": (1.0, 0.0, 0.5),
    "black": (0.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
}
"""The twenty colours in GemBench's order: an index into it is the variation of most coloured tasks."""

COLOURS = tuple(PALETTE)

RARE_COLOURS: dict[str, Colour] = {
    "crimson": (0.75, 0.05, 0.15),
    "coral": (1.0, 0.5, 0.4),
    "salmon": (0.95, 0.65, 0.55),
    "brown": (0.45, 0.25, 0.1),
    "tan": (0.8, 0.65, 0.45),
    "beige": (0.95, 0.9, 0.75),
    "gold": (0.85, 0.65, 0.1),
    "khaki": (0.75, 0.75, 0.4),
    "mint": (0.6, 1.0, 0.75),
    "emerald": (0.1, 0.75, 0.4),
    "forest": (0.1, 0.3, 0.12),
    "turquoise": (0.25, 0.85, 0.75),
    "sky": (0.5, 0.8, 1.0),
    "indigo": (0.28, 0.1, 0.5),
    "lavender": (0.75, 0.7, 0.95),
    "plum": (0.55, 0.3, 0.5),
    "orchid": (0.85, 0.45, 0.85),
    "blush": (1.0, 0.75, 0.85),
    "charcoal": (0.22, 0.22, 0.25),
    "steel": (0.4, 0.5, 0.6),
}
"""Rarer colours, none of GemBench's: what repainted things are called, so that colours are learnt as words apart."""

BUTTON_COLOURS = tuple(name for name in COLOURS if name not in ("red", "lime"))
"""Colours of button bases; caps are red."""

GOAL_GREEN: Colour = (0.5, 1.0, 0.5)
"""The goal square."""

GOAL_RED: Colour = (1.0, 0.14, 0.14)
"""The goal ball."""

DARK: Colour = (0.13, 0.14, 0.16)
STEEL: Colour = (0.62, 0.64, 0.67)
"""Of trim and handles."""


def different_colours(
    rng: np.random.Generator, colours: Sequence[str], count: int, avoid: Sequence[str] = ()
) -> list[str]:
    """Draw `count` different colours, none of them in `avoid`."""
    return rng.choice([colour for colour in colours if colour not in avoid], size=count, replace=False).tolist()
