"""How people ask for what a robot can do: many wordings of every skill, with slots for the things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
import yaml

WORDINGS: Mapping[str, tuple[str, ...]] = {
    skill: tuple(wordings)
    for skill, wordings in yaml.safe_load(files("stages").joinpath("wordings.yaml").read_text()).items()
}
"""By skill, wordings with slots for noun phrases: {a}, {b}, {tool}, {cap}, {level}, {many}; {all} and {said} bring
their own articles, {many} has none."""

_LAST = (" and the ", ", then the ", " and then the ", ", and finally the ", " then the ", ", the ", " as well as the ")
"""What stands before the last thing of a list."""

_ONE = 0.15
"""How often things that share a noun are called "the red ball, the blue one"."""


def listed(rng: np.random.Generator, phrases: Sequence[str]) -> str:
    """ "the red bell, the key and the horn"; things of one noun are sometimes called "one"."""
    said = list(phrases)
    nouns = {phrase.split()[-1] for phrase in phrases}
    if len(phrases) > 1 and len(nouns) == 1 and all(" " in phrase for phrase in phrases) and rng.random() < _ONE:
        said[1:] = [f"{phrase.rsplit(' ', 1)[0]} one" for phrase in phrases[1:]]
    if len(said) == 1:
        return f"the {said[0]}"
    return "the " + ", the ".join(said[:-1]) + str(rng.choice(_LAST)) + said[-1]
