"""The policy over HTTP: GemBench's challenge route, a plain route, and a health check.

One policy serves one robot: requests are answered one after another.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.serving.act import ActRequest, parse_act
from stages.serving.encoding import MSGPACK, pack, unpack
from stages.serving.gembench import ChallengeRequest, parse_request


class PolicyServer:
    """A policy and the episode that it is in."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy
        self.requests = 0
        self._lock = threading.Lock()
        self._episode: tuple[str, int] | None = None
        self._task: str | None = None

    def predict(self, request: ChallengeRequest) -> np.ndarray | None:
        """GemBench's answer: (8,) pose and gripper, or None to end the episode, never at step 0.

        Raises:
            UserError: a later step of an episode that has not begun here.
        """
        with self._lock:
            episode = (request.taskvar, request.episode_id)
            if request.step_id == 0:
                self._begin(request.instruction)
                self._episode = episode
            elif self._episode != episode:
                what = f"episode {request.episode_id} of {request.taskvar} has not begun on this server"
                raise UserError(what, "Send its step 0 first")
            self.requests += 1
            decision = self.policy.select_action(request.observation)
            ended = decision.finished and request.step_id > 0
            return None if ended else np.asarray(decision.action[:8], np.float32)

    def act(self, request: ActRequest) -> dict[str, Any]:
        """The plain route's answer: the (9,) action and what the policy was thinking.

        Raises:
            UserError: no task has been given yet.
        """
        with self._lock:
            if request.reset or request.task not in (None, self._task):
                self._begin(request.task or self._task)
            if self._task is None:
                raise UserError("no episode has begun", "Send 'task' with the instruction")
            self.requests += 1
            decision = self.policy.select_action(request.observation, request.keypoint)
        return {
            "action": np.asarray(decision.action, np.float64),
            "plan": list(decision.plan),
            "step": decision.step,
            "step_index": decision.step_index,
            "motion_index": decision.motion_index,
            "keypoint": np.asarray(decision.keypoint, np.float64),
            "objects": {name: np.asarray(position, np.float64) for name, position in decision.objects.items()},
            "confidence": float(decision.confidence),
            "finished": bool(decision.finished),
            "problem": decision.problem,
        }

    def _begin(self, instruction: str | None) -> None:
        self.policy.reset(read_instruction(instruction or ""))
        self._task, self._episode = instruction, None


def create_app(server: PolicyServer, description: dict[str, Any], max_request_mb: int = 64) -> FastAPI:
    """The HTTP application.

    Args:
        description: what /health tells about the bundle.
        max_request_mb: larger bodies are refused [MiB].
    """
    app = FastAPI(title="CLAP policy server", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(UserError)
    async def refuse(request: Request, error: UserError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400)

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, status_code=error.status_code)

    async def body_of(request: Request) -> bytes:
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= max_request_mb * 2**20:
                chunks.append(chunk)
        if size > max_request_mb * 2**20:  # said after all was read, as a client hears nothing while it sends
            error = f"the request is larger than {max_request_mb} MiB. Send smaller images."
            raise HTTPException(413, error)
        return b"".join(chunks)

    # GemBench's client joins "http://host:port/" and "/predict".
    @app.post("//predict")
    @app.post("/predict")
    async def predict(request: Request) -> Response:
        body = await body_of(request)
        action = await run_in_threadpool(lambda: server.predict(parse_request(body)))
        return Response(pack(action), media_type=MSGPACK)

    @app.post("/act")
    async def act(request: Request) -> Response:
        body = await body_of(request)
        binary = "msgpack" in request.headers.get("content-type", "") or is_msgpack(body)
        answer = await run_in_threadpool(lambda: server.act(parse_act(unpack(body) if binary else _from_json(body))))
        return Response(pack(answer), media_type=MSGPACK) if binary else JSONResponse(_to_json(answer))

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "requests": server.requests} | description

    return app


def run_app(app: FastAPI, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; port 0 takes a free one.

    Args:
        announce: called with the address once it is taken.

    Raises:
        UserError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} ({error.strerror or error})", "Choose another port"
            ) from error
        announce(f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


def is_msgpack(body: bytes) -> bool:
    """Whether a body begins as a map of msgpack does, which no JSON does."""
    return body[:1] > b"\x7f"


def _from_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        what = f"the request body is not JSON ({str(error)[:200]})"
        raise UserError(what, f"Send JSON, or msgpack as {MSGPACK}") from error


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    return value
