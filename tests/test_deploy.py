"""Serving and bundles: the wire formats, the protocol's rules, a robot driven over HTTP, and tampered bundles."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from stages import deploy
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import content_digest, read_header
from stages.artifacts.header import Header
from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.errors import UserError
from stages.core.observation import CAMERAS, Observation, PointObservation
from stages.geometry.cameras import deproject
from stages.geometry.clouds import fuse
from stages.geometry.poses import matrix_to_pose, pose_to_matrix
from stages.oracle.expert import ExpertPolicy
from stages.planner.hand import Hand
from stages.policy import ClapPolicy
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.serving import act
from stages.serving.act import observation_message, parse_act
from stages.serving.bundle import load_bundle, verify_bundle
from stages.serving.client import RemotePolicy
from stages.serving.driver import SceneChoice, run_and_record
from stages.serving.encoding import array_from_json, array_to_json, pack, unpack
from stages.serving.gembench import parse_request, point_observation
from stages.serving.policy_server import PolicyServer
from stages.serving.recordings import add_recording, recorded
from stages.serving.server import create_app
from stages.settings.deploy import DeployConfig
from stages.settings.loader import Config, load_config
from stages.simulators import make_simulator
from tests.http_server import serving
from tests.untrained_models import untrained_models


class Scripted:
    """Remembers what it was told; answers with the number of its calls; finished after `length` actions."""

    def __init__(self, length: int = 100) -> None:
        self.length = length
        self.instructions: list[str] = []
        self.seen: list[Observation | PointObservation] = []
        self.calls = 0

    def reset(self, instruction: str) -> None:
        self.instructions.append(instruction)
        self.calls = 0

    def select_action(self, observation: Observation | PointObservation, given: Given = NOTHING_GIVEN) -> Decision:
        self.seen.append(observation)
        self.calls += 1
        point = np.zeros(3) if given.keypoint is None else given.keypoint
        action = np.arange(9.0) + self.calls
        step = "grasp the red block"
        return Decision(action, [step], step, 0, 0, point, {"red block": point}, 0.5, self.calls > self.length)


@pytest.fixture(scope="module")
def observation() -> Observation:
    simulator = make_simulator("tabletop", image_size=24)
    _, observation = simulator.reset("push_button", 0, 1)
    simulator.close()
    return observation


def challenge(observation: Observation, step: int = 0, episode: int = 3, **changes: Any) -> dict[str, Any]:
    """The map that GemBench's client sends."""
    frames = [observation.cameras[name] for name in CAMERAS]
    points = [deproject(f.depth, f.intrinsics, f.camera_to_world) for f in frames]
    state = {
        "rgb": np.stack([f.rgb for f in frames]),
        "pc": np.stack(points).astype(np.float32),
        "depth": [],
        "arm_links_info": ({}, {}),
        "gripper": np.append(observation.gripper_pose, 1.0).astype(np.float32),
    }
    return {
        "taskvar": "push_button+0",
        "episode_id": episode,
        "step_id": step,
        "instruction": "push the maroon button",
        "obs_state_dict": state | changes,
    }


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 3), np.uint8),
        np.array(2.5),
        np.array([True, False]),
        np.float64(3.5),
        np.uint8(7),
        np.bool_(True),
        2 - 3j,
    ],
)
def test_messages_round_trip(value: Any) -> None:
    decoded = unpack(pack({"value": value}))["value"]
    assert np.array_equal(decoded, value)
    assert np.asarray(decoded).dtype == np.asarray(value).dtype


def test_messages_as_msgpack_numpy_writes_them() -> None:
    """The bytes spelled out: byte-string keys, dtype string, C-order data."""
    array = np.array([[1.0, 2.0]], np.float32)
    expected = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [1, 2], b"data": array.tobytes()}
    assert msgpack.unpackb(pack(array)) == expected
    assert list(msgpack.unpackb(pack(array))) == list(expected)
    decoded = unpack(msgpack.packb({"a": expected, "b": (1, "x"), "c": None}))
    assert np.array_equal(decoded["a"], array) and not decoded["a"].flags.writeable
    assert (decoded["b"], decoded["c"]) == ([1, "x"], None)


