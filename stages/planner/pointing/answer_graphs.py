"""Grammars of the pointing model's answers as graphs whose edges are texts, noun phrases or the end of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.core.steps import PATTERNS, RELEASE_HERE
from stages.planner.pointing.coordinates import LEAD, NUMBERS
from stages.planner.prompts import KEYPOINT, NOW, OBJECTS

MAX_OBJECTS = 10
MAX_LISTED = 16
PHRASE = "*"
"""On an edge, stands for a noun phrase."""

END = ""
"""On an edge, stands for the token that ends an answer."""


def _patterns() -> list[list[str]]:
    """The words of every step pattern as they follow something."""
    texts = [text.format(object=PHRASE, target=PHRASE) for text in (*PATTERNS.values(), RELEASE_HERE)]
    return [[word if word == PHRASE else f" {word}" for word in text.split()] for text in texts]


STEP_PATTERNS = _patterns()


@dataclass
class Graph:
    """What may be said in which order, from node 0 to a node that leads nowhere.

    Attributes:
        edges: by node, the texts of its edges and the nodes that they lead to.
        numbers: nodes that a coordinate leads to.
    """

    edges: list[list[tuple[str, int]]] = field(default_factory=lambda: [[]])
    numbers: set[int] = field(default_factory=set)

    def node(self) -> int:
        """A new node."""
        self.edges.append([])
        return len(self.edges) - 1

    def path(self, start: int, texts: Sequence[str]) -> int:
        """Say texts one after the other from a node on; gives the last node. Beginnings in common are shared."""
        for text in texts:
            known = [after for said, after in self.edges[start] if said == text]
            start = known[0] if known else self.edge(start, text, self.node())
        return start

    def edge(self, start: int, text: str, stop: int) -> int:
        """Say a text between two nodes; gives the second."""
        self.edges[start].append((text, stop))
        return stop

    def step(self, start: int) -> int:
        """Say a step of any pattern; gives the node after it."""
        stop = self.node()
        for pattern in STEP_PATTERNS:
            self.edge(self.path(start, pattern[:-1]), pattern[-1], stop)
        return stop

    def keypoint(self, start: int, spelt: bool) -> int:
        """Point somewhere, with a token or with coordinates; gives the node after it."""
        if not spelt:
            return self.path(start, [KEYPOINT])
        start = self.path(start, [LEAD])
        for _ in range(3):
            stop = self.edges[start][0][1] if self.edges[start] else self.node()
            if not self.edges[start]:
                self.edges[start] = [(number, stop) for number in NUMBERS]
                self.numbers.add(stop)
            start = stop
        return start


def answers_graph(answers: Sequence[str], spelt: bool) -> Graph:
    """One of several answers with keypoints, the last thing in each a keypoint."""
    graph = Graph()
    for answer in answers:
        start = 0
        for piece in answer.split(KEYPOINT)[:-1] if spelt else ():
            start = graph.keypoint(graph.path(start, [piece]), spelt)
        if not spelt:
            graph.path(start, [answer])
    return graph


def list_graph() -> Graph:
    """Names of things, each with its coordinates; a pointer lists without words."""
    graph = Graph()
    start = graph.path(0, [OBJECTS])
    for number in range(MAX_LISTED):
        start = graph.keypoint(graph.path(start, [PHRASE]), spelt=True)
        graph.path(start, [END])
        start = graph.path(start, [";"]) if number + 1 < MAX_LISTED else start
    return graph


def step_graph(objects: bool, spelt: bool) -> Graph:
    """Round 2 without a plan: some objects with their keypoints if wanted, then any step with its keypoint."""
    graph = Graph()
    now = graph.node() if objects else graph.path(0, [NOW])
    start = graph.path(0, [OBJECTS]) if objects else now
    for _ in range(MAX_OBJECTS if objects else 0):
        start = graph.path(graph.keypoint(graph.path(start, [PHRASE]), spelt), [";"])
        graph.edge(start, f" {NOW}", now)
    graph.keypoint(graph.step(now), spelt)
    return graph
