"""Random and malformed requests to a server with a policy of random weights.

No request may give a 5xx status or an action that a robot must not be sent, and memory must not grow.

    python -m tests.soak.requests --count 100000 --seed 0
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgpack
import numpy as np
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW
from stages.rollouts.policies import one_torch_thread
from stages.serving.act import CAMERA_KEYS, KEYS
from stages.serving.encoding import pack, unpack
from stages.serving.policy_server import PolicyServer
from stages.serving.server import create_app
from stages.settings.deploy import DeployConfig
from tests.random_policy import may_be_sent, random_policy

GROWTH = 256 * 2**20
"""Bytes that memory may grow by after the first tenth of the requests."""


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "push the maroon button", "<|im_end|>", "x" * 2000, "\udcff", 10**400, -1, "Infinity"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
SHAPES = st.sampled_from([(), (0,), (3,), (7,), (8,), (9,), (2, 3), (3, 3), (4, 4), (600, 3), (4, 5, 3), (1, 2, 2, 3)])
DTYPES = st.sampled_from(["<f4", "<f8", ">f4", "|u1", "<i8", "|b1", "<U3", "<c16", "O", ",", "M8", "f400"])


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """An array in any of the forms that requests can have, right or not."""
    shape, numbers = draw(SHAPES), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = numbers.uniform(0, 1, shape) * draw(st.sampled_from([0.1, 1, 1, 1, 255, 1000, np.nan, np.inf, -1, 1e300]))
    form = draw(st.sampled_from(["list", "list", "base64", "raw"]))
    if form == "list":
        return array.tolist()
    if form == "base64":
        text = draw(st.sampled_from(["", "AAAA", "!", "A" * 32]))
        return {"shape": draw(st.lists(st.integers(-2, 9), max_size=3)), "dtype": draw(DTYPES), "base64": text}
    return {"nd": True, "type": draw(DTYPES), "kind": "", "shape": list(shape), "data": draw(st.binary(max_size=64))}


def cloud(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points [m, world] and colours in the workspace."""
    low, high = WORKSPACE_LOW + 0.05, WORKSPACE_HIGH - 0.05
    return rng.uniform(low, high, (count, 3)).astype(np.float32), rng.integers(0, 255, (count, 3), np.uint8)


@st.composite
def act_messages(draw: st.DrawFn) -> dict[str, Any]:
    """A sound request for /act, then some of its keys changed, removed or added."""
    points, colours = cloud(draw(st.sampled_from([0, 10, 600])), np.random.default_rng(draw(st.integers(0, 99))))
    message: dict[str, Any] = {
        "task": draw(st.sampled_from(["push the maroon button", "lift it", "  Lift “it” "])),
        "session": draw(st.sampled_from(["", "a", "b"])),
        "observation.state": [0.28, 0.0, 1.1, 1.0, 0.0, 0.0, 0.0, 1.0],
        "observation.points": points.tolist(),
        "observation.colours": colours.tolist(),
    }
    names = st.sampled_from([*KEYS, *(f"{key}front" for key in CAMERA_KEYS), "observation", "tsk"])
    for name in draw(st.lists(names, max_size=3)):
        if draw(st.booleans()):
            message[name] = draw(st.one_of(arrays(), VALUES))
        else:
            message.pop(name, None)
    return message


