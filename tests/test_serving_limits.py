"""What a server grants its clients: who may ask, how often, how much, and how long a request may wait."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from stages.core.decision import Decision
from stages.core.observation import Observation
from stages.serving.act import observation_message
from stages.serving.encoding import pack, unpack
from stages.serving.policy_server import PolicyServer
from stages.serving.rate_limit import RateLimit
from stages.serving.server import create_app
from stages.settings.deploy import DeployConfig
from tests.http_server import serving
from tests.test_deploy import Scripted, challenge, observation

__all__ = ["observation"]


def test_a_client_that_is_only_given_an_address_can_carry_the_token(observation: Observation) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}, token="a:b"))
    body = pack(challenge(observation))
    assert client.post("http://robot:a%3Ab@server/predict", content=body).status_code == 200
    for wrong in ("http://robot:b@server/predict", "http://a%3Ab@server/predict"):
        assert client.post(wrong, content=body).status_code == 401
    assert client.post("/predict", content=body, headers={"authorization": "Basic !"}).status_code == 401


def test_requests_wait_for_each_other_and_not_for_ever(observation: Observation) -> None:
    class Slow(Scripted):
        """Answers when it may."""

        def select_action(self, *args: Any) -> Decision:
            entered.set()
            assert may_end.wait(10)
            return super().select_action(*args)

    entered, may_end = threading.Event(), threading.Event()
    server = PolicyServer(Slow(), max_waiting=1, wait_seconds=0.2)
    client = TestClient(create_app(server, {}))
    message = observation_message(observation) | {"task": "push"}
    begun = pack(challenge(observation)), pack(challenge(observation, 1))
    may_end.set()
    assert client.post("/predict", content=begun[0]).status_code == 200
    entered.clear()
    may_end.clear()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.post, "/act", content=pack(message | {"session": "a"}))
        assert entered.wait(10)
        second = pool.submit(client.post, "/act", content=pack(message | {"session": "b"}))
        time.sleep(0.1)
        third = client.post("/act", content=pack(message | {"session": "c"}))
        assert third.status_code == 503 and "too many" in third.json()["error"]
        assert second.result().status_code == 503 and "waited for 0.2 s" in second.result().json()["error"]
        stayed = client.post("/predict", content=begun[1])
        pose = unpack(stayed.content)
        assert stayed.status_code == 200 and np.allclose(pose[:7], observation.gripper_pose, atol=1e-6)
        may_end.set()
        assert first.result().status_code == 200


def test_requests_of_a_client_have_a_rate(observation: Observation) -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}, DeployConfig(max_rate=1)))
    codes = [client.post("/predict", content=pack(challenge(observation))).status_code for _ in range(4)]
    assert codes[:2] == [200, 200] and codes[3] == 429 and client.get("/health").status_code == 200


def test_guesses_of_the_token_have_a_rate_too() -> None:
    client = TestClient(create_app(PolicyServer(Scripted()), {}, DeployConfig(max_rate=1), "secret"))
    codes = [client.post("/act", headers={"authorization": f"Bearer {guess}"}).status_code for guess in range(5)]
    assert codes[0] == 401 and codes[-1] == 429


def test_a_server_that_ends_answers_what_is_in_work_and_refuses_the_rest(observation: Observation) -> None:
    server = PolicyServer(Scripted())
    client = TestClient(create_app(server, {}))
    server.close()
    reply = client.post("/act", content=pack(observation_message(observation) | {"task": "push"}))
    assert reply.status_code == 503 and "ending" in reply.json()["error"]


def test_the_rate_is_that_of_each_client_over_time() -> None:
    limit = RateLimit(2.0)
    assert [limit.allows("a", 0.0) for _ in range(5)] == [True] * 4 + [False]
    assert limit.allows("b", 0.0) and limit.allows("a", 0.5) and not limit.allows("a", 0.6)
    assert all(limit.allows(str(client), 1.0) for client in range(3000)) and len(limit._buckets) <= 1024
    assert all(RateLimit(0).allows("a", 0.0) for _ in range(1000))


def test_a_request_that_does_not_arrive_is_given_up() -> None:
    app = create_app(PolicyServer(Scripted()), {}, DeployConfig(receive_seconds=0.2))
    with serving(app) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        slow.settimeout(10)
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_leaves_one_line(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(PolicyServer(Scripted()), {})
    with caplog.at_level("INFO"), serving(app) as port:
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(b"POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.2)
        deadline = time.monotonic() + 10
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.05)
    (record,) = caplog.records
    assert " POST /act 400 " in record.getMessage() and not record.exc_info
