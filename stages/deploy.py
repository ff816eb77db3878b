"""Stage `deploy`: a self-contained bundle of a policy, a server for it, and a driver of the embedded robot or a real
one."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.artifacts.files import check_directory, parent, publish_directory
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, open_partial
from stages.core.errors import UserError
from stages.core.instruction import read_instruction, task_name
from stages.core.progress import Progress, silent
from stages.serving.bundle import SCHEMA, checksums, fill_bundle, load_bundle
from stages.settings.deploy import DeployConfig
from stages.settings.loader import Config

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that only this machine reaches."""


def bundle(
    config: Config,
    vlm: Path,
    fine: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Put planner and predictor into one directory that is enough to act.

    Args:
        vlm, fine: what `clap finetune-vlm` and `clap train-fine` wrote.
        out: the bundle's directory.

    Returns:
        {bundle, files, megabytes}.

    Raises:
        UserError: an input is missing, or the bundle exists and neither `resume` nor `overwrite` is given.
    """
    parents = [parent(vlm, "clap.vlm"), parent(fine, "clap.fine")]
    header = Header.create(SCHEMA, config=config.as_dict(), settings={}, seed=config.seed, parents=parents)
    if (done := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
        return done
    progress(0, 2, "collecting weights")
    shutil.rmtree(open_partial(out, header))
    folder = open_partial(out, header)
    fill_bundle(folder, vlm, fine, config.to_yaml())
    progress(1, 2, "checking")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    summary = {"bundle": str(out), "files": len(checksums(folder)), "megabytes": round(size / 1e6, 1)}
    publish_directory(folder, out, header, summary)
    progress(2, 2, "done")
    return summary


def serve(
    path: Path,
    config: DeployConfig | None = None,
    *,
    token: str = "",
    announce: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Serve a bundle's actions over HTTP until interrupted; see `serving.gembench` and `serving.act` for the routes.

    Args:
        path: the bundle.
        config: where it listens, and the limits of requests.
        token: what requests must carry; needed where others than this machine can reach the server.
        announce: called with the server's address once it listens; by default it is printed on stderr.

    Returns:
        {requests}.

    Raises:
        UserError: not a sound bundle, the address is taken, or others can reach it without a token.
    """
    from stages.serving.policy_server import PolicyServer, log
    from stages.serving.server import create_app, run_app

    config = config or DeployConfig()
    if config.host not in LOOPBACK and not token:
        raise UserError(f"without a token, anyone who reaches {config.host} could move the robot", "Give --token")
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    values = check_directory(path, SCHEMA)
    policy = load_bundle(path, config.device)
    server = PolicyServer(policy, max_waiting=config.max_waiting, wait_seconds=config.wait_seconds)
    description = {"bundle": path.name, "created": values["created"], "tool_version": values["tool_version"]}
    app = create_app(server, description, config, token)
    announce = announce or (lambda url: _tell(f"Serving {path} on {url}, Ctrl-C ends it"))
    run_app(app, config.host, config.port, announce, server.close)
    return {"requests": server.requests}


def drive(
    path: Path,
    instruction: str,
    task: str,
    variation: int,
    seed: int,
    out: Path,
    *,
    config: DeployConfig | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Drive a simulated robot from a typed instruction and record what it did.

    Args:
        path: the bundle.
        instruction: what to do, in words.
        task, variation, seed: the scene.
        out: file of recordings, in the layout of demonstrations; the episode is added. A video is put beside it.
        say: called with what the robot does, step by step; by default printed on stderr.

    Returns:
        {instruction, success, error, plan, steps, recording, episode, video}; success is the scene's own test.

    Raises:
        UserError: not a sound bundle, an unknown scene, or an instruction without a plan.
    """
    from stages.serving.driver import SceneChoice, run_and_record
    from stages.simulators import make_simulator

    config, say = config or DeployConfig(), say or _tell
    read_instruction(instruction)
    scene, parents = SceneChoice(task, variation, seed), [parent(path, SCHEMA)]
    simulator = make_simulator(config.simulator, image_size=config.image_size)
    try:
        policy = load_bundle(path, config.device)
        return run_and_record(simulator, policy, instruction.strip(), scene, out, config, say, parents)
    finally:
        simulator.close()


def drive_robot(
    path: Path,
    instruction: str,
    rig: Path,
    host: str | None,
    out: Path,
    *,
    config: Config,
    ask: Callable[[str], bool] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Drive a real robot from a typed instruction and record what it did.

    Args:
        path: the bundle.
        instruction: what to do, in words.
        rig: the file of the robot and its cameras.
        host: the robot's network address, in preference to the rig's.
        out: file of recordings, in the layout of demonstrations; the episode is added. A video is put beside it.
        ask: puts a question to a person, before the first motion and, whether the task is done, at the end; None = the
            robot moves unasked, and the recording says that the task is not done.
        say: called with what the robot does, step by step; by default printed on stderr.

    Returns:
        As `drive`.

    Raises:
        UserError: not a sound bundle or rig, an instruction without a plan, a robot that cannot be reached, that was
            not allowed to move, or that was stopped in doubt; what it did until then is recorded.
    """
    from stages.robots.arm import LOOK_FIRST
    from stages.robots.opening import open_robot
    from stages.robots.rig import Rig
    from stages.serving.driver import SceneChoice, run_and_record
    from stages.serving.recordings import recorded
    from stages.serving.robot_scene import NotApproved, RobotScene

    say = say or _tell
    task, laboratory, parents = task_name(instruction), Rig.load(rig), [parent(path, SCHEMA)]
    choice = SceneChoice(task, 0, recorded(out), level="train")
    robot = open_robot(laboratory, host, config.robot)
    scene = RobotScene(robot, instruction, None if ask is None else lambda: ask("May the robot move?"))
    judge = (lambda: False) if ask is None else lambda: not scene.trouble and ask("Is the task done?")
    options = {"environment": laboratory.robot.model, "camera": next(iter(laboratory.cameras)), "judge": judge}
    try:
        policy = load_bundle(path, config.deploy.device)
        summary = run_and_record(
            scene, policy, instruction.strip(), choice, out, config.deploy, say, parents, **options
        )
    except NotApproved:
        raise UserError("the robot was not allowed to move", "Answer y, or give --yes") from None
    except KeyboardInterrupt:
        say("The robot is stopped")
        raise
    finally:
        scene.close()
    if scene.trouble:
        raise UserError(f"{scene.trouble}; what was done is episode {summary['episode']} of {out}", LOOK_FIRST)
    return summary


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