def test_non_contiguous_arrays_are_packed_in_order() -> None:
    array = np.arange(12).reshape(3, 4)[:, ::2].T
    assert np.array_equal(unpack(pack(array)), array)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        pack([1, 2])[:-1],
        msgpack.packb({b"nd": True, b"type": "|O", b"kind": b"O", b"shape": [1], b"data": b"cos\nsystem\n."}),
        msgpack.packb({b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [9], b"data": b"1234"}),
        msgpack.packb({b"nd": True, b"type": "nonsense", b"kind": b"", b"shape": [1], b"data": b"1234"}),
    ],
)
def test_foreign_or_dangerous_messages_are_refused(body: bytes) -> None:
    with pytest.raises(UserError):
        unpack(body)


def test_arrays_in_json() -> None:
    array = np.arange(6, dtype=">f4").reshape(2, 3)
    assert np.array_equal(array_from_json(json.loads(json.dumps(array_to_json(array))), np.float32, "x"), array)
    assert np.array_equal(array_from_json(array.tolist(), np.float32, "x"), array)
    for wrong in ([[1, 2], [3]], "text", {"shape": [1], "dtype": "<f4", "base64": "!"}, {"shape": [1]}):
        with pytest.raises(UserError, match="'x'"):
            array_from_json(wrong, np.float32, "x")


def test_challenge_request_gives_the_fused_cloud(observation: Observation) -> None:
    request = parse_request(pack(challenge(observation)))
    points, colours = fuse(observation)
    pairs = {(*np.round(p, 4), *c) for p, c in zip(points, colours, strict=True)}
    found = {
        (*np.round(p, 4), *c) for p, c in zip(request.observation.points, request.observation.colours, strict=True)
    }
    assert found == pairs
    assert (request.taskvar, request.episode_id, request.step_id) == ("push_button+0", 3, 0)
    np.testing.assert_allclose(request.observation.gripper_pose, observation.gripper_pose, atol=1e-6)
    assert request.observation.gripper_open == 1.0


def test_points_outside_the_workspace_and_broken_ones_are_left_out() -> None:
    points = np.array([[0.1, 0, 0.8], [9, 0, 0.8], [np.nan, 0, 0.8], [0.2, 0, 0.2]], np.float32).reshape(1, 2, 2, 3)
    colours = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    state = {"pc": points, "rgb": colours, "gripper": np.array([0, 0, 1, 1, 0, 0, 0, 1.0])}
    observation = point_observation(state)
    assert np.array_equal(observation.points, points.reshape(-1, 3)[:1])
    assert np.array_equal(observation.colours, colours.reshape(-1, 3)[:1])


@pytest.mark.parametrize(
    "changes",
    [
        {"gripper": np.zeros(7)},
        {"gripper": np.zeros(8)},
        {"gripper": np.full(8, np.nan)},
        {"rgb": np.zeros((4, 2, 2, 3), np.float32)},
        {"pc": np.zeros((4, 2, 2, 3), np.float32)},
        {"pc": "text"},
        {"pc": [[1, 2], [3]]},
    ],
)
def test_malformed_observations_are_refused(observation: Observation, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        parse_request(pack(challenge(observation, **changes)))
    client = TestClient(create_app(PolicyServer(Scripted()), {}))
    answer = client.post("/predict", content=pack(challenge(observation, **changes)))
    assert answer.status_code == 400 and answer.json()["error"]


@pytest.mark.parametrize("route", ["/predict", "//predict"])
def test_challenge_protocol(observation: Observation, route: str) -> None:
    policy = Scripted(length=2)
    client = TestClient(create_app(PolicyServer(policy), {"bundle": "b"}), base_url="http://robot")
    answers = []
    for step in range(3):
        reply = client.post(f"http://robot{route}", content=pack(challenge(observation, step)))
        assert reply.status_code == 200
        answers.append(unpack(reply.content))
    assert [a.shape for a in answers] == [(8,)] * 3 and all(a.dtype == np.float32 for a in answers)
    assert np.array_equal(answers[0], np.arange(8) + 1) and np.array_equal(answers[1], np.arange(8) + 2)
    assert policy.instructions == ["push the maroon button"]
    unpack(client.post(f"http://robot{route}", content=pack(challenge(observation, 0))).content)
    assert len(policy.instructions) == 2, "step 0 begins anew"
    assert client.get("/health").json() == {"status": "ok", "requests": 4, "bundle": "b"}


def test_the_documented_example_works_as_it_stands() -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}))
    routes = client.get("/openapi.json").json()["paths"]
    assert set(routes) == {"/act", "/predict", "/health"}
    example = routes["/act"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert client.post("/act", json=example).status_code == 200
    documented = Path(__file__).parents[1].joinpath("docs", "serving.md").read_text()
    for key in (*act.KEYS, *act.CAMERA_KEYS):
        assert f"`{key}" in documented and f"`{key}" in routes["/act"]["post"]["description"]


def test_only_who_has_the_token_moves_the_robot(observation: Observation, caplog: pytest.LogCaptureFixture) -> None:
    policy = Scripted()
    client = TestClient(create_app(PolicyServer(policy), {}, token="secret"))
    body = pack(challenge(observation))
    with caplog.at_level("INFO", "clap.server"):
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            reply = client.post("/predict", content=body, headers=header)
            assert reply.status_code == 401 and "token" in reply.json()["error"]
        assert not policy.seen and client.get("/health").status_code == 200
        assert client.post("/predict", content=body, headers={"authorization": "Bearer secret"}).status_code == 200
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[1:4] for line in lines] == [
        *[["POST", "/predict", "401"]] * 3, ["GET", "/health", "200"], ["POST", "/predict", "200"],
    ]  # fmt: skip


