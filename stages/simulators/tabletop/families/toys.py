"""Toys of few shapes."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import Build, Draft, arc, turn


def _wheels(draft: Draft, length: float, width: float, radius: float, pairs: int, word: str = "wheels") -> None:
    """Pairs of wheels along X, one part."""
    wheels = draft.part(word, (0, 0, radius), anchor=(0, width / 2, 0), shade=0.4)
    for index in range(pairs):
        wheels.cylinder(radius, width, (length * (index / max(pairs - 1, 1) - 0.5), 0, 0), axis=1)


def _car(draft: Draft) -> float:
    """A low body with a cabin on wheels."""
    length, width, tall = draft.rng.uniform((0.08, 0.04, 0.016), (0.16, 0.07, 0.03))
    radius = draft.draw(0.009, 0.016)
    draft.block((length, width, tall), (0, 0, radius))
    cabin = draft.part("roof", (-0.05 * length, 0, radius + tall), anchor=(0, 0, tall), shade=draft.draw(0.6, 1))
    outline = np.array([[-0.28, 0], [0.26, 0], [0.16, 1], [-0.24, 1]]) * (length, tall)
    cabin.extruded(outline, 0.9 * width, (0, 0.45 * width, 0), turn(0, np.pi / 2))
    _wheels(draft, 0.65 * length, 1.08 * width, radius, 2)
    return float(radius + 2 * tall)


def _truck(draft: Draft) -> float:
    """A cabin before a load bed on wheels."""
    length, width, tall = draft.rng.uniform((0.11, 0.045, 0.04), (0.2, 0.08, 0.075))
    radius = draft.draw(0.01, 0.018)
    draft.block((length, width, 0.012), (0, 0, radius))
    cabin = draft.part("cabin", (0.36 * length, 0, radius + 0.012), anchor=(0, 0, tall), shade=draft.draw(0.6, 1))
    cabin.block((0.26 * length, width, tall))
    bed = draft.part("bed", (-0.15 * length, 0, radius + 0.012), anchor=(0, 0, 0.3 * tall))
    for side in (-1, 1):
        bed.block((0.68 * length, 0.006, 0.5 * tall), (0, side * (width - 0.006) / 2, 0))
    bed.block((0.006, width, 0.5 * tall), (-0.34 * length, 0, 0))
    bed.room((0.6 * length, width - 0.016, 0.2))
    _wheels(draft, 0.7 * length, 1.06 * width, radius, int(draft.rng.integers(2, 4)))
    return float(radius + 0.012 + tall)


def _train(draft: Draft) -> float:
    """A boiler before a cabin, with a chimney, on wheels."""
    length, width, radius = draft.draw(0.1, 0.17), draft.draw(0.04, 0.06), draft.draw(0.01, 0.016)
    draft.block((length, width, 0.012), (0, 0, radius))
    draft.cylinder(0.4 * width, 0.65 * length, (0.15 * length, 0, radius + 0.012 + 0.4 * width), axis=0)
    cabin = draft.part("cabin", (-0.35 * length, 0, radius + 0.012), anchor=(0, 0, 1.3 * width), shade=0.8)
    cabin.block((0.28 * length, width, 1.2 * width))
    cabin.block((0.34 * length, 1.15 * width, 0.008), (0, 0, 1.2 * width))
    chimney = draft.part("chimney", (0.36 * length, 0, radius + 0.012 + 0.75 * width), anchor=(0, 0, 0.03), shade=0.6)
    chimney.turned([[0.007, 0], [0.013, 0.03]])
    _wheels(draft, 0.75 * length, 1.06 * width, radius, int(draft.rng.integers(2, 5)))
    return radius + 0.012 + 1.2 * width


def _boat(draft: Draft) -> float:
    """A pointed hull with a mast and a sail."""
    length, width, tall = draft.rng.uniform((0.09, 0.035, 0.02), (0.18, 0.07, 0.04))
    outline = np.array([[-0.5, -0.4], [0.2, -0.5], [0.5, 0], [0.2, 0.5], [-0.5, 0.4]]) * (length, width)
    draft.extruded(outline, tall)
    mast = draft.draw(0.06, 0.13)
    draft.cylinder(0.004, mast, (0, 0, tall + mast / 2))
    sail = draft.part("sail", (0, 0.002, tall + 0.01), anchor=(-0.15 * length, 0, 0.3 * mast), shade=draft.draw(0.7, 1))
    sail.extruded([[0, 0], [0, 0.9 * mast], [-0.45 * length, 0]], 0.004, rotation=turn(0, np.pi / 2))
    return float(tall + mast)


def _rocket(draft: Draft) -> float:
    """A slender body with a pointed nose and fins."""
    radius, tall = draft.draw(0.014, 0.03), draft.draw(0.08, 0.18)
    draft.turned(np.array([[0.7, 0], [1, 0.25], [1, 0.7]]) * (radius, tall))
    nose = draft.part("nose", (0, 0, 0.7 * tall), anchor=(0, 0, 0.15 * tall), shade=draft.draw(0.5, 0.9))
    nose.turned([[radius, 0], [0.6 * radius, 0.18 * tall], [0.05 * radius, 0.3 * tall]])
    fins = draft.part("fins", (0, 0, 0.14 * tall), anchor=(1.5 * radius, 0, 0), shade=0.7)
    for index in range(3):
        around = turn(2, 2 * np.pi * index / 3)
        fins.box((radius, 0.004, 0.28 * tall), around @ (1.4 * radius, 0, 0), around)
    return tall


def _house(draft: Draft) -> float:
    """A block under a ridged roof, with a door and a chimney."""
    deep, wide, tall = draft.rng.uniform((0.06, 0.06, 0.045), (0.13, 0.13, 0.09))
    ridge, eaves = draft.draw(0.02, 0.06), 1.15
    draft.block((deep, wide, tall))
    roof = draft.part("roof", (0, 0, tall), anchor=(0, 0, ridge), shade=draft.draw(0.5, 0.9))
    outline = [[-0.5 * eaves * deep, 0], [0.5 * eaves * deep, 0], [0, ridge]]
    roof.extruded(outline, eaves * wide, (0, eaves * wide / 2, 0), turn(0, np.pi / 2))
    entry = draft.part("door", (deep / 2, draft.draw(-0.25, 0.25) * wide, 0.3 * tall), anchor=(0.002, 0, 0), shade=0.4)
    entry.box((0.004, 0.2 * wide, 0.6 * tall))
    if draft.chance(0.5):
        chimney = draft.part("chimney", (-0.25 * deep, 0.25 * wide, tall), anchor=(0, 0, ridge), shade=0.6)
        chimney.block((0.014, 0.014, 1.1 * ridge))
    return float(tall + ridge)


def _dice(draft: Draft) -> float:
    """A cube with dots on five faces."""
    edge = draft.draw(0.02, 0.07)
    draft.block((edge, edge, edge))
    dots = draft.part("dots", (0, 0, edge / 2), anchor=(0, 0, edge / 2), shade=0.2)
    flat = 0.012 * edge
    dots.cylinder(0.1 * edge, edge + flat, axis=2)
    for side in (-0.22, 0.22):
        dots.cylinder(0.1 * edge, edge + flat, (0, side * edge, side * edge), axis=0)
        dots.cylinder(0.1 * edge, edge + flat, (side * edge, 0, side * edge), axis=1)
    return edge


def _whistle(draft: Draft) -> float:
    """A short drum on its side with a flat mouthpiece."""
    radius, width = draft.draw(0.015, 0.028), draft.draw(0.018, 0.03)
    draft.cylinder(radius, width, (0, 0, radius), axis=1)
    draft.box((2.6 * radius, width, 0.6 * radius), (1.3 * radius, 0, 1.7 * radius))
    eye = draft.part("loop", (-1.2 * radius, 0, radius), shade=0.6)
    eye.cylinder(0.35 * radius, 0.005, axis=1)
    return 2 * radius


def _drum(draft: Draft) -> float:
    """A round body with a rim above and below and two beaters across."""
    radius, tall = draft.draw(0.035, 0.07), draft.draw(0.035, 0.09)
    draft.cylinder(radius, 1.01 * tall, (0, 0, tall / 2))
    rims = draft.part("rims", (0, 0, tall), anchor=(radius, 0, 0), shade=draft.draw(0.5, 0.8))
    for height in (0.06, 0.94):
        rims.cylinder(1.06 * radius, 0.12 * tall, (0, 0, (height - 1) * tall))
    if draft.chance(0.5):
        beaters = draft.part("beaters", (0, 0, 1.02 * tall), anchor=(0, 0, 0.006), shade=0.6)
        for angle in (0.5, -0.4):
            end = turn(2, angle) @ (1.2 * radius, 0, 0.006)
            beaters.bar((-end[0], -end[1], 0.006), end, 0.006)
            beaters.sphere(0.008, end)
    return tall


def _plane(draft: Draft) -> float:
    """A body with wings, a tail and a propeller."""
    length, span, radius = draft.draw(0.1, 0.18), draft.draw(0.1, 0.2), draft.draw(0.012, 0.02)
    low = 0.014 + radius
    draft.turned(
        np.array([[0.3, 0], [0.9, 0.4], [1, 0.7], [0.6, 1]]) * (radius, length),
        (-length / 2, 0, low),
        rotation=turn(1, np.pi / 2),
    )
    wings = draft.part("wings", (0.12 * length, 0, low), anchor=(0, span / 3, 0), shade=draft.draw(0.6, 1))
    wings.box((0.22 * length, span, 0.005))
    tail = draft.part("tail", (-0.44 * length, 0, low), anchor=(0, 0, 0.02), shade=draft.draw(0.6, 1))
    tail.box((0.1 * length, 0.35 * span, 0.004))
    tail.block((0.1 * length, 0.004, 0.03))
    _wheels(draft, 0.0, 0.05, 0.012, 1)
    blades = draft.part("propeller", (length / 2, 0, low), rotation=turn(0, draft.draw(0, 3)), shade=0.5)
    blades.box((0.005, 0.01, 0.055))
    return low + radius


def _snowman(draft: Draft) -> float:
    """Two or three balls one above the other, with a hat."""
    radius, height = draft.draw(0.022, 0.042), 0.0
    count = int(draft.rng.integers(2, 4))
    for _ in range(count):
        draft.sphere(radius, (0, 0, height + radius))
        height, radius = height + 1.75 * radius, 0.75 * radius
    hat = draft.part("hat", (0, 0, height), anchor=(0, 0, 0.02), shade=0.4)
    hat.cylinder(1.1 * radius, 0.005, (0, 0, 0.0025))
    hat.cylinder(0.7 * radius, 0.026, (0, 0, 0.013))
    return height + 0.026


def _mushroom(draft: Draft) -> float:
    """A round head on a stem."""
    radius, tall = draft.draw(0.022, 0.05), draft.draw(0.03, 0.07)
    draft.turned([[0.45 * radius, 0], [0.35 * radius, tall]])
    head = draft.part("head", (0, 0, 0.9 * tall), anchor=(0, 0, 0.6 * radius), shade=draft.draw(0.5, 0.9))
    head.turned(arc(radius, 0.0, 0.46 * np.pi, 5) * (1, draft.draw(0.5, 0.95)))
    return 0.9 * tall + 0.7 * radius


def _castle(draft: Draft) -> float:
    """A wall with a tower at every corner."""
    half, tall, thick = draft.draw(0.035, 0.07), draft.draw(0.03, 0.06), draft.draw(0.01, 0.018)
    for side in (-1, 1):
        draft.block((2 * half, 0.006, 0.7 * tall), (0, side * half, 0))
        draft.block((0.006, 2 * half, 0.7 * tall), (side * half, 0, 0))
    towers = draft.part("towers", (0, 0, 0), anchor=(half, half, tall), shade=draft.draw(0.7, 1))
    for x in (-half, half):
        for y in (-half, half):
            towers.turned(
                [[thick, 0], [thick, tall], [1.3 * thick, tall], [1.3 * thick, 1.25 * tall]], (x, y, 0), sides=10
            )
    gate = draft.part("gate", (half, 0, 0.2 * tall), anchor=(0.004, 0, 0), shade=0.4)
    gate.box((0.01, 0.5 * half, 0.4 * tall))
    return 1.25 * tall


def _tree(draft: Draft) -> float:
    """A stem under two or three cones or one round crown."""
    radius, tall = draft.draw(0.025, 0.055), draft.draw(0.09, 0.18)
    draft.cylinder(0.16 * radius, 0.4 * tall, (0, 0, 0.2 * tall))
    crown = draft.part("crown", (0, 0, 0.3 * tall), anchor=(0, 0, 0.35 * tall), shade=draft.draw(0.6, 0.9))
    if draft.chance(0.4):
        crown.ellipsoid((radius, radius, 0.36 * tall), (0, 0, 0.36 * tall))
        return 1.02 * tall
    for index in range(3):
        size = radius * (1 - 0.22 * index)
        crown.turned([[size, 0], [0.1 * size, 0.3 * tall]], (0, 0, 0.2 * tall * index), sides=14)
    return tall


def _caterpillar(draft: Draft) -> float:
    """A row of balls with two feelers on the first."""
    radius, count, sway = draft.draw(0.013, 0.024), int(draft.rng.integers(3, 7)), draft.draw(0.0, 0.8)
    start = -1.5 * radius * (count - 1) / 2
    for index in range(count):
        draft.sphere(radius, (start + 1.5 * radius * index, sway * radius * np.sin(1.5 * index), radius))
    end = (start + 1.5 * radius * (count - 1), sway * radius * np.sin(1.5 * (count - 1)), radius)
    feelers = draft.part("feelers", end, anchor=(0, 0, 2 * radius), shade=0.5)
    for side in (-1, 1):
        feelers.bar((0, 0, 0), (0.3 * radius, side * 0.6 * radius, 2 * radius), 0.004)
    return 2 * radius


def _windmill(draft: Draft) -> float:
    """A tapered tower with four blades in front."""
    radius, tall = draft.draw(0.025, 0.045), draft.draw(0.09, 0.16)
    draft.turned([[radius, 0], [0.6 * radius, 0.8 * tall], [0.05 * radius, tall]], sides=8)
    blades = draft.part(
        "blades", (0.7 * radius, 0, 0.78 * tall), rotation=turn(0, draft.draw(0, 1.5)), shade=draft.draw(0.6, 1)
    )
    reach = draft.draw(0.35, 0.6) * tall
    blades.cylinder(0.006, 0.02, axis=0)
    for size in ((0.003, 0.014, 2 * reach), (0.003, 2 * reach, 0.014)):
        blades.box(size, (0.008, 0, 0))
    return tall


def _spinner(draft: Draft) -> float:
    """A toy that spins on its point, with a grip above."""
    radius, tall = draft.draw(0.02, 0.045), draft.draw(0.03, 0.07)
    draft.turned(np.array([[0.05, 0], [1, 0.5], [1, 0.6], [0.3, 0.85]]) * (radius, tall))
    grip = draft.part("handle", (0, 0, 0.85 * tall), anchor=(0, 0, 0.02), shade=draft.draw(0.5, 0.9))
    grip.cylinder(0.15 * radius, 0.03, (0, 0, 0.015))
    return 0.85 * tall + 0.03


TOYS: dict[str, Build] = {
    "car": _car,
    "truck": _truck,
    "train": _train,
    "boat": _boat,
    "rocket": _rocket,
    "house": _house,
    "dice": _dice,
    "whistle": _whistle,
    "drum": _drum,
    "plane": _plane,
    "snowman": _snowman,
    "mushroom": _mushroom,
    "castle": _castle,
    "tree": _tree,
    "caterpillar": _caterpillar,
    "windmill": _windmill,
    "spinner": _spinner,
}

TOY_SYNONYMS: dict[str, tuple[str, ...]] = {
    "car": ("automobile",),
    "truck": ("lorry",),
    "train": ("locomotive",),
    "boat": ("ship", "yacht"),
    "house": ("cottage",),
    "dice": ("die",),
    "plane": ("airplane",),
    "mushroom": ("toadstool",),
}
