"""Hand tools, which lie along X with the handle at the rear."""

from __future__ import annotations

from stages.simulators.tabletop.families.draft import Build, Draft, arc, turn


def _handle(draft: Draft, length: float, radius: float, height: float, end: float) -> None:
    """A round or square handle along X that ends at x = `end`."""
    grip = draft.part("handle", (end - length / 2, 0, height), shade=draft.draw(0.6, 1.0))
    if draft.chance(0.5):
        grip.cylinder(radius, length, axis=0)
    else:
        grip.box((length, 2 * radius, 1.6 * radius))


def _hammer(draft: Draft) -> float:
    """A block or a cylinder across the end of a handle."""
    length, radius, wide = draft.draw(0.1, 0.22), draft.draw(0.006, 0.012), draft.draw(0.05, 0.1)
    thick = draft.draw(0.018, 0.034)
    draft.box((thick, 0.5 * wide, thick), (length / 2, -0.25 * wide, thick / 2))
    draft.cylinder(0.55 * thick, 0.5 * wide, (length / 2, 0.25 * wide, 0.55 * thick), axis=1)
    _handle(draft, length, radius, thick / 2, length / 2)
    return thick


def _mallet(draft: Draft) -> float:
    """A thick barrel across the end of a handle."""
    length, radius, wide = draft.draw(0.1, 0.2), draft.draw(0.018, 0.034), draft.draw(0.05, 0.1)
    draft.cylinder(radius, wide, (length / 2, 0, radius), axis=1)
    _handle(draft, length, 0.3 * radius, radius, length / 2)
    return 2 * radius


def _spatula(draft: Draft) -> float:
    """A flat blade at a slight angle."""
    length, wide, reach = draft.draw(0.1, 0.2), draft.draw(0.04, 0.08), draft.draw(0.05, 0.1)
    blade = draft.part("blade", (length / 2, 0, 0.004), anchor=(reach / 2, 0, 0))
    blade.box((reach, wide, 0.004), (reach / 2, 0, 0))
    draft.bar((length / 2 - 0.03, 0, 0.012), (length / 2 + 0.01, 0, 0.004), 0.006)
    _handle(draft, length - 0.02, draft.draw(0.005, 0.01), 0.012, length / 2 - 0.02)
    return 0.025


def _brush(draft: Draft) -> float:
    """A flat back with bristles below and a handle."""
    length, wide, back = draft.draw(0.05, 0.1), draft.draw(0.03, 0.06), draft.draw(0.01, 0.02)
    bristles = draft.part("bristles", (0, 0, 0), anchor=(0, 0, 0.012), shade=0.6)
    for index in range(4):
        bristles.block((0.17 * length, 0.9 * wide, 0.024), (length * (index / 4 - 0.375), 0, 0))
    draft.block((length, wide, back), (0, 0, 0.02))
    _handle(draft, draft.draw(0.05, 0.12), 0.4 * back, 0.02 + back / 2, -length / 2)
    return 0.02 + back


def _screwdriver(draft: Draft) -> float:
    """A thin shaft in a thick handle."""
    length, radius = draft.draw(0.06, 0.14), draft.draw(0.009, 0.017)
    shaft = draft.part("shaft", (length / 2, 0, radius), shade=0.8)
    shaft.cylinder(0.3 * radius, length, axis=0)
    shaft.box((0.014, 0.9 * radius, 0.2 * radius), (length / 2, 0, 0))
    grip = draft.part("handle", (-0.035, 0, radius), shade=draft.draw(0.6, 1.0))
    grip.cylinder(radius, 0.07, axis=0)
    draft.cylinder(0.7 * radius, 0.014, (0, 0, radius), axis=0)
    return 2 * radius


