"""The scripts that play annotators: they read every sentence our patterns can make, and err as often as they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import accounts
from annotators.labeling import RUBRICS, counts_line
from annotators.labeling.reading import judge, read
from annotators.simulation import simulated
from annotators.simulation.replies import WAYS, reply
from evals.bands import BANDS, band
from evals.packs import pack
from evals.paths import DATA
from evals.records import Arm, AspectRow, ClaimVerdict, Feature, QueueItem

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


def item(rubric: str, first: Arm | None = None, number: int = 1, feature: Feature = "highlights", **data: str) -> QueueItem:
    item_id = f"item-{number}"
    shown = {"item_id": item_id, "language": "en", **data}
    queue, subject = f"{feature}/en/{rubric}", f"subject-{number}"
    return QueueItem(item_id, queue, feature, "en", rubric, subject, "random audit", 1.0, 1, NOW, shown, first=first)


def says(item: QueueItem) -> str:
    """What somebody who never errs replies."""
    return reply(item, lambda _: 1.0, 0.0).verdict


WORDS = pack("en")
SOUND = WORDS.aspects["sound"].name
EVIDENCE = counts_line(SOUND, ROWS[0], "en") + "\n\n[1] The sound is clear and rich."
TRUE, REVERSED = (WORDS.summary[key][0].format(aspect=SOUND) for key in ("most_positive", "most_negative"))
MISCOUNTED = WORDS.summary["counts_positive"][0].format(aspect=SOUND, positive=13, total=14)
UNHEARD = WORDS.summary["mixed"][0].format(aspect=WORDS.aspects["noise"].name)
ANSWER_EVIDENCE = "[1] Weight: 1.2 kg\n[2] The quality is excellent, much better than I expected."


def test_every_rubric_can_be_answered() -> None:
    assert WAYS.keys() == RUBRICS.keys()


@pytest.mark.parametrize("rubric", ["claim-v1", "claim-v2", "adjudication-v1"])
def test_claims_are_read_and_the_words_that_decide_are_marked_where_the_page_asks(rubric: str) -> None:
    said = reply(item(rubric, claim=TRUE + " [1]", evidence=EVIDENCE, votes="1: Supported"), lambda _: 1.0, 0.0)
    assert said.verdict == "grounded" and not said.is_wrong
    answer = RUBRICS[rubric].read(said.result, {"evidence": EVIDENCE}, None)
    marked = [EVIDENCE[start:end] for start, end in answer.detail.get("spans", ())]
    assert marked == ([EVIDENCE.split("\n")[0]] if rubric == "claim-v2" else [])
    cited = reply(item("claim-v2", claim="Weight: 1.2 kg. [1]", evidence=ANSWER_EVIDENCE, question="?"), lambda _: 1.0, 0.0)
    (span,) = RUBRICS["claim-v2"].read(cited.result, {"evidence": ANSWER_EVIDENCE}, None).detail["spans"]
    assert ANSWER_EVIDENCE[slice(*span)] == "[1] Weight: 1.2 kg"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (TRUE, "none"),
        (f"{TRUE} {REVERSED}", "wrong_sentiment"),
        (f"{MISCOUNTED} {TRUE}", "wrong_about_review"),
        (UNHEARD, "wrong_about_review"),
        (f"{REVERSED} {UNHEARD}", "wrong_about_review+wrong_sentiment"),
        ("It can fly to the moon.", "wrong_about_review"),
    ],
)
def test_what_is_wrong_with_a_summary_follows_from_its_claims(text: str, verdict: str) -> None:
    assert says(item("failures-v1", text=text, evidence=EVIDENCE)) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Weight: 1.2 kg. [1]", "none"),
        ("Weight: 1.3 kg. [1]", "wrong_about_fact"),
        ("Quality: reviewers are disappointed. [2]", "wrong_sentiment"),
        ("It can fly to the moon.", "wrong_about_fact"),
        ("One reviewer writes: “It broke at once” [2]", "wrong_about_review"),
        (WORDS.answer["unknown"][0], "not_helpful"),
    ],
)
def test_what_is_wrong_with_an_answer_follows_from_its_claims(text: str, verdict: str) -> None:
    assert says(item("failures-v1", feature="assistant", text=text, evidence=ANSWER_EVIDENCE, question="?")) == verdict


@pytest.mark.parametrize("first", ["champion", "candidate"])
def test_of_two_texts_the_one_with_fewer_false_claims_is_better_whoever_is_shown_first(first: Arm) -> None:
    other: Arm = "candidate" if first == "champion" else "champion"
    texts = {"good": TRUE, "one": f"{TRUE} {REVERSED}", "two": f"{REVERSED} {UNHEARD}"}

    def prefers(a: str, b: str) -> str:
        both = {"text_a": texts[a], "text_b": texts[b], "evidence_a": EVIDENCE, "evidence_b": EVIDENCE}
        return says(item("preference-v1", first, **both))

    assert prefers("good", "good") == "tie"
    assert prefers("good", "one") == f"{first}_better" and prefers("one", "good") == f"{other}_better"
    assert prefers("two", "good") == f"{other}_much_better" and prefers("good", "two") == f"{first}_much_better"


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Weight: 1.2 kg. [1]", "supports"),
        ("Weight: 5 kg. [1]", "does_not_support"),
        ("Color: red. [1]", "does_not_support"),
        (WORDS.answer["unknown"][0], "cannot_tell"),
    ],
)
def test_a_citation_is_read_against_its_passage(sentence: str, verdict: str) -> None:
    data = {"sentence": sentence, "passage": "Weight: 1.2 kg", "question": "?"}
    assert says(item("citation-v1", feature="assistant", **data)) == verdict


def rewritten(text: str, evidence: str = EVIDENCE, **data: str) -> str:
    task = item("rewrite-v1", feature="assistant" if "question" in data else "highlights", text=text, evidence=evidence, **data)
    said = reply(task, lambda _: 1.0, 0.0)
    answer = RUBRICS["rewrite-v1"].read(said.result, task.data, None)
    assert said.verdict == answer.verdict == ("unchanged" if answer.detail["text"] == text else "rewritten")
    return str(answer.detail["text"])


def test_a_rewrite_keeps_what_the_evidence_supports() -> None:
    assert rewritten(TRUE) == TRUE
    assert rewritten(f"{TRUE} [1] {REVERSED} [1]") == f"{TRUE} [1]"
    assert rewritten(f"{UNHEARD} {TRUE}") == TRUE
    assert rewritten(UNHEARD) == "The sound is clear and rich."
    assert rewritten("Weight: 5 kg. [1]", ANSWER_EVIDENCE, question="?") == WORDS.answer["unknown"][0]
    assert rewritten(UNHEARD, "–") == UNHEARD


TASKS: list[tuple[str, dict[str, str]]] = [
    ("claim-v2", {"claim": TRUE, "evidence": EVIDENCE}),
    ("adjudication-v1", {"claim": REVERSED, "evidence": EVIDENCE, "votes": ""}),
    ("failures-v1", {"text": TRUE, "evidence": EVIDENCE}),
    ("failures-v1", {"text": REVERSED, "evidence": EVIDENCE}),
    ("preference-v1", {"text_a": TRUE, "text_b": REVERSED, "evidence_a": EVIDENCE, "evidence_b": EVIDENCE}),
    ("preference-v1", {"text_a": TRUE, "text_b": TRUE, "evidence_a": EVIDENCE, "evidence_b": EVIDENCE}),
    ("citation-v1", {"sentence": "Weight: 1.2 kg.", "passage": "Weight: 1.2 kg", "question": "?"}),
    ("rewrite-v1", {"text": f"{TRUE} {REVERSED}", "evidence": EVIDENCE}),
    ("rewrite-v1", {"text": f"{TRUE} {TRUE}", "evidence": EVIDENCE}),
]


@pytest.mark.parametrize(("rubric", "data"), TASKS)
def test_they_err_at_their_known_rate_and_always_in_the_same_places(rubric: str, data: dict[str, str]) -> None:
    right, tries = says(item(rubric, "champion", **data)), 1500
    for who in (*simulated.team("en", 3), simulated.expert("en")):
        said = [who.reply(item(rubric, "champion", i, **data), seed=1) for i in range(tries)]
        wrong = sum(one.is_wrong for one in said) / tries
        assert wrong == pytest.approx(who.error_rate, abs=4 * (who.error_rate / tries) ** 0.5)
        assert all(one.verdict in RUBRICS[rubric].scale for one in said)
        assert rubric == "rewrite-v1" or all((one.verdict != right) == one.is_wrong for one in said)
        assert said[:200] == [who.reply(item(rubric, "champion", i, **data), seed=1) for i in range(200)]


def test_no_mistake_is_made_where_none_is_possible() -> None:
    said = reply(item("rewrite-v1", text=TRUE, evidence=EVIDENCE), lambda _: 0.0, 1.0)
    assert (said.verdict, said.is_wrong) == ("unchanged", False)


def test_they_are_called_simulated_wherever_a_name_is_kept() -> None:
    for who in (*simulated.team("ja"), simulated.expert("ja")):
        record = who.annotator()
        assert record.simulated and record.name.startswith("Simulated annotator ") and accounts.is_simulated(record.email)
        assert record.expert == (who.role == "expert")
    assert not accounts.is_simulated("sim-ja-1@example.com")
