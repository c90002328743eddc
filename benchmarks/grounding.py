"""How the `grounded` metric agrees with people: ``python -m benchmarks.grounding``.

Data: MEMERAG (dev part, named by PLUMBLINE_SHARED): answer sentences in five languages with human verdicts and evidence. The metric
sees words only, and these answers paraphrase: expect a weak signal, here to be known rather than shown off. Balanced accuracy at the
shipped threshold, and the area under the curve of the coverage that the threshold cuts.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter

from evals.claims import claims_of
from evals.grounding.passages import coverage
from evals.metrics import METRICS
from evals.paths import shared_data
from evals.records import Case, Output, Passage


def verdict(language: str, said: str, source: str) -> float | None:
    """1 where every claim that can be checked is grounded, 0 where one is not, None where none can be."""
    passage = Passage(1, "qa", "source", language, source, 0, len(source))
    output = Output("o", "r", "c", said, "ok", "now", (passage,))
    case = Case("c", "assistant", "p", language, "wikipedia", {"question": ""})
    values = [score.value for score in METRICS["grounded"].measure(case, output, claims_of(output, language)) if score.value is not None]
    return min(values) if values else None


def area(pairs: list[tuple[float, int]]) -> float:
    """Chance that a supported sentence has the higher coverage (Mann-Whitney; ties count half)."""
    good = [value for value, label in pairs if label == 1]
    bad = [value for value, label in pairs if label == 0]
    return sum((g > b) + 0.5 * (g == b) for g in good for b in bad) / (len(good) * len(bad))


def main() -> int:
    """Prints a Markdown table; 0, or 1 where the public data is not there."""
    path = shared_data() / "grounding_memerag" / "dev" / "data.jsonl.gz"
    if not path.exists():
        print(f"the public data is not at {shared_data()}: set PLUMBLINE_SHARED", file=sys.stderr)
        return 1
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["label"] in (0, 1)]
    print("| language | sentences | supported | recall of supported | recall of others | balanced accuracy | area | no value |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for tag in sorted({row["lang"] for row in rows}):
        some = [row for row in rows if row["lang"] == tag]
        found = [(verdict(tag, row["output"], row["source"]), row["label"]) for row in some]
        counts = Counter(found)
        right, wrong = (counts[value, int(value)] / max(1, sum(counts[v, int(value)] for v in (0.0, 1.0))) for value in (1.0, 0.0))
        curve = area([(coverage(row["output"], row["source"], tag), row["label"]) for row in some])
        cells = (f"{right:.2f}", f"{wrong:.2f}", f"{(right + wrong) / 2:.2f}", f"{curve:.2f}", sum(value is None for value, _ in found))
        print(f"| {tag} | {len(some)} | {sum(label for _, label in found)} | {' | '.join(map(str, cells))} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
