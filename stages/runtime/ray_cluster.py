"""Connecting to a Ray cluster, or to a Ray of this machine's own where there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from stages.core.errors import UserError

ADDRESS = "RAY_ADDRESS"
"""Environment variable with the head node's address, host:port, as Ray defines it."""

ANSWER, JOIN = 5.0, 20.0
"""Time that a port has to answer, and the cluster behind it to let us in [s]."""

OBJECT_STORE = 100 * 2**20
"""Shared memory of a Ray of our own: only jobs and short results pass through it [bytes]."""

_SILENT = {"logging_level": "FATAL", "log_to_driver": False}
_PROBE = f"import ray; ray.init(address='auto', **{_SILENT})"
_FEW_TRIES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_NUM_REDIS_GET_RETRIES": "3"}
"""Nothing is sent home; a cluster that refuses is not asked twenty times."""


def connect() -> None:
    """Connect to the cluster of `RAY_ADDRESS`, else to one that runs on this machine, else start one on its cores.

    Ray disconnects by itself when the process ends; what was started here ends with it.

    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached, or refuses.
    """
    for name, value in _FEW_TRIES.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise UserError("ray is not installed", "Run `pip install 'clap-policy[ray]'`") from error
    if ray.is_initialized():
        return
    if _cluster_runs():
        ray.init(address="auto", **_SILENT)
    else:
        ray.init(address="local", include_dashboard=False, object_store_memory=OBJECT_STORE, **_SILENT)


def _cluster_runs() -> bool:
    """Whether there is a cluster to join; tried in a process of its own, as Ray's own waiting ends a process."""
    address = os.environ.get(ADDRESS, "")
    if address == "local":
        return False
    if address:
        _check_port(address)
    try:
        tried = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=JOIN)
    except subprocess.TimeoutExpired as error:
        hint = "See `ray status` there" if address else f"If it is gone, run `ray stop`, or set {ADDRESS}=local"
        raise UserError(f"{_place(address)} does not answer within {JOIN:g} s", hint) from error
    if tried.returncode == 0:
        return True
    if not address and "Could not find any running Ray instance" in tried.stderr:
        return False
    raise _refusal(_place(address), tried.stderr)


def _check_port(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(f"{ADDRESS} is '{address}'", "Set it to the head node's host:port, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        hint = f"Start it with `ray start --head`, or correct {ADDRESS}"
        raise UserError(f"no Ray cluster answers at {address} ({error})", hint) from error


def _refusal(place: str, stderr: str) -> UserError:
    if "Unauthenticated" in stderr or "AuthenticationError" in stderr:
        hint = "Put the head node's ~/.ray/auth_token on this machine, or set RAY_AUTH_TOKEN or RAY_AUTH_MODE as there"
        return UserError(f"{place} refuses this machine: its token is missing or wrong", hint)
    last = stderr.strip().splitlines()[-1] if stderr.strip() else "no reason given"
    return UserError(f"{place} cannot be joined: {last.rstrip('.')}", "See `ray status` there")


def _place(address: str) -> str:
    return f"the Ray cluster at {address}" if address else "the Ray cluster that this machine joined last"
