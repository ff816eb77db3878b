"""Parametric families of things that tables and rooms have, none of the benchmark's: what the planner learns to name.

`draft.py` is what they are built with, `grips.py` their handles; one file for each group; `catalogue.py` has them all.
"""

from stages.simulators.tabletop.families.catalogue import FURNITURE, NOUNS, SHAPES, SYNONYMS, add_thing, alike

__all__ = ["FURNITURE", "NOUNS", "SHAPES", "SYNONYMS", "add_thing", "alike"]
