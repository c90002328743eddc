"""What scoring costs besides the judge: ours and its peers on the same outputs before the same server; and our scorers without a judge.

Each peer runs in an environment of its own (under `evals.paths.cache`, made here, versions pinned), its telemetry switched off, in turn
with the others, and asks `peers.stub`, which answers at once or after a fixed wait. Overhead: wall time a sample less the wait (calls ×
wait ÷ requests in flight). The server's own work is not taken off, which is hardest on whoever is fastest.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.quality.data import Sets
from evals.claims import claims_of
from evals.languages import LANGUAGES
from evals.metric import Sample
from evals.metrics import METRICS
from evals.packs import pack
from evals.paths import ROOT, cache, inherited
from evals.records import Case, Output, Passage

OUTPUTS = int(os.environ.get("PLUMBLINE_THROUGHPUT_OUTPUTS") or 2_000)
ROUNDS = 3
CONCURRENCY = 8
WARM = len(LANGUAGES)  # samples before the clock starts, one of each language: imports on first use, connections, prompts
WAITS_MS = (0, 20)
OFFLINE = 400  # outputs of each group of languages for the scorers that need no judge
HERE = ROOT / "benchmarks" / "quality" / "peers"


@dataclass(frozen=True)
class Peer:
    """`packages`: what its environment holds; none for ours, which run in this one. `quiet`: what switches its telemetry off."""

    name: str
    program: tuple[str, ...]
    packages: tuple[str, ...]
    quiet: tuple[tuple[str, str], ...] = ()


_RAGAS = (("RAGAS_DO_NOT_TRACK", "true"),)
PEERS = (
    Peer("claim judge (ours)", ("ours.py", "claims"), ()),
    Peer("Ragas faithfulness through our adapter", ("ours.py", "ragas"), (), _RAGAS),
    Peer(
        "Ragas faithfulness",
        ("ragas_direct.py",),
        ("ragas==0.4.3", "langchain-community==0.4.1", "instructor==1.17.0", "openai==3.3.0", "rapidfuzz>=3.14"),
        _RAGAS,
    ),
    Peer(
        "DeepEval faithfulness",
        ("deepeval_faithfulness.py",),
        ("deepeval==4.3.1", "openai==3.3.0"),
        (("DEEPEVAL_TELEMETRY_OPT_OUT", "1"), ("DEEPEVAL_FILE_SYSTEM", "READ_ONLY"), ("ERROR_REPORTING", "0")),
    ),
    Peer("Inspect model_graded_fact", ("inspect_graded.py",), ("inspect-ai==0.3.285", "openai==3.4.0")),
)


@dataclass(frozen=True)
class Round:
    """One program over all samples. `worked_ms`: the server's own work a sample."""

    seconds: float
    calls: float
    worked_ms: float
    version: str
    scored: int


def figures(_sets: Sets) -> str:
    """Both tables. Raises CalledProcessError where a peer fails: a peer that does less would look fast."""
    return "\n".join([*_judged(), "", *_offline()])


# ---------------------------------------------------------------------------------------------- with a judge


def _judged() -> Iterator[str]:
    found: dict[tuple[str, int], list[Round]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="plumbline-throughput-") as folder:
        path = Path(folder) / "samples.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in samples(OUTPUTS)), encoding="utf-8")
        for wait_ms in WAITS_MS:
            with stub(wait_ms) as url:
                for turn in range(ROUNDS):
                    for peer in PEERS if turn % 2 == 0 else reversed(PEERS):
                        found[peer.name, wait_ms].append(_round(peer, url, path, folder))
    yield (
        f"{OUTPUTS:,} outputs in {len(LANGUAGES)} languages, {CONCURRENCY} requests in flight, medians of {ROUNDS} rounds in turn; "
        f"overhead: ms a sample less calls × wait ÷ {CONCURRENCY}."
    )
    yield ""
    yield "| scorer | version | calls a sample | " + " | ".join(f"overhead at {w} ms | × ours" for w in WAITS_MS) + " | server's own ms |"
    yield "|---|---|--:|" + "--:|--:|" * len(WAITS_MS) + "--:|"
    for peer in PEERS:
        yield _row(peer, found)


def _row(peer: Peer, found: dict[tuple[str, int], list[Round]]) -> str:
    first = found[peer.name, WAITS_MS[0]]
    cells = []
    for wait_ms in WAITS_MS:
        mine, ours = (_overhead_ms(found[name, wait_ms], wait_ms) for name in (peer.name, PEERS[0].name))
        cells.append(f"{mine:.2f} | {mine / ours:.1f}")
    worked = statistics.median(one.worked_ms for one in first)
    return f"| {peer.name} | {first[0].version} | {first[0].calls:.2f} | {' | '.join(cells)} | {worked:.2f} |"


