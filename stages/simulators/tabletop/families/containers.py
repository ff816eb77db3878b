"""Things that are open above and hold others."""

from __future__ import annotations

from stages.simulators.tabletop.families.draft import OPEN_ABOVE, Build, Draft
from stages.simulators.tabletop.families.grips import side_grip, top_grip
from stages.simulators.tabletop.families.hinged import walls


def _crate(draft: Draft) -> float:
    """Four corner posts with slats between and a floor."""
    deep, wide, tall = draft.rng.uniform((0.09, 0.12, 0.05), (0.2, 0.28, 0.14))
    rows, gap = int(draft.rng.integers(2, 4)), draft.draw(0.15, 0.4)
    draft.block((deep, wide, 0.006))
    pitch = tall / rows
    for row in range(rows):
        height = pitch * (row + 0.5)
        for side in (-1, 1):
            draft.box((0.006, wide, pitch * (1 - gap)), (side * deep / 2, 0, height))
            draft.box((deep, 0.006, pitch * (1 - gap)), (0, side * wide / 2, height))
    for x in (-1, 1):
        for y in (-1, 1):
            draft.block((0.012, 0.012, tall), (x * (deep / 2 - 0.008), y * (wide / 2 - 0.008), 0))
    draft.room((deep - 0.03, wide - 0.03, OPEN_ABOVE), (0, 0, 0.006))
    return float(tall)


def _tray(draft: Draft) -> float:
    """A flat plate with a low rim, sometimes with a handle at both ends."""
    deep, wide, tall = draft.rng.uniform((0.12, 0.16, 0.012), (0.24, 0.36, 0.035))
    walls(draft, deep, wide, tall, 0.005)
    if draft.chance(0.6):
        for side, word in ((-1, "right"), (1, "left")):
            grip = draft.part(f"{word} handle", (0, side * (wide / 2 + 0.02), tall))
            grip.bar((-0.2 * deep, 0, 0), (0.2 * deep, 0, 0), 0.008)
            for end in (-0.2, 0.2):
                grip.bar((end * deep, 0, 0), (end * deep, -side * 0.02, -0.3 * tall), 0.007)
    return float(tall)


def _basket(draft: Draft) -> float:
    """A flaring vessel, round or square, under a high loop."""
    radius, tall, flare = draft.draw(0.05, 0.09), draft.draw(0.05, 0.11), draft.draw(1.05, 1.4)
    sides = int(draft.rng.choice([4, 8, 18]))
    draft.hollow([[radius, 0], [flare * radius, tall]], 0.006, sides=sides)
    top_grip(draft, "handle", 1.9 * flare * radius, draft.draw(0.05, 0.1), tall, draft.draw(0.006, 0.012))
    draft.room((1.1 * radius, 1.1 * radius, tall), (0, 0, 0.006))
    return tall


def _tub(draft: Draft) -> float:
    """A low and wide round vessel with a rim."""
    radius, tall, flare = draft.draw(0.06, 0.12), draft.draw(0.03, 0.08), draft.draw(1.0, 1.2)
    draft.hollow([[radius, 0], [flare * radius, tall]], 0.006)
    if draft.chance(0.6):
        for sign, word in ((-1, "rear"), (1, "front")):
            wall = sign * (flare * radius - 0.004)
            side_grip(draft, f"{word} handle", (wall, wall), 0.55 * tall, 0.9 * tall, 0.02, 0.008)
    draft.room((1.2 * radius, 1.2 * radius, OPEN_ABOVE), (0, 0, 0.006))
    return tall


def _bucket(draft: Draft) -> float:
    """A flaring vessel with a bail that stands or lies to one side."""
    radius, tall, flare = draft.draw(0.035, 0.065), draft.draw(0.08, 0.15), draft.draw(1.1, 1.5)
    draft.hollow([[radius, 0], [flare * radius, tall]], 0.004)
    rise = flare * radius * draft.draw(0.8, 1.2)
    top_grip(draft, "handle", 2 * flare * radius, rise, 0.95 * tall, 0.006)
    draft.room((1.2 * radius, 1.2 * radius, tall), (0, 0, 0.004))
    return tall


def _caddy(draft: Draft) -> float:
    """A tray with a wall along its middle that ends in a grip."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.16, 0.04), (0.16, 0.28, 0.07))
    walls(draft, deep, wide, tall, 0.006)
    rise = draft.draw(0.06, 0.12)
    for side in (-1, 1):
        draft.block((0.03, 0.006, tall + rise), (0, side * (wide / 2 - 0.003), 0))
    grip = draft.part("handle", (0, 0, tall + rise - 0.01))
    grip.cylinder(draft.draw(0.005, 0.01), wide, axis=1)
    return float(tall)


def _planter(draft: Draft) -> float:
    """A vessel with a plant of a few leaves."""
    radius, tall = draft.draw(0.03, 0.055), draft.draw(0.04, 0.09)
    draft.turned([[0.7 * radius, 0], [radius, tall], [0.85 * radius, tall], [0.8 * radius, 0.9 * tall]])
    plant = draft.part("plant", (0, 0, 0.9 * tall), anchor=(0, 0, 0.05), shade=0.8)
    high = draft.draw(0.04, 0.1)
    plant.cylinder(0.004, high, (0, 0, high / 2))
    for x, y, z in draft.rng.uniform((-1, -1, 0.4), (1, 1, 1.0), (int(draft.rng.integers(3, 6)), 3)):
        size = draft.draw(0.6, 1.1) * radius
        plant.ellipsoid((size, 0.5 * size, 0.3 * size), (0.7 * radius * x, 0.7 * radius * y, high * z))
    return tall


CONTAINERS: dict[str, Build] = {
    "crate": _crate,
    "tray": _tray,
    "basket": _basket,
    "tub": _tub,
    "bucket": _bucket,
    "caddy": _caddy,
    "planter": _planter,
}

CONTAINER_SYNONYMS: dict[str, tuple[str, ...]] = {
    "tray": ("platter",),
    "basket": ("hamper",),
    "tub": ("washtub",),
    "bucket": ("pail",),
    "planter": ("flowerpot",),
}
