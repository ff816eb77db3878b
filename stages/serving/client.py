"""A policy on another machine, used like one at hand."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import Observation, PointObservation
from stages.serving.act import observation_message
from stages.serving.encoding import MSGPACK, pack, unpack


class RemotePolicy:
    """`reset` and `select_action` over the /act route of a server.

    Args:
        url: address of the server, "http://127.0.0.1:13000".
        timeout: seconds to wait for an answer.
        token: of the server, if it has one.
    """

    def __init__(self, url: str, timeout: float = 60.0, token: str = "") -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._headers = {"Content-Type": MSGPACK} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._session = uuid4().hex
        self._task = ""
        self._fresh = True

    def reset(self, instruction: str) -> None:
        """Begin an episode with the next observation."""
        self._task, self._fresh = instruction, True

    def select_action(
        self, observation: Observation | PointObservation, keypoint: np.ndarray | None = None
    ) -> dict[str, Any]:
        """The server's answer: `action` (9,), `plan`, `step`, `keypoint` (3,) [m], `confidence`, `finished` and more.

        Raises:
            UserError: the server cannot be reached or refuses.
        """
        message: dict[str, Any] = {"task": self._task, "session": self._session, "reset": self._fresh}
        message |= observation_message(observation)
        if keypoint is not None:
            message["keypoint"] = np.asarray(keypoint)
        answer = unpack(self._post("/act", pack(message)))
        self._fresh = False
        return answer

    def _post(self, route: str, body: bytes) -> bytes:
        request = urllib.request.Request(self.url + route, data=body, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as reply:
                return reply.read()
        except urllib.error.HTTPError as error:
            raise UserError(f"{self.url} refused: {_reason(error)}", "Correct the request") from error
        except OSError as error:
            raise UserError(f"cannot reach {self.url} ({error})", "Start it with `clap deploy serve`") from error


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError):
        return f"status {error.code}"