def _overhead_ms(rounds: Sequence[Round], wait_ms: int) -> float:
    return statistics.median(1000 * one.seconds / OUTPUTS - one.calls * wait_ms / CONCURRENCY for one in rounds)


def _round(peer: Peer, url: str, path: Path, folder: str) -> Round:
    """One run of a peer's program, in a home of its own; its warm-up is taken off the calls."""
    _stats(url)
    name, *more = peer.program
    environment = inherited("PATH", "LANG") | {"HOME": folder, "PYTHONPATH": str(ROOT)} | dict(peer.quiet)
    command = [str(_python(peer)), str(HERE / name), url, str(path), str(CONCURRENCY), str(WARM), *more]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, cwd=folder, env=environment, check=True)
    got, served = json.loads(done.stdout.splitlines()[-1]), _stats(url)
    if got["scored"] != OUTPUTS:
        raise RuntimeError(f"{peer.name}: {got['scored']} of {OUTPUTS} outputs have a value")
    samples_asked = OUTPUTS + min(OUTPUTS, WARM)
    return Round(got["seconds"], served["calls"] / samples_asked, served["worked_ms"] / samples_asked, got["version"], got["scored"])


def _python(peer: Peer) -> Path:
    """The interpreter of a peer's environment, which is made or brought up to date first."""
    if not peer.packages:
        return Path(sys.executable)
    home = cache() / "peers" / peer.program[0].removesuffix(".py")
    made = home / "packages.json"
    if not made.exists() or json.loads(made.read_text()) != list(peer.packages):
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *peer.packages], check=True)
        made.write_text(json.dumps(peer.packages))
    return home / "bin" / "python"


@contextmanager
def stub(wait_ms: int) -> Iterator[str]:
    """The address of the judge's server, with ``/v1``."""
    server = subprocess.Popen([sys.executable, str(HERE / "stub.py"), str(wait_ms)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.terminate()
        server.wait()


def _stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/stats") as reply:
        return dict(json.load(reply))


def samples(count: int, tags: Sequence[str] = tuple(LANGUAGES)) -> list[dict[str, Any]]:
    """Questions, answers of two or three sentences and three passages each, of the language packs."""
    return [_sample(Random(number), tags[number % len(tags)]) for number in range(count)]


def _sample(random: Random, tag: str) -> dict[str, Any]:
    words = pack(tag)
    chosen = random.sample(list(words.aspects.values()), 3)
    contexts = [" ".join(random.sample([*aspect.positive, *aspect.negative, *aspect.neutral], 3)) for aspect in chosen]
    said = [random.choice(words.summary[random.choice(("most_positive", "mixed"))]).format(aspect=aspect.name) for aspect in chosen]
    asked = random.choice(words.ask["attribute"]).format(attribute=random.choice(list(words.attributes.values())))
    answer = " ".join(f"{text} [{number}]" for number, text in enumerate(said[: random.choice((2, 3))], 1))
    return {"language": tag, "question": asked, "answer": answer, "contexts": contexts}


# ---------------------------------------------------------------------------------------------- without a judge


def _offline() -> Iterator[str]:
    groups = {kind: [tag for tag, row in LANGUAGES.items() if row.words == kind] for kind in ("spaces", "characters")}
    material = {kind: [_as_sample(number, row) for number, row in enumerate(samples(OFFLINE, tags))] for kind, tags in groups.items()}
    claims = {kind: sum(len(said) for _, _, said in rows) for kind, rows in material.items()}
    yield f"Without a judge, on one core, claims a second (CPU time, best of {ROUNDS}); {OFFLINE} outputs of each group."
    yield ""
    yield "| scorer | languages with spaces | Chinese, Japanese |"
    yield "|---|--:|--:|"
    for name, metric in METRICS.items():
        metric.measure_many(material["spaces"][:4])
        rates = [claims[kind] / min(_cpu_s(metric, rows) for _ in range(ROUNDS)) for kind, rows in material.items()]
        yield f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} |"


def _as_sample(number: int, row: dict[str, Any]) -> Sample:
    tag = row["language"]
    case = Case(f"case-{number}", "assistant", "product", tag, "audio", {"question": row["question"]})
    places = tuple(Passage(at, "review", f"r{at}", tag, text, 0, len(text)) for at, text in enumerate(row["contexts"], 1))
    said = Output(f"output-{number}", "run", case.case_id, row["answer"], "ok", "now", places)
    return case, said, claims_of(said, tag)


def _cpu_s(metric: Any, rows: Sequence[Sample]) -> float:
    began = time.process_time()
    metric.measure_many(rows)
    return max(1e-9, time.process_time() - began)
