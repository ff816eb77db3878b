"""Machines with doors, buttons, knobs, dials, levers, slots and displays; on a front that faces X."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.families.draft import Build, Draft, Point, turn
from stages.simulators.tabletop.families.grips import front_grip, knob, legs
from stages.simulators.tabletop.families.hinged import WIDEST, door, flap, opening, shell

SHADE = 0.55
"""Of what is darker than the machine that carries it."""


def _front_part(draft: Draft, word: str, size: tuple[float, float], position: Point, shade: float = SHADE) -> Draft:
    """A flat panel of a width and a height on the front, such as a display."""
    panel = draft.part(word, position, anchor=(0.002, 0, 0), shade=shade)
    panel.box((0.004, *size))
    return panel


def _front_dial(draft: Draft, word: str, radius: float, position: Point) -> None:
    """A round knob on the front with a mark."""
    reach = draft.draw(0.008, 0.02)
    dial = draft.part(word, position, anchor=(reach, 0, 0), shade=draft.draw(0.5, 0.9))
    dial.cylinder(radius, reach, (reach / 2, 0, 0), axis=0)
    dial.box((0.003, 0.25 * radius, radius), (reach, 0, 0.4 * radius), turn(0, draft.draw(-2, 2)))


def _front_button(draft: Draft, word: str, size: float, position: Point) -> None:
    """A round or square button on the front."""
    reach = draft.draw(0.004, 0.01)
    button = draft.part(word, position, anchor=(reach, 0, 0), shade=draft.draw(0.5, 0.9))
    if draft.chance(0.5):
        button.cylinder(size / 2, 2 * reach, axis=0)
    else:
        button.box((2 * reach, size, size))


def _controls(draft: Draft, x: float, width: float, height: float, size: float) -> None:
    """One to three dials or buttons side by side on the front, named by side."""
    count = int(draft.rng.integers(1, 4))
    names = {1: ("",), 2: ("right", "left"), 3: ("right", "middle", "left")}[count]
    kind = draft.pick("dial", "button", "knob")
    for index, name in enumerate(names):
        place = (x, width * ((index + 0.5) / count - 0.5), height)
        word = f"{name} {kind}".strip()
        if kind == "button":
            _front_button(draft, word, size, place)
        else:
            _front_dial(draft, word, size / 2, place)


def _toaster(draft: Draft) -> float:
    """A rounded block with slots on top and a lever at one end."""
    deep, wide, tall = draft.rng.uniform((0.07, 0.12, 0.08), (0.12, 0.2, 0.13))
    draft.block((deep, wide, tall))
    count = int(draft.rng.integers(1, 3))
    for index, name in enumerate({1: ("",), 2: ("rear", "front")}[count]):
        x = deep * ((index + 0.5) / count - 0.5)
        slot = draft.part(f"{name} slot".strip(), (x, 0, tall), shade=0.25)
        slot.box((0.2 * deep, 0.75 * wide, 0.004))
    lever = draft.part("lever", (0, wide / 2 + 0.012, tall * draft.draw(0.35, 0.85)), anchor=(0, 0.006, 0), shade=SHADE)
    lever.box((0.03, 0.024, 0.012))
    _controls(draft, deep / 2, 0.7 * wide, 0.3 * tall, 0.02)
    return float(tall)


def _radio(draft: Draft) -> float:
    """A wide case with a round grille, a dial and an aerial."""
    deep, wide, tall = draft.rng.uniform((0.04, 0.12, 0.07), (0.08, 0.22, 0.13))
    draft.block((deep, wide, tall))
    side = 1 if draft.chance(0.5) else -1
    mesh = draft.part("speaker", (deep / 2, side * 0.25 * wide, 0.5 * tall), shade=SHADE)
    mesh.cylinder(0.36 * tall, 0.006, axis=0)
    _front_dial(draft, "dial", 0.18 * tall, (deep / 2, -side * 0.25 * wide, 0.65 * tall))
    _front_button(draft, "button", 0.18 * tall, (deep / 2, -side * 0.25 * wide, 0.25 * tall))
    end = (0, draft.draw(-0.07, 0.07), draft.draw(0.06, 0.14))
    aerial = draft.part("aerial", (-0.3 * deep, 0.42 * wide, tall), anchor=(0, end[1] / 2, end[2] / 2))
    aerial.bar((0, 0, 0), end, 0.005)
    return float(tall)


def _heater(draft: Draft) -> float:
    """Upright ribs side by side on two feet, with a knob at the end."""
    ribs, pitch, deep, tall = (
        int(draft.rng.integers(4, 8)),
        draft.draw(0.022, 0.034),
        draft.draw(0.05, 0.1),
        draft.draw(0.12, 0.22),
    )
    width = ribs * pitch
    for rib in range(ribs):
        draft.block((deep, 0.55 * pitch, tall - 0.02), (0, pitch * (rib + 0.5) - width / 2, 0.02))
    draft.box((0.6 * deep, width, 0.02), (0, 0, 0.06))
    draft.box((0.5 * deep, width, 0.015), (0, 0, tall - 0.03))
    for side in (-1, 1):
        draft.block((1.3 * deep, 0.012, 0.02), (0, side * 0.35 * width, 0))
    turner = draft.part("knob", (0, width / 2, 0.75 * tall), anchor=(0, 0.018, 0), shade=SHADE)
    turner.cylinder(0.016, 0.03, (0, 0.012, 0), axis=1)
    return tall


def _printer(draft: Draft) -> float:
    """A low case with a slot in front, a sheet behind and buttons on top."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.16, 0.06), (0.18, 0.28, 0.12))
    draft.block((deep, wide, tall))
    slot = _front_part(draft, "slot", (0.7 * wide, 0.16 * tall), (deep / 2, 0, 0.35 * tall), 0.25)
    slot.box((0.05, 0.62 * wide, 0.003), (0.025, 0, -0.05 * tall))
    paper = draft.part("paper", (-0.4 * deep, 0, tall), rotation=turn(1, -0.3), anchor=(0, 0, 0.04))
    paper.block((0.003, 0.6 * wide, draft.draw(0.04, 0.09)))
    button = draft.part("button", (0.3 * deep, 0.35 * wide, tall), anchor=(0, 0, 0.004), shade=SHADE)
    button.cylinder(draft.draw(0.007, 0.013), 0.008)
    return float(tall)