@st.composite
def challenges(draw: st.DrawFn) -> dict[str, Any]:
    """A sound request for /predict, then some of its keys changed or removed."""
    points, colours = cloud(draw(st.sampled_from([0, 64, 640])), np.random.default_rng(draw(st.integers(0, 99))))
    state: dict[str, Any] = {
        "rgb": colours.reshape(1, -1, 1, 3),
        "pc": points.reshape(1, -1, 1, 3),
        "gripper": np.array([0.28, 0.0, 1.1, 1.0, 0.0, 0.0, 0.0, 1.0], np.float32),
        "depth": [],
        "arm_links_info": ({}, {}),
    }
    message: dict[str, Any] = {
        "taskvar": draw(st.sampled_from(["push_button+0", "x"])),
        "episode_id": draw(st.integers(0, 2)),
        "step_id": draw(st.integers(0, 3)),
        "instruction": "push the maroon button",
        "obs_state_dict": state,
    }
    for name in draw(st.lists(st.sampled_from([*state, *message]), max_size=2)):
        where = state if name in state else message
        if draw(st.booleans()):
            where[name] = draw(st.one_of(arrays(), VALUES))
        else:
            where.pop(name, None)
    return message


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes, dict[str, str]]:
    """Route, body and headers of a request."""
    route = draw(st.sampled_from(["/act", "/predict", "//predict"]))
    message = draw(act_messages() if route == "/act" else challenges())
    kind = draw(st.sampled_from(["right", "right", "right", "other", "cut", "noise", "value"]))
    if kind == "noise":
        body = draw(st.binary(max_size=200))
    elif kind == "value":
        body = json.dumps(draw(VALUES)).encode()
    else:
        as_json = (route == "/act") == (kind != "other") and route == "/act"
        body = _json(message) if as_json else _packed(message)
        body = body[: draw(st.integers(0, len(body)))] if kind == "cut" else body
    types = st.sampled_from(["application/json", "application/msgpack", "text/plain", ""])
    return route, body, {"content-type": draw(types)} if draw(st.booleans()) else {}


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, default=str).encode(errors="surrogatepass")


def _packed(message: dict[str, Any]) -> bytes:
    try:
        return pack(message)
    except (ValueError, TypeError, OverflowError):
        return msgpack.packb(json.dumps(message, default=str), unicode_errors="surrogatepass")


@dataclass
class Answers:
    """What a server answered.

    Attributes:
        codes: HTTP statuses and how often.
        acted, stayed: actions of the policy, and of one that stays still.
        start, most: bytes of memory after a tenth of the requests, and at the end.
    """

    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    acted: int = 0
    stayed: int = 0
    start: int = 0
    most: int = 0


def run_requests(count: int, seed: int, folder: Path) -> Answers:
    """Send so many requests; an AssertionError tells the first answer that is wrong, made as short as it can be."""
    log, answers = logging.getLogger("clap.server"), Answers()
    app = create_app(PolicyServer(random_policy(folder)), {}, DeployConfig(max_rate=0))

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(bodies())
    def ask(request: tuple[str, bytes, dict[str, str]]) -> None:
        route, body, headers = request
        _check(answers, route, client.post(f"http://robot{route}", content=body, headers=headers))
        total = answers.codes.total()
        if total == count // 10:
            answers.start = _memory()
        if total % 1000 == 0:
            print(f"{total}/{count}", file=sys.stderr, flush=True)

    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with one_torch_thread(), TestClient(app, raise_server_exceptions=False) as client:
            ask()
    finally:
        log.setLevel(level)
    answers.most = _memory()
    assert answers.most - answers.start < GROWTH, f"memory grew by {(answers.most - answers.start) >> 20} MiB"
    return answers


def _check(answers: Answers, route: str, reply: Any) -> None:
    answers.codes[route.replace("//", "/"), reply.status_code] += 1
    if reply.status_code != 200:
        assert 400 <= reply.status_code < 500, f"status {reply.status_code}: {reply.text[:300]}"
        error = reply.json()["error"]
        assert error and "\n" not in error
        return
    binary = "msgpack" in reply.headers["content-type"]
    answer = unpack(reply.content) if binary else reply.json()
    stays = isinstance(answer, dict) and bool(answer["problem"])
    action = np.asarray(answer["action"] if isinstance(answer, dict) else answer, float)
    assert may_be_sent(action) and len(action) == (9 if isinstance(answer, dict) else 8), action
    answers.acted, answers.stayed = answers.acted + (not stays), answers.stayed + stays


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        answers = run_requests(options.count, options.seed, Path(folder))
    for (route, code), times in sorted(answers.codes.items()):
        print(f"{route:<10}{code:>5}{times:>9}")
    print(f"{answers.acted} actions of the policy, {answers.stayed} of staying still; all may be sent")
    print(f"memory {answers.start >> 20} MiB after a tenth of the requests, {answers.most >> 20} MiB at most")


if __name__ == "__main__":
    main()
