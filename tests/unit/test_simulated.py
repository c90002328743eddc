"""The scripts that play annotators: they read every sentence our patterns can make, and err as often as they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import NOW, a_store, two_runs

from annotators import people, simulated
from annotators.labeling import counts_line
from annotators.queues import enqueue
from annotators.reading import judge, read
from evals.bands import BANDS, band
from evals.packs import pack
from evals.paths import DATA
from evals.records import AspectRow, ClaimVerdict, Feature

PACKS = sorted(path.stem for path in Path(DATA / "languages").glob("*.yaml"))
ROWS = [AspectRow("sound", p, 1, n, p + n + 1) for p, n in ((12, 2), (2, 1), (6, 6), (1, 2), (2, 12), (0, 0))]


def task(claim: str, evidence: str, language: str = "en", feature: Feature = "highlights") -> dict[str, str]:
    data = {"item_id": "item-1", "language": language, "claim": claim, "evidence": evidence}
    return data | ({"question": "?", "answer": claim} if feature == "assistant" else {})


@pytest.mark.parametrize("tag", PACKS)
def test_every_sentence_of_the_patterns_is_read_back_to_its_meaning(tag: str) -> None:
    words = pack(tag)
    for key, texts in words.summary.items():
        for text in texts:
            for aspect, row in words.aspects.items():
                meanings = read(text.format(aspect=row.name, positive=3, total=9) + " [1][2]", tag, "highlights")
                assert any(m.key == key and m.slots["aspect"] == aspect for m in meanings), (text, aspect)
    for attribute, name in words.attributes.items():
        for text in words.answer["attribute"]:
            meanings = read(text.format(attribute=name, value="1.2 kg"), tag, "assistant")
            assert any(m.slots == {"attribute": attribute, "value": "1.2 kg"} for m in meanings), (text, attribute)


@pytest.mark.parametrize("tag", PACKS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"+{row.positive}-{row.negative}")
def test_a_highlight_is_grounded_exactly_when_the_counts_deserve_its_sentence(tag: str, row: AspectRow) -> None:
    words = pack(tag)
    evidence = counts_line(words.aspects["sound"].name, row, tag)
    for key in BANDS:
        verdict = judge(task(words.summary[key][0].format(aspect=words.aspects["sound"].name) + " [1]", evidence, tag))
        assert (verdict == "grounded") == (key == band(row)), (key, row)
    for positive, total in ((row.positive, row.positive + row.negative), (row.positive + 1, row.positive + row.negative)):
        text = words.summary["counts_positive"][0].format(aspect=words.aspects["sound"].name, positive=positive, total=total)
        assert judge(task(text, evidence, tag)) == ("grounded" if positive == row.positive else "contradicted")


def test_a_highlight_about_something_nobody_mentions_is_unsupported() -> None:
    evidence = counts_line("Sound quality", ROWS[0], "en") + "\n\n[1] Great sound."
    assert judge(task(pack("en").summary["mixed"][0].format(aspect=pack("en").aspects["noise"].name), evidence)) == "unsupported"
    assert judge(task("It can fly to the moon.", evidence)) == "unsupported"


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Weight: 1.2 kg. [1]", "grounded"),
        ("Weight: 11.2 kg. [1]", "contradicted"),
        ("Weight: 1.2. [1]", "grounded"),
        ("Weight: 2 kg. [1]", "contradicted"),
        ("Color: red. [1]", "unsupported"),
        ("One reviewer writes: “The quality is excellent” [2]", "grounded"),
        ("One reviewer writes: “The quality is poor” [2]", "unsupported"),
        ("Quality: reviewers are satisfied. [2]", "grounded"),
        ("Quality: reviewers are disappointed. [2]", "contradicted"),
        ("Noise: reviewers are satisfied. [2]", "unsupported"),
        ("The reviews and product details do not answer this question.", "not_checkable"),
    ],
)
def test_an_answer_is_compared_with_the_passages_shown(claim: str, verdict: ClaimVerdict) -> None:
    evidence = "[1] Weight: 1.2 kg\n[2] The quality is excellent, much better than I expected."
    assert judge(task(claim, evidence, feature="assistant")) == verdict


@pytest.mark.parametrize("feature", ["highlights", "assistant"])
def test_without_errors_the_scripts_find_exactly_the_planted_lies(feature: Feature) -> None:
    store = a_store()
    runs = two_runs(store, ("ar", "en", "hi", "ja"), feature=feature, products=2, claims=4, wrong_every=4)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    assert all(judge(item.data) == "grounded" for item in store.queue.items(run_id=runs.champion.run_id))
    candidate = [judge(item.data) for item in store.queue.items(run_id=runs.candidate.run_id)]
    assert candidate.count("grounded") == 24 and len(candidate) == 32


def test_they_err_at_their_known_rate_and_always_in_the_same_places() -> None:
    evidence = counts_line(pack("en").aspects["sound"].name, ROWS[0], "en")
    data = task(pack("en").summary["most_positive"][0].format(aspect=pack("en").aspects["sound"].name), evidence)
    for who in simulated.team("en"):
        said = [who.verdict(data | {"item_id": f"item-{i}"}, seed=1) for i in range(3000)]
        wrong = sum(verdict != "grounded" for verdict in said) / len(said)
        assert wrong == pytest.approx(who.error_rate, abs=4 * (who.error_rate / 3000) ** 0.5)
        assert said == [who.verdict(data | {"item_id": f"item-{i}"}, seed=1) for i in range(3000)]
        assert "not_checkable" not in said and {"contradicted", "unsupported"} <= set(said)


def test_they_are_called_simulated_wherever_a_name_is_kept() -> None:
    for who in simulated.team("ja"):
        record = who.annotator()
        assert record.simulated and record.name.startswith("Simulated annotator ") and people.is_simulated(record.email)
    assert not people.is_simulated("sim-ja-1@example.com")
