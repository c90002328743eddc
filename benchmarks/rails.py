"""What the rails find and what they cut by mistake: ``python -m benchmarks.rails``.

Data: public sets named by PLUMBLINE_SHARED (dev parts); their texts are read, never printed or copied. A recall here is the share of rows
of that set with a hit, nothing more: BIPIA's payloads are planted in honest English reviews, XSafety's goal hijacking is direct.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.languages import LANGUAGES
from evals.paths import shared_data
from guardrails import RAILS, Context

PII = {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "DOMAIN_NAME"}
BENIGN = {
    "reviews_airbnb": 1009,
    "reviews_b2w_pt": 991,
    "reviews_minibar": 1000,
    "reviews_laroseda_ro": 1000,
    "reviews_nolicence_nl_ar": 1000,
}
EVIDENCE = Context("assistant", "evidence")
INPUT = Context("assistant", "input")
SEED = 20_261_122


def rows(name: str) -> list[dict[str, Any]]:
    """The dev part of a public set."""
    with gzip.open(shared_data() / name / "dev" / "data.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def pii() -> Iterator[tuple[str, str]]:
    """Recall per kind of contact data, and hits that are none."""
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    extra = 0
    for row in rows("guard_pii"):
        spans = [span for span in row["spans"] if span["type"] in PII]
        hits = RAILS["contact"].check(row["text"], "en", EVIDENCE)
        for span in spans:
            wanted[span["type"]] += 1
            found[span["type"]] += any(hit.start < span["end"] and hit.end > span["start"] for hit in hits)
        extra += sum(not any(hit.start < span["end"] and hit.end > span["start"] for span in spans) for hit in hits)
    for kind in sorted(wanted):
        yield f"contact, guard_pii, recall of {kind}", share(found[kind], wanted[kind])
    yield "contact, guard_pii, hits that are none of these", str(extra)


def benign() -> Iterator[tuple[str, str]]:
    """How many honest reviews each rail objects to, and how fast it reads them."""
    for name, size in BENIGN.items():
        some = rows(name)
        random.Random(SEED).shuffle(some)
        some = some[:size]
        for rail in ("contact", "injection", "hidden"):
            began = time.perf_counter()
            hits = sum(bool(RAILS[rail].check(row["text"], row["lang"], EVIDENCE)) for row in some)
            yield f"{rail}, {name}, honest reviews hit", f"{share(hits, len(some))}, {len(some) / (time.perf_counter() - began):,.0f}/s"


def wrong_language() -> Iterator[tuple[str, str]]:
    """Reviews in the language their set declares: a hit is a mistake of ours or of the set. Then the same reviews under another name."""
    some = [row for row in rows("reviews_airbnb") + rows("reviews_b2w_pt") if row["lang"] in LANGUAGES and len(row["text"]) >= 40]
    random.Random(SEED).shuffle(some)
    context = Context("highlights", "output")
    hits = sum(bool(RAILS["language"].check(row["text"], row["lang"], context)) for row in some[:2000])
    yield "language, airbnb + b2w as declared, hit", share(hits, len(some[:2000]))
    other = sum(bool(RAILS["language"].check(row["text"], "en" if row["lang"] != "en" else "de", context)) for row in some[:2000])
    yield "language, the same under another language, hit", share(other, len(some[:2000]))


def attacks() -> Iterator[tuple[str, str]]:
    """Planted and direct attacks, and benign prompts full of trigger words."""
    everything = rows("guard_injection_en")
    hosts = [row["text"] for row in rows("reviews_minibar") if row["lang"] == "en"]
    random.Random(SEED).shuffle(hosts)
    planted = [row["text"] for row in everything if row["dataset"] == "bipia_text_attack"]
    texts = [f"{host} {payload}" for host, payload in zip(hosts, planted, strict=False)]
    yield "injection, BIPIA payloads planted in reviews, recall", hit(texts, "en", EVIDENCE)
    for name, what in (("inthewild_jailbreak", "recall"), ("notinject", "benign prompts hit"), ("xstest", "prompts hit")):
        yield f"injection, {name}, {what}", hit([row["text"] for row in everything if name in row["dataset"]], "en", INPUT)
    by_language: dict[str, list[str]] = {}
    for row in rows("guard_multilingual_attacks"):
        if row["category"] == "Goal_Hijacking" and row["lang"] in LANGUAGES:
            by_language.setdefault(row["lang"], []).append(row["text"])
    for tag, some in sorted(by_language.items()):
        yield f"injection, XSafety goal hijacking, {tag}, recall", hit(some, tag, INPUT)


def hit(texts: Sequence[str], tag: str, context: Context) -> str:
    """Share of the texts to which the injection rail objects."""
    return share(sum(bool(RAILS["injection"].check(text, tag, context)) for text in texts), len(texts))


def long_lines() -> Iterator[tuple[str, str]]:
    """Seconds for one line of 1 MB, the worst of the shapes that once were slow."""
    shapes = ("a", "a@", "AB12 ", "ignore all previous instructions ", "a\u200b", "0171-5550199 call ", "İ", "“")
    for name, rail in RAILS.items():
        worst = 0.0
        for shape in shapes:
            text = shape * (1_000_000 // len(shape))
            began = time.process_time()
            rail.check(text, "en", Context("assistant", max(rail.targets)))
            worst = max(worst, time.process_time() - began)
        yield f"{name}, one line of 1 MB, CPU seconds at worst", f"{worst:.2f}"


def share(part: int, whole: int) -> str:
    """``3/4 (75.0 %)``."""
    return f"{part}/{whole} ({100 * part / whole:.1f} %)" if whole else "no rows"


PARTS: Mapping[str, Any] = {"pii": pii, "benign": benign, "language": wrong_language, "attacks": attacks, "long lines": long_lines}


def main() -> int:
    """Prints a Markdown table; 0, or 1 where the public data is not there."""
    if not (shared_data() / "guard_pii").is_dir():
        print(f"the public data is not at {shared_data()}: set PLUMBLINE_SHARED", file=sys.stderr)
        return 1
    print("| what | figure |\n|---|---|")
    for part in PARTS.values():
        for what, figure in part():
            print(f"| {what} | {figure} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