def test_others_are_not_served_without_a_token(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--token"):
        deploy.serve(tmp_path, DeployConfig(host="0.0.0.0"))


class Failing(Scripted):
    """Fails after its first action."""

    def select_action(self, *args: Any) -> Decision:
        if self.calls:
            raise ZeroDivisionError("a bug")
        return super().select_action(*args)


def test_a_challenge_that_has_begun_is_always_answered_with_an_action(
    observation: Observation, caplog: pytest.LogCaptureFixture
) -> None:
    """The client reads any body as an action, whatever the status: the robot stays where it is, or was sent last."""
    client = TestClient(create_app(PolicyServer(Failing(length=0)), {}), raise_server_exceptions=False)
    assert client.post("/predict", content=b"nonsense").status_code == 400
    first = unpack(client.post("/predict", content=pack(challenge(observation, 0))).content)
    for body in (b"nonsense", pack({"no": "field"})):
        reply = client.post("/predict", content=body)
        assert reply.status_code == 200 and np.array_equal(unpack(reply.content), first)
    stayed = unpack(client.post("/predict", content=pack(challenge(observation, 1))).content)
    assert np.allclose(stayed, [*observation.gripper_pose, first[7]], atol=1e-6) and stayed.dtype == np.float32
    elsewhere = challenge(observation, 1)
    elsewhere["obs_state_dict"]["gripper"] = np.array([5, 5, 5, 0, 0, 0, 1, 1], np.float32)
    assert np.array_equal(unpack(client.post("/predict", content=pack(elsewhere)).content), first)
    assert "a bug" in caplog.text and "ZeroDivisionError" in caplog.text
    assert client.post("/predict", content=pack(challenge(observation, 1, episode=9))).status_code == 400


def test_a_malformed_challenge_is_answered_for_its_own_episode(observation: Observation) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}))

    def ask(step: int, episode: int, **changes: Any) -> Any:
        reply = client.post("/predict", content=pack(challenge(observation, step, episode, **changes)))
        return unpack(reply.content) if reply.status_code == 200 else reply.status_code

    first = [ask(step, 1) for step in range(3)][-1]
    assert ask(0, 2, gripper="nowhere") == 400, "a robot that begins anew is not sent where another was sent"
    second = ask(0, 2)
    assert np.array_equal(ask(1, 2, gripper="nowhere"), second) and not np.array_equal(first, second)
    assert np.array_equal(unpack(client.post("/predict", content=b"nonsense").content), second)
    assert np.array_equal(ask(3, 1, gripper="nowhere"), first)
    ask(4, 1)
    assert client.post("/predict", content=b"nonsense").status_code == 400, "whose robot is meant is not known"


@pytest.mark.parametrize("key", ["session", "observation.images.\ud800"])
def test_half_a_surrogate_pair_is_refused_and_not_a_bug(observation: Observation, key: str) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}), raise_server_exceptions=False)
    message = {**act.EXAMPLE, key: "\ud800"}
    del message["task"]
    reply = client.post("/act", content=json.dumps(message).encode())
    assert reply.status_code == 400 and reply.json()["error"]


