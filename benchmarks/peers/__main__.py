"""Make the result files of ``tests/data/peers`` again: ``python -m benchmarks.peers [PEER …]``. Minutes, and a package registry in reach.

Each tool is installed in an environment of its own under the cache, at the version below, and run over `questions` for three arms without
network, telemetry or model; its own file is kept. Two things are taken out of what they write: stack traces, which name this machine, and
the columns with MLflow's traces. What is over 30 kB is gzipped.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.questions import ARMS, questions
from evals import paths

HERE = Path(__file__).parent
KEPT = paths.ROOT / "tests" / "data" / "peers"
VERSIONS = {
    "promptfoo": "0.121.20",
    "deepeval": "4.3.1",
    "inspect-ai": "0.3.285",
    "lm-eval": "0.4.13",
    "mlflow": "3.17.2",
    "ragas": "0.4.3",
}
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "MLFLOW_DISABLE_TELEMETRY": "true", "RAGAS_DO_NOT_TRACK": "true", "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1", "USER": "plumb", "LOGNAME": "plumb",
}  # fmt: skip
SMALL = 30_000


def main() -> None:
    names = sys.argv[1:] or list(MAKERS)
    for name in names:
        folder = paths.cache() / "peers" / name
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir(parents=True)
        (folder / "work" / "questions.json").write_text(json.dumps(questions(), ensure_ascii=False), encoding="utf-8")
        for arm in ARMS:
            for path in MAKERS[name](folder, arm):
                print(f"{path.relative_to(paths.ROOT)}: {path.stat().st_size:,} bytes")


def run(command: list[str], cwd: Path, **environment: str) -> None:
    """Run a tool with its telemetry off and its home in `cwd`; its own exit status for a failed assertion (100) is no failure of ours."""
    everything = {**os.environ, **QUIET, "HOME": str(cwd), **environment}
    done = subprocess.run(command, cwd=cwd, env=everything, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode not in (0, 100):
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def python(folder: Path, package: str, extra: tuple[str, ...] = ()) -> str:
    """The Python of an environment that holds the package."""
    environment, uv = folder / "venv", str(paths.ROOT / ".venv" / "bin" / "uv")
    if not environment.exists():
        run([uv, "venv", "-q", str(environment), "--python", "3.11"], folder)
        run([uv, "pip", "install", "-q", "--python", str(environment), f"{package}=={VERSIONS[package]}", *extra], folder)
    return str(environment / "bin" / "python")


def program(folder: Path, package: str, name: str, *arguments: str, extra: tuple[str, ...] = (), **environment: str) -> Path:
    """Run one of the programs here in the work folder; the folder."""
    work = folder / "work"
    shutil.copy(HERE / f"{name}_program.py", work / "program.py")
    run([python(folder, package, extra), "program.py", *arguments], work, **environment)
    return work


def keep(source: Path, name: str) -> Path:
    """Copy a result to where tests read it, less stack traces."""
    path = KEPT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".eval":
        path.write_bytes(source.read_bytes())
        return path
    text = source.read_text(encoding="utf-8")
    text = re.sub(r'("(?:traceback|traceback_ansi|stack_trace)": ?)"(?:[^"\\]|\\.)*"', r'\1""', text)
    path = path if len(text.encode()) < SMALL else path.with_name(f"{path.name}.gz")
    data = text.encode()
    path.write_bytes(data if path.suffix != ".gz" else gzip.compress(data, mtime=0))
    return path


# ---------------------------------------------------------------------------------------------- one function a peer


def promptfoo(folder: Path, arm: str) -> list[Path]:
    work, tool = folder / "work", folder / "node_modules" / ".bin" / "promptfoo"
    if not tool.exists():
        run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"promptfoo@{VERSIONS['promptfoo']}"], folder)
    rows = questions()
    shutil.copy(HERE / "promptfoo_provider.js", work / "provider.js")
    (work / "answers.json").write_text(json.dumps({row["case"]: row[arm] for row in rows}), encoding="utf-8")
    (work / "config.json").write_text(json.dumps(promptfoo_config(arm, rows)), encoding="utf-8")
    flags = ["--no-cache", "--no-share", "--no-progress-bar", "--no-table"]
    run([str(tool), "eval", "-c", "config.json", "-o", f"{arm}.json", *flags], work, PROMPTFOO_CONFIG_DIR=str(work / "home"))
    return [keep(work / f"{arm}.json", f"promptfoo/{arm}.json")]


def promptfoo_config(arm: str, rows: list[dict[str, str]]) -> dict[str, object]:
    """One provider, one prompt, a test a question: the value must be in the answer, and the answer short."""
    tests = [
        {
            "vars": {name: row[name] for name in ("case", "question", "language", "product")},
            "assert": [
                {"type": "contains", "value": row["value"]},
                {"type": "javascript", "value": "output.length < 60", "metric": "short"},
            ],
        }
        for row in rows
    ]
    provider = {"id": "file://provider.js", "label": arm, "config": {"answers": "./answers.json"}}
    return {"description": "product details", "prompts": ["{{question}}"], "providers": [provider], "tests": tests}


def deepeval(folder: Path, arm: str) -> list[Path]:
    work = program(folder, "deepeval", "deepeval", arm, DEEPEVAL_RESULTS_FOLDER=f"results-{arm}")
    return [keep(next((work / f"results-{arm}").glob("test_run_*.json")), f"deepeval/{arm}.json")]


def inspect(folder: Path, arm: str) -> list[Path]:
    """The degraded arm as JSON only: its error carries a stack trace, which an archive would keep."""
    made = []
    for form in ("json",) if arm == "degraded" else ("eval", "json"):
        shutil.rmtree(folder / "work" / "logs", ignore_errors=True)
        work = program(folder, "inspect-ai", "inspect", arm, form)
        made.append(keep(next((work / "logs").glob(f"*.{form}")), f"inspect/{arm}.{form}"))
    return made


def lm_eval(folder: Path, arm: str) -> list[Path]:
    work = program(folder, "lm-eval", "lm_eval", arm, HF_DATASETS_CACHE="datasets")
    return [keep(next((work / "out" / arm).rglob("samples_*.jsonl")), f"lm_eval/{arm}/samples_product_details_2026-11-23T03-28-17.jsonl")]


def mlflow(folder: Path, arm: str) -> list[Path]:
    work = program(folder, "mlflow", "mlflow", arm)
    return [keep(work / f"{arm}.json", f"mlflow/{arm}.json"), keep(work / f"{arm}.csv", f"mlflow/{arm}.csv")]


def ragas(folder: Path, arm: str) -> list[Path]:
    floors = ("langchain-community==0.4.1", "instructor>=1.17", "rapidfuzz>=3.14")
    work = program(folder, "ragas", "ragas", arm, extra=floors)
    return [keep(work / f"{arm}.csv", f"ragas/{arm}.csv"), keep(work / f"{arm}.jsonl", f"ragas/{arm}.jsonl")]


MAKERS: dict[str, Callable[[Path, str], list[Path]]] = {
    "promptfoo": promptfoo,
    "deepeval": deepeval,
    "inspect": inspect,
    "lm_eval": lm_eval,
    "mlflow": mlflow,
    "ragas": ragas,
}

if __name__ == "__main__":
    main()