def _ladle(draft: Draft) -> float:
    """A round vessel at the end of a rising handle."""
    radius, tall, length = draft.draw(0.025, 0.045), draft.draw(0.018, 0.035), draft.draw(0.1, 0.2)
    draft.hollow([[0.5 * radius, 0], [0.9 * radius, 0.5 * tall], [radius, tall]], 0.004)
    end = (-radius - 0.9 * length, 0, tall + 0.4 * length)
    grip = draft.part("handle", ((-radius + end[0]) / 2, 0, (0.9 * tall + end[2]) / 2), shade=draft.draw(0.7, 1))
    half = ((radius + end[0]) / 2, 0, (end[2] - 0.9 * tall) / 2)
    grip.bar([-value for value in half], half, draft.draw(0.006, 0.012))
    return tall


def _wrench(draft: Draft) -> float:
    """A flat bar with an open jaw at one end and a ring at the other."""
    length, wide, thick = draft.draw(0.1, 0.2), draft.draw(0.012, 0.02), draft.draw(0.006, 0.012)
    grip = draft.part("handle", (0, 0, thick / 2))
    grip.box((length, wide, thick))
    jaw = draft.part("jaw", (length / 2, 0, thick / 2), anchor=(wide, 0, 0))
    jaw.box((wide, 2.4 * wide, thick))
    for side in (-1, 1):
        jaw.box((1.4 * wide, 0.8 * wide, thick), (1.1 * wide, side * 0.8 * wide, 0), turn(2, -0.25 * side))
    draft.cylinder(wide, thick, (-length / 2, 0, thick / 2))
    return thick


def _comb(draft: Draft) -> float:
    """A bar with teeth along one side."""
    length, deep, thick = draft.draw(0.08, 0.16), draft.draw(0.012, 0.02), draft.draw(0.005, 0.01)
    draft.block((length, deep, thick))
    teeth = draft.part("teeth", (0, -deep / 2, thick / 2), anchor=(0, -0.015, 0))
    count, reach = int(draft.rng.integers(6, 10)), draft.draw(0.02, 0.04)
    for index in range(count):
        teeth.box((0.4 * length / count, reach, 0.8 * thick), (length * ((index + 0.5) / count - 0.5), -reach / 2, 0))
    return thick


def _torch(draft: Draft) -> float:
    """A tube that widens to a round front, with a button on its side."""
    length, radius = draft.draw(0.07, 0.14), draft.draw(0.012, 0.02)
    wide = radius * draft.draw(1.4, 1.9)
    grip = draft.part("handle", (-0.3 * length, 0, wide), shade=draft.draw(0.6, 1.0))
    grip.cylinder(radius, length, axis=0)
    profile = [[radius, 0], [wide, 0.2 * length], [wide, 0.4 * length]]
    draft.turned(profile, (0.2 * length, 0, wide), rotation=turn(1, 1.5708))
    button = draft.part("button", (0, 0, wide + radius), anchor=(0, 0, 0.003), shade=0.5)
    button.box((0.02, 0.01, 0.008))
    return 2 * wide


def _ruler(draft: Draft) -> float:
    """A flat strip with marks."""
    length, wide = draft.draw(0.15, 0.3), draft.draw(0.02, 0.04)
    draft.block((length, wide, 0.004))
    marks = draft.part("marks", (0, 0.3 * wide, 0.004), shade=0.4)
    for index in range(7):
        marks.box((0.003, 0.35 * wide, 0.003), (length * (index / 7 - 3 / 7), 0, 0))
    return 0.006


def _tongs(draft: Draft) -> float:
    """Two bars that meet at the rear."""
    length, spread, thick = draft.draw(0.1, 0.2), draft.draw(0.02, 0.06), draft.draw(0.006, 0.011)
    for side in (-1, 1):
        draft.bar((-length / 2, 0, thick / 2), (length / 2, side * spread, thick / 2), thick)
        draft.cylinder(0.014, thick, (length / 2, side * spread, thick / 2))
    joint = draft.part("joint", (-length / 2, 0, thick / 2), anchor=(0, 0, thick / 2), shade=0.7)
    joint.cylinder(0.012, 1.3 * thick)
    return thick