def test_interleaved_episodes_both_go_on(observation: Observation) -> None:
    policy = Scripted()
    server = PolicyServer(policy)
    answers = [
        server.predict(parse_request(pack(challenge(observation, step, episode))))[0]
        for step in range(3)
        for episode in (1, 2)
    ]
    assert answers == [1, 1, 2, 2, 3, 3] and len(policy.instructions) == 2
    message = observation_message(observation)
    robots = [server.act(parse_act(message | {"task": "push", "session": name}))["action"][0] for name in "aabbab"]
    assert robots == [1, 2, 1, 2, 3, 3]


def test_the_session_used_least_recently_is_dropped_with_a_clear_answer(observation: Observation) -> None:
    server = PolicyServer(Scripted(), max_sessions=2)
    message = observation_message(observation)
    for name in "abac":
        server.act(parse_act(message | {"task": "push", "session": name}))
    server.act(parse_act(message | {"session": "a"}))
    with pytest.raises(UserError, match="session 'b' has not begun, or was dropped"):
        server.act(parse_act(message | {"session": "b"}))


def test_an_episode_cannot_begin_in_the_middle(observation: Observation) -> None:
    server = PolicyServer(Scripted())
    server.predict(parse_request(pack(challenge(observation, 0, episode=1))))
    with pytest.raises(UserError, match="step 0"):
        server.predict(parse_request(pack(challenge(observation, 1, episode=2))))


def test_large_requests_are_refused(observation: Observation) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}, DeployConfig(max_request_mb=1)))
    reply = client.post("/predict", content=bytes(2 * 2**20))
    assert reply.status_code == 413 and "1 MiB" in reply.json()["error"]


@pytest.mark.parametrize("form", ["json", "base64", "msgpack"])
def test_plain_route(observation: Observation, form: str) -> None:
    policy = Scripted()
    client = TestClient(create_app(PolicyServer(policy), {}))
    message: dict[str, Any] = {"task": "push it"} | observation_message(observation)
    if form == "msgpack":
        reply = client.post("/act", content=pack(message), headers={"content-type": "application/msgpack"})
        answer = unpack(reply.content)
    else:
        encode = array_to_json if form == "base64" else np.ndarray.tolist
        message = {key: encode(value) if isinstance(value, np.ndarray) else value for key, value in message.items()}
        answer = client.post("/act", json=message).json()
    assert np.array_equal(answer["action"], np.arange(9) + 1)
    assert answer["step"] == "grasp the red block" and answer["finished"] is False
    (seen,) = policy.seen
    assert isinstance(seen, Observation) and list(seen.cameras) == list(observation.cameras)
    for name, frame in observation.cameras.items():
        assert np.array_equal(seen.cameras[name].rgb, frame.rgb)
        np.testing.assert_allclose(seen.cameras[name].depth, frame.depth, atol=1e-6)
        np.testing.assert_allclose(seen.cameras[name].camera_to_world, frame.camera_to_world)
    np.testing.assert_allclose(seen.gripper_pose, observation.gripper_pose)


def test_plain_route_begins_an_episode_with_a_new_task_or_on_request(observation: Observation) -> None:
    policy = Scripted()
    server = PolicyServer(policy)
    message = observation_message(observation)
    with pytest.raises(UserError, match="task"):
        server.act(parse_act(message))
    for extra in ({"task": "a"}, {"task": "a"}, {}, {"task": "b"}, {"reset": True}, {"task": "b", "reset": True}):
        server.act(parse_act(message | extra))
    assert policy.instructions == ["a", "b", "b", "b"]


def test_plain_route_takes_points_and_a_keypoint() -> None:
    policy = Scripted()
    points = PointObservation(
        np.array([[0.1, 0, 0.8], [5, 5, 5]], np.float32), np.array([[1, 2, 3], [4, 5, 6]], np.uint8), np.eye(7)[3], 0.0
    )
    message = {"task": "a", "keypoint": np.array([0.1, 0.2, 0.8])} | observation_message(points)
    answer = PolicyServer(policy).act(parse_act(message))
    assert np.array_equal(policy.seen[0].points, points.points[:1])
    assert np.array_equal(policy.seen[0].colours, points.colours[:1])
    assert np.array_equal(answer["keypoint"], [0.1, 0.2, 0.8])


