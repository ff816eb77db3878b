"""A policy's models shared by the episodes of several robots."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.decision import Decision, Given
from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.core.observation import Observation, PointObservation
from stages.geometry.tip_limits import safe_action
from stages.serving.act import ActRequest
from stages.serving.gembench import ChallengeRequest, Episode

log = logging.getLogger("clap.server")


class Busy(UserError):
    """A request cannot be answered now."""


@dataclass
class Session:
    """One robot's episode.

    Attributes:
        policy: in the middle of it.
        task: its instruction, as it was sent.
        client: address of who began it.
        begun, used: numbers of its first and its last request.
        action: the last one that was answered, of (9,).
    """

    policy: Any
    task: str
    client: str
    begun: int
    used: int
    action: np.ndarray | None = None


class PolicyServer:
    """A policy's models, and the episodes of the robots that they serve.

    Args:
        policy: each session acts by a copy of it, which shares the models.
        max_sessions: episodes that are remembered, those used last.
        max_waiting: requests that wait for another to be answered; more are refused at once.
        wait_seconds: that they wait at most [s].
    """

    def __init__(self, policy: Any, max_sessions: int = 64, max_waiting: int = 16, wait_seconds: float = 30.0) -> None:
        self.policy, self.max_sessions, self.wait_seconds = policy, max_sessions, wait_seconds
        self.requests = 0
        self._places = threading.BoundedSemaphore(max_waiting + 1)
        self._lock, self._closed = threading.Lock(), False
        self._sessions: OrderedDict[Hashable, Session] = OrderedDict()

    def predict(self, request: ChallengeRequest, client: str = "") -> np.ndarray:
        """GemBench's answer: (8,) float32 pose and gripper; a session is an episode of a variation.

        Args:
            client: address of who asks.

        Raises:
            UserError: a later step of an episode that has not begun here, or was dropped.
            Busy: too many requests wait.
        """
        key = request.episode
        name = f"episode {request.episode_id} of {request.taskvar}"
        try:
            with self._turn():
                if request.step_id == 0:
                    self._begin(key, request.instruction, client)
                action = self._decide(self._session(key, name, "Send its step 0 first"), request.observation).action
        except Exception as error:  # the client takes any answer for an action, whatever its status
            session = self._sessions.get(key)
            if session is None or request.step_id == 0 and isinstance(error, UserError):
                raise
            log.error("The robot stays still: %s", error, exc_info=not isinstance(error, UserError))
            if (action := _still(session, request.observation)) is None:
                raise
        return np.asarray(action[:8], np.float32)

    def act(self, request: ActRequest) -> dict[str, Any]:
        """The plain route's answer: the (9,) action and what the policy was thinking.

        Raises:
            UserError: no task has been given yet, or the session was dropped.
            Busy: too many requests wait.
        """
        with self._turn():
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

    def stay(self, client: str, asked: tuple[Episode, int] | None) -> np.ndarray | None:
        """The action (8,) that a robot of GemBench was sent last, with which it stays; None if that is not known.

        Args:
            client: address of who asks.
            asked: episode and step of a request that cannot be answered; None if they cannot be read. Then the episode
                is meant that this client asked for last, unless it has asked for another since that began.
        """
        if asked is not None:
            session = self._sessions.get(asked[0]) if asked[1] else None
        else:
            known = [(key, one) for key, one in list(self._sessions.items()) if isinstance(key, tuple)]
            own = sorted((one for _, one in known if one.client == client), key=lambda one: one.used)
            session = own[-1] if own and all(other.used < own[-1].begun for other in own[:-1]) else None
        return None if session is None or session.action is None else np.asarray(session.action[:8], np.float32)

    def close(self) -> None:
        """Refuse requests from now on; the one in work is answered."""
        self._closed = True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Requests are answered one after another."""
        if not self._places.acquire(blocking=False):
            raise Busy("too many requests wait for an answer", "Send it again later")
        try:
            if not self._lock.acquire(timeout=self.wait_seconds):
                raise Busy(f"the request waited for {self.wait_seconds:g} s", "Send it again later")
            try:
                if self._closed:
                    raise Busy("the server is ending", "Send it to another")
                yield
            finally:
                self._lock.release()
        finally:
            self._places.release()

    def _begin(self, key: Hashable, task: str, client: str = "") -> None:
        policy = copy(self.policy)
        policy.reset(read_instruction(task))
        self._sessions[key] = Session(policy, task, client, begun=self.requests + 1, used=self.requests + 1)
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
        session.used = self.requests
        decision = session.policy.select_action(observation, Given(keypoint=keypoint))
        session.action = np.asarray(decision.action, float)
        return decision


def _still(session: Session, observation: Observation | PointObservation) -> np.ndarray | None:
    """The action (9,) with which a robot stays where it says that it is or, where it cannot be, where it was sent last;
    None if it was not sent anywhere."""
    opened = observation.is_open if session.action is None else session.action[7]
    action, problem = safe_action(np.concatenate([observation.gripper_pose, [opened, 0.0]]))
    return session.action if problem else action


def _named(session: str) -> str:
    return f"session '{session}'" if session else "an episode"