def _dishwasher(draft: Draft) -> float:
    """A case with a front that falls forwards, under a row of controls."""
    deep, wide, tall = draft.rng.uniform((0.13, 0.14, 0.15), (0.2, 0.22, 0.26))
    shell(draft, deep, wide, tall, 0.008)
    band = 0.17 * tall
    draft.box((0.012, wide, band), (deep / 2 - 0.006, 0, tall - band / 2))
    _controls(draft, deep / 2, 0.8 * wide, tall - band / 2, 0.55 * band)
    leaf = flap(draft, "door", (deep / 2, 0, 0.01), 0.97 * wide, tall - band - 0.012, opening(draft, 1.3))
    front_grip(leaf, "handle", (0.01, 0, 0.85 * (tall - band)), 0.7 * wide)
    draft.top(deep, wide, tall)
    return float(tall)


def _washer(draft: Draft) -> float:
    """A case with a round door in front, hinged at one side."""
    deep, wide, tall = draft.rng.uniform((0.12, 0.14, 0.16), (0.2, 0.2, 0.26))
    draft.block((deep, wide, tall))
    radius, side = 0.36 * wide, (1 if draft.chance(0.5) else -1)
    mouth = draft.part("drum", (deep / 2, 0, 0.42 * tall), shade=0.3)
    mouth.cylinder(0.85 * radius, 0.004, axis=0)
    angle = opening(draft)
    leaf = draft.part(
        "door",
        (deep / 2, side * radius, 0.42 * tall),
        rotation=turn(2, side * angle),
        anchor=(0.012, -side * radius, 0),
        shade=draft.draw(0.6, 0.9),
    )
    leaf.turns((0, 0, side), WIDEST, angle)
    leaf.cylinder(radius, 0.012, (0.008, -side * radius, 0), axis=0)
    leaf.box((0.02, 0.012, 0.03), (0.02, -side * 1.8 * radius, 0))
    _controls(draft, deep / 2, 0.8 * wide, 0.88 * tall, 0.11 * tall)
    draft.top(deep, wide, tall)
    return float(tall)


def _speaker(draft: Draft) -> float:
    """An upright case with one to three round membranes in front."""
    deep, wide, tall = draft.rng.uniform((0.06, 0.06, 0.1), (0.12, 0.12, 0.24))
    draft.block((deep, wide, tall))
    count = int(draft.rng.integers(1, 4))
    for index in range(count):
        radius = min(0.42 * wide, 0.42 * tall / count) * (1 - 0.2 * index)
        cone = draft.part(
            {0: "woofer", 1: "tweeter", 2: "horn"}[index], (deep / 2, 0, tall * (index + 0.5) / count), shade=SHADE
        )
        cone.cylinder(radius, 0.008, axis=0)
        cone.sphere(0.4 * radius, (0.002, 0, 0))
    draft.top(deep, wide, tall)
    return float(tall)