HOSTILE_JSON: dict[str, Any] = {
    "nested lists": "[" * 100_000 + "]" * 100_000,
    "a nested value": '{"task": "push", "observation.state": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "no text": b"\xff\xfe{",
    "a number too large": {"keypoint": [10**400, 0, 0]},
    "a number too large for its type": {"observation.points": [[1e308, 0, 0]], "observation.colours": [[1, 2, 3]]},
    "a list of types": {"observation.state": {"shape": [8], "dtype": ",", "base64": "AAAA"}},
    "an endless shape": {"observation.state": {"shape": [10**18], "dtype": "<f8", "base64": "AAAAAAAAAAA="}},
    "objects": {"observation.state": {"shape": [8], "dtype": "O", "base64": "AAAA"}},
    "complex numbers": {"observation.state": array_to_json(np.ones(8, complex))},
    "truth values": {"observation.state": [True] * 8},
    "texts": {"observation.state": ["a"] * 8},
    "an unknown key": {"observation.imags.front": 1},
    "a list for a text": {"task": ["push"]},
    "a number for yes or no": {"reset": 3},
    "images above 255": {"observation.images.front": array_to_json(np.full((24, 24, 3), 300))},
    "negative images": {"observation.images.front": array_to_json(np.full((24, 24, 3), -1))},
    "float images above 1": {"observation.images.front": array_to_json(np.full((24, 24, 3), 200.0))},
}


@pytest.mark.parametrize("what", HOSTILE_JSON)
def test_malformed_plain_requests_are_refused_in_one_line(observation: Observation, what: str) -> None:
    body = HOSTILE_JSON[what]
    if isinstance(body, dict):
        message = {key: array_to_json(value) for key, value in observation_message(observation).items()}
        body = json.dumps({"task": "push"} | message | body)
    reply = TestClient(create_app(PolicyServer(Scripted()), {})).post("/act", content=body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert "\n" not in error and len(error) < 600


@pytest.mark.parametrize(
    "changes",
    [
        {"step_id": float("inf")},
        {"step_id": float("nan")},
        {"step_id": 1e308},
        {"step_id": -1},
        {"step_id": 0.5},
        {"step_id": True},
        {"taskvar": {}},
        {"instruction": b"\xff"},
        {"instruction": " "},
        {"extra": {b"nd": True, b"type": ",", b"kind": b"", b"shape": [1], b"data": b"aaaa"}},
        {"extra": {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [10**18], b"data": b"aaaa"}},
        {"extra": {b"nd": False, b"type": "<f4", b"data": b""}},
        {"extra": {b"complex": True, b"data": "1+"}},
    ],
)
def test_malformed_challenge_requests_are_refused_in_one_line(
    observation: Observation, changes: dict[str, Any]
) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}))
    reply = client.post("/predict", content=pack(challenge(observation) | changes))
    assert reply.status_code == 400 and "\n" not in reply.json()["error"]


@pytest.mark.parametrize("links", [np.zeros((2, 3)), "abcd", 7, ({"Panda_link1_respondable_bbox": [0] * 6}, {})])
def test_malformed_boxes_of_links_are_refused_in_one_line(observation: Observation, links: Any) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}))
    reply = client.post("/predict", content=pack(challenge(observation, arm_links_info=links)))
    assert reply.status_code == 400 and "arm_links_info" in reply.json()["error"]


def test_images_lose_nothing_on_their_way(observation: Observation) -> None:
    """Bytes, whole numbers and floats in [0, 1] are the same image; optional nulls and msgpack without its header are
    no matter."""
    policy = Scripted()
    client = TestClient(create_app(PolicyServer(policy), {}))
    rgb = observation.cameras["front"].rgb
    message = observation_message(observation) | {"observation.images.front": rgb}
    for image in (rgb, rgb.astype(np.int64), rgb / 255, (rgb / 255).astype(np.float32)):
        extra = {"task": "push", "keypoint": None, "reset": None, "observation.images.front": image}
        assert client.post("/act", content=pack(message | extra)).status_code == 200
        assert np.array_equal(policy.seen[-1].cameras["front"].rgb, rgb)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("observation.state", np.zeros(7)),
        ("observation.state", np.zeros(8)),
        ("observation.depth.front", np.zeros((3, 3))),
        ("observation.intrinsics.front", None),
        ("observation.images.front", np.zeros((24, 24))),
    ],
)
def test_plain_route_names_the_wrong_key(observation: Observation, key: str, value: Any) -> None:
    message = {"task": "a"} | observation_message(observation) | {key: value}
    if value is None:
        del message[key]
    with pytest.raises(UserError, match=key.replace(".", r"\.")):
        parse_act(message)
    with pytest.raises(UserError, match="camera"):
        parse_act({"observation.state": np.eye(8)[3]})


