"""What people read of an evaluation: lines of results, and the report, made of all that the run directory holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from stages.artifacts.answer_files import SCHEMA as PLANNER
from stages.artifacts.answer_files import planner_summary
from stages.artifacts.files import parent, read_header
from stages.artifacts.run import RunDirectory
from stages.core.progress import Progress
from stages.evaluation.report import ORACLE, Clip, Report, render
from stages.evaluation.results import success_tables
from stages.rollouts.jobs import LEVELS, TEST_LEVELS
from stages.rollouts.seeds import evaluation_seed
from stages.rollouts.storage import SCHEMA, RolloutFile, read_rollouts
from stages.settings.evaluate import EvaluateConfig
from stages.viewing.videos import chosen, film, video_folder, video_path


def variant_name(policy: str, oracle: Sequence[str], instructions: str) -> str:
    """What is different about rollouts: which answers were replaced, or who acted, and the wordings; may be empty."""
    what = "expert" if policy == "expert" else "+".join([ORACLE, *oracle]) if oracle else ""
    return "-".join(part for part in (what, instructions.replace("training", "")) if part)


def rollout_path(run: RunDirectory, level: str, variant: str = "") -> Path:
    """Where the rollouts of a level are; `variant` as of `variant_name`."""
    path = run.rollouts(level)
    return path.with_name(f"{path.stem}-{variant}.h5") if variant else path


def planner_path(run: RunDirectory, level: str, instructions: str) -> Path:
    """Where the answers of the planner alone are, to instructions of some wordings' name."""
    path = run.planner(level)
    return path if instructions == "training" else path.with_name(f"{path.stem}-{instructions}.h5")


def write_outputs(run: RunDirectory, config: EvaluateConfig, progress: Progress) -> None:
    """Write `results.jsonl`, `gembench/` and `report.html` from everything in the run that was evaluated."""
    files = {variant: _files(run, variant) for variant in ["", "expert", *_variants(run)]}
    main = files[""] or files["expert"]
    planners = _planner_files(run)
    headers = [file.header for file in main] or [read_header(path, PLANNER)[0] for path in planners]
    if main:
        _write_lines(run.results, (line for file in main for line in result_lines(file)))
    _write_gembench(run.root / "gembench", main)
    report = Report(
        name=run.root.resolve().name,
        policy="the simulator's expert" if not files[""] and main else "CLAP",
        created=datetime.now().strftime("%Y-%m-%d %H:%M"),
        results=[result for file in main for result in file.results],
        ablations={
            name: [r for f in files[name] for r in f.results]
            for name in files
            if name and files[name] != main and files[name]
        },
        latency={file.summary["split"]: file.summary["seconds"] for file in main},
        clips=[clip for file in main for clip in _clips(file, run, config, progress)],
        untrained={file.summary["split"]: file.summary["untrained"] for file in main},
        planner=[planner_summary(path) for path in planners],
        lineage=_lineage(main, planners),
        config=next(iter(headers)).config if headers else {},
    )
    _write_text(run.report, render(report))


def result_lines(file: RolloutFile) -> Iterable[dict]:
    """One line an episode: the fields of GemBench's client, and those that its summary script reads."""
    for result in file.results:
        yield {
            "episode_id": result.episode,
            "instr": result.instruction,
            "success": float(result.success),
            "error": result.error,
            "nsteps": result.steps_taken,
            "task": result.task,
            "variation": result.variation,
            "level": result.level,
            "checkpoint": file.summary["checkpoint"],
            "sr": float(result.success),
            "failure": result.failure or None,
        }


def seed_lines(file: RolloutFile, seed: int) -> Iterable[dict]:
    """One line a variation of an evaluation seed, as the benchmark writes it: {checkpoint, task, variation, sr}."""
    results = [result for result in file.results if evaluation_seed(result.seed) == seed]
    for level in success_tables(results)["levels"].values():
        for name, rate in level["variations"].items():
            task, variation = name.rsplit("+", 1)
            line = {"checkpoint": file.summary["checkpoint"], "task": task, "variation": int(variation)}
            yield line | {"sr": rate["rate"]}


def _write_gembench(folder: Path, files: list[RolloutFile]) -> None:
    """`seed<S>/results.jsonl` of every evaluation seed: the folder that the benchmark's summary script reads."""
    tested = [file for file in files if file.summary["split"] in TEST_LEVELS]
    for seed in sorted({evaluation_seed(result.seed) for file in tested for result in file.results}):
        target = folder / f"seed{seed}"
        target.mkdir(parents=True, exist_ok=True)
        _write_lines(target / "results.jsonl", (line for file in tested for line in seed_lines(file, seed)))


def _variants(run: RunDirectory) -> list[str]:
    """Names of the variants that there are rollouts of."""
    beginnings = [run.rollouts(level).stem + "-" for level in LEVELS]
    stems = [path.stem for path in sorted(run.root.glob("rollouts-*.h5"))]
    return list(dict.fromkeys(stem.removeprefix(one) for stem in stems for one in beginnings if stem.startswith(one)))


def _files(run: RunDirectory, variant: str) -> list[RolloutFile]:
    paths = [rollout_path(run, level, variant) for level in LEVELS]
    return [read_rollouts(path) for path in paths if path.exists()]


def _clips(file: RolloutFile, run: RunDirectory, config: EvaluateConfig, progress: Progress) -> list[Clip]:
    digest, folder = parent(file.path, SCHEMA).sha256, run.root / "videos"
    film(file, digest, folder, config, progress)
    target = video_folder(file.path, digest, folder)
    wanted = chosen(file.results, config.videos)
    return [Clip(result, video_path(target, result.index).read_bytes()) for result in wanted]


def _planner_files(run: RunDirectory) -> list[Path]:
    paths = [path for level in LEVELS for path in run.root.glob(f"{run.planner(level).stem}*.h5")]
    return sorted(paths, key=lambda path: (planner_summary(path)["instructions"] != "training", path.stem))


def _lineage(files: list[RolloutFile], planners: list[Path]) -> list[tuple[str, str, str, str]]:
    made = [(file.path, file.header) for file in files] + [(path, read_header(path, PLANNER)[0]) for path in planners]
    rows = [(path.stem, header.schema, parent(path, header.schema).sha256, str(path)) for path, header in made]
    parents = {p.sha256: (Path(p.path).name, p.schema, p.sha256, p.path) for _, header in made for p in header.parents}
    return rows + list(parents.values())


def _write_lines(path: Path, lines: Iterable[dict]) -> None:
    _write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