def _scale(draft: Draft) -> float:
    """A low case with a round plate on top and a display in front."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.1, 0.03), (0.16, 0.16, 0.06))
    draft.block((deep, wide, tall))
    radius, rise = 0.46 * min(deep, wide), draft.draw(0.01, 0.03)
    plate = draft.part("plate", (0, 0, tall), anchor=(0, 0, rise), shade=draft.draw(0.7, 1))
    plate.cylinder(0.3 * radius, rise, (0, 0, rise / 2))
    plate.cylinder(radius, 0.006, (0, 0, rise))
    plate.room((1.3 * radius, 1.3 * radius, 0.3), (0, 0, rise + 0.003))
    _front_part(draft, "display", (0.4 * wide, 0.5 * tall), (deep / 2, 0, 0.5 * tall))
    return float(tall)


def _clock(draft: Draft) -> float:
    """A round or square face that stands upright, with two hands."""
    radius, deep, foot = draft.draw(0.035, 0.08), draft.draw(0.02, 0.05), draft.draw(0.008, 0.02)
    middle = radius + foot
    if draft.chance(0.6):
        draft.cylinder(radius, deep, (0, 0, middle), axis=0)
    else:
        draft.box((deep, 2 * radius, 2 * radius), (0, 0, middle))
    draft.block((deep, radius, 2 * foot))
    face = draft.part("face", (deep / 2, 0, middle), shade=0.6)
    face.cylinder(0.85 * radius, 0.004, axis=0)
    hands = draft.part("hands", (deep / 2 + 0.004, 0, middle))
    for length in (0.5, 0.75):
        angle = draft.draw(0.0, 6.28)
        hands.bar((0, 0, 0), (0, length * radius * np.sin(angle), length * radius * np.cos(angle)), 0.1 * radius)
    return 2 * radius + foot


def _monitor(draft: Draft) -> float:
    """An upright flat screen on a foot."""
    wide, tall, rise = draft.draw(0.14, 0.3), draft.draw(0.1, 0.2), draft.draw(0.03, 0.08)
    draft.block((0.02, wide, tall), (0, 0, rise))
    draft.block((0.012, 0.03, rise + 0.02), (-0.01, 0, 0))
    draft.block((draft.draw(0.06, 0.12), draft.draw(0.08, 0.16), 0.008))
    _front_part(draft, "screen", (0.92 * wide, 0.88 * tall), (0.01, 0, rise + tall / 2))
    if draft.chance(0.6):
        _front_button(draft, "button", 0.01, (0.01, 0.4 * wide, rise + 0.01))
    return tall + rise


def _camera(draft: Draft) -> float:
    """A case with a lens in front and a button on top."""
    deep, wide, tall = draft.rng.uniform((0.03, 0.08, 0.05), (0.05, 0.14, 0.09))
    draft.block((deep, wide, tall))
    lens = draft.part("lens", (deep / 2, 0, tall / 2), anchor=(0.03, 0, 0), shade=SHADE)
    reach = draft.draw(0.015, 0.06)
    lens.cylinder(0.38 * tall, reach, (reach / 2, 0, 0), axis=0)
    lens.cylinder(0.42 * tall, 0.3 * reach, (reach, 0, 0), axis=0)
    button = draft.part("button", (0, 0.35 * wide, tall), anchor=(0, 0, 0.005), shade=SHADE)
    button.cylinder(draft.draw(0.006, 0.01), 0.01)
    return float(tall)


def _calculator(draft: Draft) -> float:
    """A flat case with rows of keys and a display, which lies."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.06, 0.01), (0.18, 0.11, 0.025))
    draft.block((deep, wide, tall))
    display = draft.part("display", (0.33 * deep, 0, tall), shade=0.4)
    display.box((0.2 * deep, 0.8 * wide, 0.004))
    keys = draft.part("keys", (-0.12 * deep, 0, tall), anchor=(0, 0, 0.004), shade=SHADE)
    rows, columns = (int(value) for value in draft.rng.integers((2, 2), (4, 4)))
    for row in range(rows):
        for column in range(columns):
            place = (0.6 * deep * ((row + 0.5) / rows - 0.5), 0.8 * wide * ((column + 0.5) / columns - 0.5), 0)
            keys.box((0.36 * deep / rows, 0.5 * wide / columns, 0.01), place)
    return float(tall)


def _bell(draft: Draft) -> float:
    """A dome with a button on its top."""
    radius, tall = draft.draw(0.025, 0.06), draft.draw(0.02, 0.05)
    draft.turned([[radius, 0], [0.9 * radius, 0.5 * tall], [0.6 * radius, 0.85 * tall], [0.3 * radius, tall]])
    high, wide = draft.draw(0.008, 0.024), radius * draft.draw(0.15, 0.35)
    button = draft.part("button", (0, 0, tall), anchor=(0, 0, high), shade=draft.draw(0.6, 1))
    button.cylinder(wide, high, (0, 0, high / 2))
    return tall


