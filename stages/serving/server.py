"""The policy over HTTP: GemBench's challenge route, a plain route, and a health check.

Several robots can be served, each in a session of its own; their requests are answered one after another.
"""

from __future__ import annotations

import hmac
import json
import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from stages.core.decision import Decision
from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.core.observation import Observation, PointObservation
from stages.serving import act as act_route
from stages.serving import gembench
from stages.serving.act import ActRequest, parse_act
from stages.serving.encoding import MSGPACK, pack, unpack
from stages.serving.gembench import ChallengeRequest, parse_request

log = logging.getLogger("clap.server")


@dataclass
class Session:
    """One robot's episode.

    Attributes:
        policy: in the middle of it.
        task: its instruction, as it was sent.
        action: the last one that was answered, of (9,).
    """

    policy: Any
    task: str
    action: np.ndarray | None = None


class PolicyServer:
    """A policy's models, and the episodes of the robots that they serve.

    Args:
        policy: each session acts by a copy of it, which shares the models.
        max_sessions: episodes that are remembered, those used last.
    """

    def __init__(self, policy: Any, max_sessions: int = 64) -> None:
        self.policy, self.max_sessions = policy, max_sessions
        self.requests = 0
        self._lock = threading.Lock()
        self._sessions: OrderedDict[Hashable, Session] = OrderedDict()

    def predict(self, request: ChallengeRequest) -> np.ndarray:
        """GemBench's answer: (8,) float32 pose and gripper; a session is an episode of a variation.

        Raises:
            UserError: a later step of an episode that has not begun here, or was dropped.
        """
        key = (request.taskvar, request.episode_id)
        with self._lock:
            if request.step_id == 0:
                self._begin(key, request.instruction)
            session = self._session(key, f"episode {request.episode_id} of {request.taskvar}", "Send its step 0 first")
            try:
                action = self._decide(session, request.observation).action
            except Exception as error:  # the client takes any answer for an action, whatever its status
                if request.step_id == 0 and isinstance(error, UserError):
                    raise
                log.error("The robot stays still: %s", error, exc_info=not isinstance(error, UserError))
                opened = request.observation.is_open if session.action is None else session.action[7]
                action = np.append(request.observation.gripper_pose, opened)
            return np.asarray(action[:8], np.float32)

    def act(self, request: ActRequest) -> dict[str, Any]:
        """The plain route's answer: the (9,) action and what the policy was thinking.

        Raises:
            UserError: no task has been given yet, or the session was dropped.
        """
        with self._lock:
            known = self._sessions.get(request.session)
            if request.reset or known is None or request.task not in (None, known.task):
                task = request.task or (known.task if known else None)
                if task is None:
                    raise UserError(f"{_named(request.session)} has not begun, or was dropped", "Send 'task'")
                self._begin(request.session, task)
            session = self._session(request.session, _named(request.session), "Send 'task'")
            decision = self._decide(session, request.observation, request.keypoint)
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

    def stay(self) -> np.ndarray | None:
        """The action (8,) that the only robot of GemBench was sent last, with which it stays; None if there are others,
        or none."""
        with self._lock:
            actions = [one.action for key, one in self._sessions.items() if isinstance(key, tuple)]
            return np.asarray(actions[0][:8], np.float32) if len(actions) == 1 and actions[0] is not None else None

    def _begin(self, key: Hashable, task: str) -> None:
        policy = copy(self.policy)
        policy.reset(read_instruction(task))
        self._sessions[key] = Session(policy, task)
        self._sessions.move_to_end(key)
        while len(self._sessions) > self.max_sessions:
            self._sessions.popitem(last=False)

    def _session(self, key: Hashable, name: str, hint: str) -> Session:
        if key not in self._sessions:
            raise UserError(f"{name} has not begun on this server, or was dropped", hint)
        self._sessions.move_to_end(key)
        return self._sessions[key]

    def _decide(
        self, session: Session, observation: Observation | PointObservation, keypoint: np.ndarray | None = None
    ) -> Decision:
        self.requests += 1
        decision = session.policy.select_action(observation, keypoint)
        session.action = np.asarray(decision.action, float)
        return decision


def _named(session: str) -> str:
    return f"session '{session}'" if session else "an episode"


def create_app(server: PolicyServer, description: dict[str, Any], max_request_mb: int = 64, token: str = "") -> FastAPI:
    """The HTTP application.

    Args:
        description: what /health tells about the bundle.
        max_request_mb: larger bodies are refused [MiB].
        token: what requests but those for /health must carry as "Authorization: Bearer TOKEN"; empty = nothing.
    """
    app = FastAPI(title="CLAP policy server", docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def authorise_and_log(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        started, path = time.monotonic(), request.url.path
        given = request.headers.get("authorization", "").encode()
        if token and path != "/health" and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            error = "the token is missing or wrong. Send it as 'Authorization: Bearer TOKEN'."
            response: Response = JSONResponse({"error": error}, status_code=401)
        else:
            response = await answer(request)
        client = request.client.host if request.client else "?"
        log.info("%s %s %s %d %.2f s", client, request.method, path, response.status_code, time.monotonic() - started)
        return response

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
    @app.post("//predict", include_in_schema=False)
    @app.post("/predict", description=gembench.__doc__, openapi_extra=_body(MSGPACK))
    async def predict(request: Request) -> Response:
        body = await body_of(request)
        try:
            challenge = parse_request(body)
        except UserError as error:
            if (action := server.stay()) is None:
                raise
            log.error("The robot stays still: %s", error)
        else:
            action = await run_in_threadpool(server.predict, challenge)
        return Response(pack(action), media_type=MSGPACK)

    @app.post("/act", description=act_route.__doc__, openapi_extra=_body("application/json", act_route.EXAMPLE))
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


def _body(kind: str, example: Any = None) -> dict[str, Any]:
    """What OpenAPI says of a request's body."""
    content = {"schema": {"type": "object"}} | ({"example": example} if example else {})
    return {"requestBody": {"required": True, "content": {kind: content}}}


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