def _saw(draft: Draft) -> float:
    """A long blade with a handle like a frame."""
    length, wide = draft.draw(0.12, 0.24), draft.draw(0.03, 0.06)
    blade = draft.part("blade", (length / 2, 0, 0.006), shade=0.85)
    outline = [[-length / 2, -wide / 2], [length / 2, -wide / 2], [length / 2, -0.1 * wide], [-length / 2, wide / 2]]
    blade.extruded(outline, 0.003)
    grip = draft.part("handle", (-0.045, 0, 0.009), shade=draft.draw(0.6, 1))
    for x, y, size in ((0.045, 0, (0.016, wide)), (-0.02, 0, (0.018, wide))):
        grip.box((*size, 0.016), (x, y, 0))
    for side in (-1, 1):
        grip.box((0.08, 0.014, 0.016), (0.012, side * (wide / 2 - 0.007), 0))
    return 0.018


def _roller(draft: Draft) -> float:
    """A thick barrel that turns between two thin handles."""
    length, radius = draft.draw(0.09, 0.18), draft.draw(0.016, 0.03)
    draft.cylinder(radius, length, (0, 0, radius), axis=1)
    for side, word in ((-1, "right"), (1, "left")):
        grip = draft.part(f"{word} handle", (0, side * (length / 2 + 0.025), radius), shade=draft.draw(0.6, 1))
        grip.cylinder(0.4 * radius, 0.05, axis=1)
    return 2 * radius


def _trowel(draft: Draft) -> float:
    """A pointed blade on a cranked handle."""
    reach, wide, length = draft.draw(0.06, 0.12), draft.draw(0.04, 0.08), draft.draw(0.06, 0.1)
    blade = draft.part("blade", (0, 0, 0), anchor=(0.4 * reach, 0, 0.004), shade=0.85)
    blade.extruded(
        [[0, -wide / 2], [0.5 * reach, -0.45 * wide], [reach, 0], [0.5 * reach, 0.45 * wide], [0, wide / 2]], 0.004
    )
    draft.bar((0, 0, 0.004), (-0.025, 0, 0.03), 0.007)
    _handle(draft, length, draft.draw(0.007, 0.012), 0.03, -0.02)
    return 0.04


def _plunger(draft: Draft) -> float:
    """A cup-shaped foot under an upright handle."""
    radius, tall, length = draft.draw(0.03, 0.05), draft.draw(0.025, 0.05), draft.draw(0.1, 0.2)
    draft.turned(arc(1.0, 0.0, 0.45 * 3.1416, 6) * (radius, tall))
    grip = draft.part("handle", (0, 0, tall + length / 2), shade=draft.draw(0.6, 1))
    grip.cylinder(draft.draw(0.006, 0.011), length)
    return tall + length


def _magnifier(draft: Draft) -> float:
    """A flat ring, filled, on a handle."""
    radius, length, thick = draft.draw(0.025, 0.05), draft.draw(0.06, 0.12), draft.draw(0.008, 0.014)
    draft.cylinder(radius, thick, (0, 0, thick / 2))
    lens = draft.part("lens", (0, 0, thick / 2), anchor=(0, 0, thick / 2), shade=0.5)
    lens.cylinder(0.8 * radius, 1.3 * thick)
    _handle(draft, length, 0.5 * thick, thick / 2, -0.95 * radius)
    return thick


TOOLS: dict[str, Build] = {
    "hammer": _hammer,
    "mallet": _mallet,
    "spatula": _spatula,
    "brush": _brush,
    "screwdriver": _screwdriver,
    "ladle": _ladle,
    "wrench": _wrench,
    "comb": _comb,
    "torch": _torch,
    "ruler": _ruler,
    "tongs": _tongs,
    "saw": _saw,
    "roller": _roller,
    "trowel": _trowel,
    "plunger": _plunger,
    "magnifier": _magnifier,
}

TOOL_SYNONYMS: dict[str, tuple[str, ...]] = {
    "mallet": ("gavel",),
    "spatula": ("turner",),
    "ladle": ("dipper",),
    "wrench": ("spanner",),
    "torch": ("flashlight",),
    "tongs": ("pincers",),
}
