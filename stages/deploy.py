"""Stage `deploy`: a self-contained bundle of a policy, a server for it, and a driver of the embedded robot."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.artifacts.files import check_directory, parent, publish_directory
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, open_partial
from stages.config import Config
from stages.decision import Decision
from stages.errors import UserError
from stages.progress import Progress, silent
from stages.serving.bundle import SCHEMA, checksums, fill_bundle, load_bundle
from stages.serving.config import DeployConfig


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
    host: str = "127.0.0.1",
    port: int = 13000,
    *,
    device: str = "cpu",
    max_request_mb: int = 64,
    announce: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Serve a bundle's actions over HTTP until interrupted; see `serving.gembench` and `serving.act` for the routes.

    Args:
        path: the bundle.
        host: the loopback address unless others shall reach it.
        port: 0 = any free one.
        announce: told the server's address once it listens; by default it is printed on stderr.

    Returns:
        {requests}.

    Raises:
        UserError: not a sound bundle, or the address is taken.
    """
    from stages.serving.server import PolicyServer, create_app, run_app

    values = check_directory(path, SCHEMA)
    server = PolicyServer(load_bundle(path, device))
    description = {"bundle": path.name, "created": values["created"], "tool_version": values["tool_version"]}
    app = create_app(server, description, max_request_mb)
    run_app(app, host, port, announce or (lambda url: _tell(f"Serving {path} on {url}, Ctrl-C ends it")))
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
    """Drive the embedded robot from a typed instruction and record what it did.

    Args:
        path: the bundle.
        instruction: what to do, in words.
        task, variation, seed: the scene.
        out: file of recordings, in the layout of demonstrations; the episode is added. A video is put beside it.
        say: told what the robot does, step by step; by default printed on stderr.

    Returns:
        {instruction, success, error, plan, steps, recording, episode, video}; success is the scene's own test.

    Raises:
        UserError: not a sound bundle, an unknown scene, or an instruction without a plan.
    """
    from stages.evaluation.keypoints import KeypointSource
    from stages.evaluation.rollouts import Job, roll_out
    from stages.evaluation.video import render_video
    from stages.serving.recordings import add_recording, recorded
    from stages.simulators import make_simulator

    config, say = config or DeployConfig(), say or _tell
    if not instruction.strip():
        raise UserError("the instruction is empty", "Say what to do")
    job = Job(recorded(out), task, variation, _level(task, variation), 0, seed)
    policy = load_bundle(path, config.device)
    simulator = make_simulator(config.simulator, image_size=config.image_size)
    try:
        source, narrate = KeypointSource("planner", [seed]), _narrator(say)
        rollout = roll_out(simulator, policy, job, source, config.max_steps, instruction.strip(), narrate)
        episode = rollout.episode
        if episode.error and not len(episode):
            raise UserError(episode.error.rstrip("."))
        header = Header.create("clap.demos", config={}, settings={}, seed=seed, parents=[parent(path, SCHEMA)])
        env_args = {"env_name": config.simulator, "type": 2, "env_kwargs": {}}
        add_recording(out, job, rollout, header, env_args)
        video = out.with_name(f"{out.stem}-{job.index}.webp")
        video.write_bytes(
            render_video(
                simulator,
                simulator.trajectory(),
                episode.instruction,
                episode.plan,
                episode.predictions.steps,
                episode.success,
            )
        )
    finally:
        simulator.close()
    say("The task is done" if episode.success else f"The task is not done{f': {episode.error}' * bool(episode.error)}")
    return {
        "instruction": episode.instruction,
        "task": task,
        "variation": variation,
        "seed": seed,
        "success": episode.success,
        "error": episode.error or None,
        "plan": list(episode.plan),
        "steps": list(episode.predictions.steps),
        "recording": str(out),
        "episode": job.index,
        "video": str(video),
    }


def _level(task: str, variation: int) -> str:
    """The test level that a scene belongs to."""
    from stages.simulators.tabletop.tasks import LEVELS

    return next((level for level in ("l1", "l2", "l3", "l4") if (task, variation) in LEVELS[level]), "l1")


def _narrator(say: Callable[[str], None]) -> Callable[[Decision], None]:
    plan: list[str] = []

    def narrate(decision: Decision) -> None:
        if decision.plan != plan:
            plan[:] = decision.plan
            say("Plan: " + "; ".join(plan))
        x, y, z = decision.action[:3]
        fingers = "open" if decision.action[7] > 0.5 else "closed"
        place = f"{decision.step_index + 1}/{len(plan)} {decision.step}"
        say(f"{place}: to ({x:.3f}, {y:.3f}, {z:.3f}) m, fingers {fingers}, confidence {decision.confidence:.2f}")

    return narrate


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
