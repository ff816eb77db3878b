"""The policy over HTTP: GemBench's challenge route, a plain route, and a health check.

Several robots can be served, each in a session of its own; their requests are answered one after another.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from stages.core.errors import UserError
from stages.serving import act as act_route
from stages.serving import gembench
from stages.serving.act import parse_act
from stages.serving.encoding import MSGPACK, pack, unpack
from stages.serving.gembench import parse_request, read_episode_and_step
from stages.serving.policy_server import Busy, PolicyServer, log
from stages.serving.rate_limit import RateLimit
from stages.settings.deploy import DeployConfig


def create_app(
    server: PolicyServer, description: dict[str, Any], limits: DeployConfig | None = None, token: str = ""
) -> FastAPI:
    """The HTTP application.

    Args:
        description: what /health tells about the bundle.
        limits: of requests: their size, the time that they take to arrive, how many a second.
        token: what requests but those for /health must carry, as a bearer token or as the password of basic
            authentication; empty = nothing.
    """
    app = FastAPI(title="CLAP policy server", docs_url=None, redoc_url=None)
    limits = limits or DeployConfig()
    rate = RateLimit(limits.max_rate)

    @app.middleware("http")
    async def authorise_and_log(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        started, path, client = time.monotonic(), request.scope["path"], _client(request)
        if path != "/health" and not rate.allows(client, started):
            what = f"more than {limits.max_rate:g} requests a second. Send fewer, or set deploy.max_rate."
            response: Response = _error(429, what)
        elif token and path != "/health" and not _carries(request, token):
            response = _error(401, "the token is missing or wrong. Send it as 'Authorization: Bearer TOKEN'.")
        else:
            response = await answer(request)
        log.info("%s %s %s %d %.2f s", client, request.method, path, response.status_code, time.monotonic() - started)
        return response

    @app.exception_handler(UserError)
    async def refuse(request: Request, error: UserError) -> JSONResponse:
        return _error(503 if isinstance(error, Busy) else 400, str(error))

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, error.detail)

    async def body_of(request: Request) -> bytes:
        try:
            body = await asyncio.wait_for(_read(request, limits.max_request_mb * 2**20), limits.receive_seconds)
        except TimeoutError as error:
            what = f"the request took more than {limits.receive_seconds:g} s to arrive. Send smaller images."
            raise HTTPException(408, what) from error
        except ClientDisconnect as error:
            raise HTTPException(400, "the client went away before its request had arrived.") from error
        if body is None:
            raise HTTPException(413, f"the request is larger than {limits.max_request_mb} MiB. Send smaller images.")
        return body

    # GemBench's client joins "http://host:port/" and "/predict".
    @app.post("//predict", include_in_schema=False)
    @app.post("/predict", description=gembench.__doc__, openapi_extra=_body(MSGPACK))
    async def predict(request: Request) -> Response:
        client, body = _client(request), None
        try:
            body = await body_of(request)
            challenge = await run_in_threadpool(parse_request, body)
        except (UserError, HTTPException) as error:
            if (action := server.stay(client, read_episode_and_step(body) if body else None)) is None:
                raise
            log.error("The robot stays still: %s", error)
        else:
            action = await run_in_threadpool(server.predict, challenge, client)
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


def run_app(
    app: FastAPI, host: str, port: int, announce: Callable[[str], None], ending: Callable[[], None] = lambda: None
) -> None:
    """Serve until interrupted, and to the end of what is in work; port 0 takes a free one.

    Args:
        announce: called with the address once it is taken.
        ending: called when the server is interrupted.

    Raises:
        UserError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # so that who reads the address can connect at once
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} ({error.strerror or error})", "Choose another port"
            ) from error
        announce(f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}")
        with suppress(KeyboardInterrupt):
            _Server(uvicorn.Config(app, log_level="warning", lifespan="off"), ending).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending()
        super().handle_exit(sig, frame)


def _client(request: Request) -> str:
    return request.client.host if request.client else "?"


def _error(status: int, what: str) -> JSONResponse:
    """One line; what no text can hold, such as half of a surrogate pair, is replaced."""
    return JSONResponse({"error": what.encode(errors="replace").decode()}, status)


async def _read(request: Request, most: int) -> bytes | None:
    """A request's body; None if it is longer than so many bytes, which is found once all has arrived, as a client hears
    nothing while it sends."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
    return b"".join(chunks) if size <= most else None


def _carries(request: Request, token: str) -> bool:
    """Whether a request has the token; basic authentication is for clients that can only be given an address."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
    return hmac.compare_digest(given.encode(), token.encode()) and scheme.lower() in ("basic", "bearer")


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