def _switch(draft: Draft) -> float:
    """A flat plate with one lever that leans."""
    deep, wide, tall = draft.rng.uniform((0.05, 0.04, 0.015), (0.1, 0.09, 0.04))
    draft.block((deep, wide, tall))
    lean = draft.draw(-0.7, 0.7)
    lever = draft.part("lever", (0, 0, tall), rotation=turn(1, lean), anchor=(0, 0, 0.05), shade=SHADE)
    lever.cylinder(0.006, 0.05, (0, 0, 0.025))
    lever.sphere(draft.draw(0.009, 0.015), (0, 0, 0.05))
    return float(tall)


def _blender(draft: Draft) -> float:
    """A motor with a dial under a tall vessel with a lid."""
    radius, low, tall = draft.draw(0.035, 0.06), draft.draw(0.04, 0.08), draft.draw(0.09, 0.15)
    draft.turned([[radius, 0], [0.8 * radius, low]], sides=4 if draft.chance(0.4) else 18)
    _front_dial(draft, "dial", 0.3 * radius, (0.64 * radius, 0, 0.4 * low))
    vessel = draft.part("vessel", (0, 0, low), anchor=(0, 0, tall / 2), shade=draft.draw(0.7, 1))
    vessel.turned([[0.65 * radius, 0], [radius, tall]])
    top = vessel.part("lid", (0, 0, tall), anchor=(0, 0, 0.01), shade=SHADE)
    top.cylinder(1.05 * radius, 0.014, (0, 0, 0.007))
    knob(top, "knob", 0.25 * radius, 0.03, (0, 0, 0.01))
    return low + tall


def _fan(draft: Draft) -> float:
    """Blades before a ring on a stem."""
    radius, rise, foot = draft.draw(0.05, 0.09), draft.draw(0.03, 0.09), draft.draw(0.04, 0.06)
    middle = rise + radius
    draft.cylinder(foot, 0.012, (0, 0, 0.006))
    draft.cylinder(0.008, middle, (-0.02, 0, middle / 2))
    draft.cylinder(0.25 * radius, 0.05, (0, 0, middle), axis=0)
    blades = draft.part("blades", (0.02, 0, middle), rotation=turn(0, draft.draw(0, 2)), shade=draft.draw(0.6, 0.9))
    count = int(draft.rng.integers(3, 6))
    for index in range(count):
        angle = turn(0, 2 * np.pi * index / count)
        blades.box((0.004, 0.4 * radius, 0.8 * radius), angle @ (0, 0, 0.5 * radius), angle)
    return middle + radius


def _kiosk(draft: Draft) -> float:
    """An upright machine with a door, a slot, a display and a button beside it."""
    deep, wide, tall = draft.rng.uniform((0.1, 0.14, 0.2), (0.18, 0.22, 0.34))
    draft.block((deep, wide, tall), (0, 0, 0.012))
    legs(draft, deep, wide, 0.012, 0.02)
    door(draft, "", (deep / 2, wide / 2, 0.55 * tall), -0.7 * wide, 0.8 * tall, 0.008)
    side = -0.38 * wide
    _front_part(draft, "display", (0.18 * wide, 0.12 * tall), (deep / 2, side, 0.85 * tall))
    _front_button(draft, "button", 0.12 * wide, (deep / 2, side, 0.65 * tall))
    _front_part(draft, "slot", (0.18 * wide, 0.04 * tall), (deep / 2, side, 0.45 * tall), 0.25)
    return float(tall) + 0.012


APPLIANCES: dict[str, Build] = {
    "toaster": _toaster,
    "radio": _radio,
    "heater": _heater,
    "printer": _printer,
    "dishwasher": _dishwasher,
    "washer": _washer,
    "speaker": _speaker,
    "scale": _scale,
    "clock": _clock,
    "monitor": _monitor,
    "camera": _camera,
    "calculator": _calculator,
    "bell": _bell,
    "switch": _switch,
    "blender": _blender,
    "fan": _fan,
    "kiosk": _kiosk,
}

APPLIANCE_SYNONYMS: dict[str, tuple[str, ...]] = {
    "heater": ("radiator",),
    "printer": ("copier",),
    "washer": ("dryer",),
    "speaker": ("loudspeaker",),
    "scale": ("balance",),
    "clock": ("timer",),
    "monitor": ("television",),
    "calculator": ("keypad",),
    "bell": ("buzzer",),
    "switch": ("joystick",),
    "blender": ("mixer",),
    "fan": ("ventilator",),
    "kiosk": ("dispenser",),
}