def test_a_robot_is_driven_over_http() -> None:
    """The expert behind a real server brings the simulator to success through the wire."""
    simulator = make_simulator("tabletop", image_size=24)
    _, seen = simulator.reset("push_button", 0, 7)
    app = create_app(PolicyServer(ExpertPolicy(simulator)), {"bundle": "expert"})
    with serving(app) as port:
        url = f"http://127.0.0.1:{port}"
        assert json.load(urllib.request.urlopen(f"{url}/health"))["bundle"] == "expert"
        policy, success = RemotePolicy(url), False
        policy.reset("push the maroon button")
        for _ in range(4):
            answer = policy.select_action(seen)
            seen, success, done, _ = simulator.step(answer["action"])
            if done:
                break
        assert success
        with pytest.raises(UserError, match="observation"):
            policy.select_action(PointObservation(np.zeros((1, 3)), np.zeros((2, 3)), np.eye(7)[3], 0.0))
    simulator.close()
    with pytest.raises(UserError, match="cannot reach"):
        RemotePolicy(url).select_action(seen)


def test_recordings_are_added_one_by_one(tmp_path: Path) -> None:
    simulator = make_simulator("tabletop", image_size=16)
    path = tmp_path / "recordings.h5"
    header = Header.create("clap.recordings", config={}, settings={}, seed=0)
    watched: list[Decision] = []
    for index, seed in enumerate((5, 6)):
        assert recorded(path) == index
        job = RolloutJob(index, "push_button", 0, "l1", 0, seed)
        expert = ExpertPolicy(simulator)
        rollout = roll_out(simulator, expert, job, 25, instruction=f"do {seed}", watch=watched.append)
        add_recording(path, job, rollout, header, {"env_name": "tabletop", "type": 2, "env_kwargs": {}})
    simulator.close()
    with ThreadPoolExecutor() as pool:
        env_args = {"env_name": "tabletop", "type": 2, "env_kwargs": {}}
        together = [pool.submit(add_recording, path, job, rollout, header, env_args) for _ in range(3)]
        assert {one.result() for one in together} == {2, 3, 4} and recorded(path) == 5
    assert len(watched) == 4
    with Demonstrations(path) as demos:
        assert [(e.seed, e.instruction, e.success) for e in demos] == [(5, "do 5", True), *[(6, "do 6", True)] * 4]
        assert demos.observation(0, 0).cameras["front"].rgb.shape == (16, 16, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_recordings_are_not_added_to_demonstrations(tiny_run: Path) -> None:
    """Which would lose their split and be trained on."""
    before = content_digest(tiny_run / "demos.h5")
    with pytest.raises(UserError, match="only added to recordings"):
        recorded(tiny_run / "demos.h5")
    assert content_digest(tiny_run / "demos.h5") == before


class Pointing(Scripted):
    """Goes to the middle of what is around the hand and is not the robot's arm, turned as the hand is."""

    def select_action(self, observation: Observation | PointObservation, given: Given = NOTHING_GIVEN) -> Decision:
        decision = super().select_action(observation, given)
        near = np.linalg.norm(observation.points - observation.gripper_pose[:3], axis=1) < 0.5
        action = np.concatenate(
            [observation.points[near & ~observation.arm].mean(axis=0), observation.gripper_pose[3:], [1.0, 0.0]]
        )
        return replace(decision, action=action)


def test_a_robot_that_stands_elsewhere_gets_the_same_answer_there() -> None:
    """RLBench's robot, scene and clouds, moved together by what its base is off ours and more; the arm is seen."""
    simulator = make_simulator("tabletop", image_size=64)
    _, seen = simulator.reset("put_money_in_safe", 0, 1)
    moved = pose_to_matrix(np.array([0.04, -0.02, 0.02, 0, 0, np.sin(0.05), np.cos(0.05)]))

    def answer(move: np.ndarray) -> np.ndarray:
        request = challenge(seen, joint_positions=seen.joint_positions)
        state = request["obs_state_dict"]
        state["pc"] = (state["pc"] @ move[:3, :3].T + move[:3, 3]).astype(np.float32)
        pose = matrix_to_pose(move @ pose_to_matrix(seen.gripper_pose))
        state["gripper"] = np.append(pose, 1.0).astype(np.float32)
        reply = TestClient(create_app(PolicyServer(Pointing()), {})).post("/predict", content=pack(request))
        assert reply.status_code == 200, reply.text
        return unpack(reply.content).astype(float)

    here, there = (pose_to_matrix(answer(move)[:7]) for move in (np.eye(4), moved))
    np.testing.assert_allclose(there, moved @ here, atol=2e-3)
    arm = point_observation(challenge(seen, joint_positions=seen.joint_positions)["obs_state_dict"]).arm
    assert np.count_nonzero(arm) > 100 and point_observation(challenge(seen)["obs_state_dict"]).arm is None


@pytest.mark.parametrize(
    ("joints", "words"),
    [
        ([0.0] * 6, "7 finite"),
        ([0.0] * 6 + [np.nan], "7 finite"),
        ("text", "7 finite"),
        ([0, 30, 0, -90, 0, 60, 45], "upright"),
    ],
)
def test_joint_angles_that_cannot_be_are_refused(observation: Observation, joints: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parse_request(pack(challenge(observation, joint_positions=joints)))


def test_points_in_the_arms_boxes_are_told_apart() -> None:
    """A box of 0.2 x 0.1 x 0.1 m, turned by 90 degrees about the vertical, around (0.1, 0, 1)."""
    points = np.array([[0.1, 0.09, 1.0], [0.19, 0.0, 1.0], [0.1, 0.0, 1.045], [0.1, 0.0, 0.8]], np.float32)
    boxes = {"Panda_link3_respondable_bbox": np.array([-0.1, 0.1, -0.05, 0.05, -0.05, 0.05])}
    poses = {"Panda_link3_respondable_pose": np.array([0.1, 0, 1, 0, 0, np.sqrt(0.5), np.sqrt(0.5)])}
    fingers = {"Panda_leftfinger_visual_bbox": np.array([-1, 1, -1, 1, -1, 1])}
    state = {
        "pc": points.reshape(1, 2, 2, 3),
        "rgb": np.zeros((1, 2, 2, 3), np.uint8),
        "gripper": np.array([0, 0, 1, 1, 0, 0, 0, 1.0]),
    }
    observation = point_observation(state | {"arm_links_info": [boxes | fingers, poses]})
    assert observation.arm.tolist() == [True, False, True, False]
    assert point_observation(state).arm is None
    for wrong in ([boxes, {}], [boxes], "text", [{"Panda_link3_respondable_bbox": "x"}, poses]):
        with pytest.raises(UserError, match="arm_links_info"):
            point_observation(state | {"arm_links_info": wrong})


def test_plain_route_without_joint_angles_gives_points(observation: Observation) -> None:
    message = observation_message(observation)
    del message["observation.joint_positions"]
    seen = parse_act(message).observation
    assert isinstance(seen, PointObservation) and seen.arm is None
    assert np.array_equal(seen.points, fuse(observation)[0])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Untrained planner and predictor as artifacts; the planner's bases are gone afterwards."""
    return untrained_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def before(models: tuple[Path, Path], observation: Observation) -> tuple[np.ndarray, ...]:
    """What the models answer before they are bundled."""
    return answers(ClapPolicy.from_pretrained(*models), observation)


def answers(policy: ClapPolicy, observation: Observation) -> tuple[np.ndarray, ...]:
    """The planner's heatmaps (V, C, C) of a phrase, how sure it is of its plan, the pose (7,) predicted at a point."""
    points, colours = fuse(observation)
    views = policy.planner.views(points, colours, Hand(np.array([0.2, 0.0, 1.1])))
    pointing = policy.planner.locate(["red block"], views)["red block"]
    assert policy.planner.language is not None
    plan = policy.planner.plan("push it", views, ["red block", "green square"])
    centre, pose = np.array([0.2, 0.0, 0.77]), observation.gripper_pose
    motion = policy.predictor.predict(points, colours, centre, "grasp the red block", 0, pose, 1.0)
    return pointing.heatmaps, plan.features, motion.pose


@pytest.fixture(scope="module")
def bundled(models: tuple[Path, Path], before: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "bundle"
    summary = deploy.bundle(Config(seed=5), *models, out)
    assert summary["bundle"] == str(out) and summary["files"] > 8
    for base in ("base", "causal"):
        shutil.rmtree(models[0].parent / base)
    return out


def test_bundle_needs_nothing_else_and_acts_the_same(
    before: tuple[np.ndarray, ...], bundled: Path, observation: Observation
) -> None:
    for original, again in zip(before, answers(load_bundle(bundled), observation), strict=True):
        np.testing.assert_allclose(again, original, rtol=1e-4, atol=1e-7)
    assert load_config(bundled / "config.yaml") == Config(seed=5)
    assert list(bundled.rglob("*.safetensors"))
    assert not [file for file in bundled.rglob("*") if file.suffix in (".bin", ".pt", ".pth", ".pkl", ".ckpt")]
    header, _ = read_header(bundled, "clap.bundle")
    assert [p.schema for p in header.parents] == ["clap.vlm", "clap.fine"]


def test_manifest_holds_the_checksum_of_every_file(bundled: Path) -> None:
    manifest = json.loads((bundled / "manifest.json").read_text())
    files = {file.relative_to(bundled).as_posix() for file in bundled.rglob("*") if file.is_file()}
    assert files - set(manifest) == {"manifest.json", "clap.json"}
    for name, digest in manifest.items():
        assert hashlib.sha256((bundled / name).read_bytes()).hexdigest() == digest


def flip_a_bit(folder: Path) -> str:
    file = next(folder.rglob("*.safetensors"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    return file.name


def remove_a_file(folder: Path) -> str:
    (folder / "config.yaml").unlink()
    return "config.yaml"


def add_a_file(folder: Path) -> str:
    (folder / "vlm" / "more.json").write_text("{}")
    return "more.json"


def break_the_manifest(folder: Path) -> str:
    (folder / "manifest.json").write_text("{")
    return "manifest.json"


@pytest.mark.parametrize("harm", [flip_a_bit, remove_a_file, add_a_file, break_the_manifest])
def test_tampered_bundles_are_refused(bundled: Path, tmp_path: Path, harm: Callable[[Path], str]) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundled, copy)
    verify_bundle(copy)
    name = harm(copy)
    with pytest.raises(UserError, match=name) as refused:
        deploy.serve(copy, DeployConfig(port=0))
    assert "\n" not in str(refused.value)


def test_other_directories_are_no_bundles(models: tuple[Path, Path], tmp_path: Path) -> None:
    for path in (models[0], tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError):
            verify_bundle(path)


def test_existing_bundle_is_kept_replaced_or_refused(models: tuple[Path, Path], bundled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundled, copy)
    with pytest.raises(UserError, match="--resume"):
        deploy.bundle(Config(seed=5), *models, copy)
    assert deploy.bundle(Config(seed=5), *models, copy, resume=True)["files"] > 8


def test_a_taken_port_is_one_clear_sentence(bundled: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="cannot listen"):
        deploy.serve(bundled, DeployConfig(port=taken.getsockname()[1]))


def test_driving_refuses_what_it_cannot_do(bundled: Path, tmp_path: Path) -> None:
    out = tmp_path / "recordings.h5"
    with pytest.raises(UserError, match="empty"):
        deploy.drive(bundled, "  ", "push_button", 0, 1, out)
    with pytest.raises(UserError, match="push_button"):
        deploy.drive(bundled, "push it", "push_buton", 0, 1, out)
    assert not out.exists()


def test_driving_records_and_films(tmp_path: Path) -> None:
    """The whole driver with the expert in the policy's place."""
    said: list[str] = []
    out = tmp_path / "recordings.h5"

    simulator = make_simulator("tabletop", image_size=24)
    scene, config = SceneChoice("push_button", 0, 4), DeployConfig()
    summary = run_and_record(simulator, ExpertPolicy(simulator), "press it", scene, out, config, said.append)
    simulator.close()
    assert summary["success"] and summary["steps"] == ["push the maroon button"] * 2
    assert said[0] == "Plan: push the maroon button" and said[-1] == "The task is done" and len(said) == 4
    with Demonstrations(out) as demos:
        assert demos.episode(0).instruction == "press it"
    with Image.open(summary["video"]) as video:
        assert video.format == "WEBP" and video.n_frames > 5
