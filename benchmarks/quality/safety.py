"""What the rails for harm, topic, other stores, offers, health and contradicted claims find, and what they mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.quality import benign
from benchmarks.quality.benign import Benign
from benchmarks.quality.data import Row, Sets, share, shown
from benchmarks.quality.linear import is_harm, model_for
from evals.languages import LANGUAGES
from evals.records import Passage
from guardrails.base import Context, Rail
from guardrails.commerce import COMPETITOR, OFFER
from guardrails.grounding import GROUNDING
from guardrails.health import HEALTH
from guardrails.topic import TOPIC
from guardrails.unsafe import UNSAFE, requests

INPUT = Context("assistant", "input")
OUTPUT = Context("assistant", "output")


def figures(sets: Sets) -> str:
    """Tables of requests for harm, of topics, and of what is said in answers and reviews."""
    attacks = sets.rows("guard_multilingual_attacks", lambda row: row["lang"] in LANGUAGES)
    reviews = list(benign.reviews(sets))
    shop, world = list(benign.shop_questions(sets)), list(benign.world_questions(sets))
    return "\n".join([*_harm(sets, attacks, reviews, shop, world), "", *_topics(shop, world), "", *_outputs(sets, reviews)])


def asks_harm(text: str, language: str, group: str) -> bool:
    """Does the rail object to a question, with a model that has not seen the group?"""
    return any(True for _ in requests(text, language, model_for("unsafe", group)))


# ---------------------------------------------------------------------------------------------- harm


def _harm(sets: Sets, attacks: Sequence[Row], reviews: Sequence[Benign], shop: Sequence[Benign], world: Sequence[Benign]) -> Iterator[str]:
    bad = [(row["lang"], _category(row), row["group"], asks_harm(row["text"], row["lang"], row["group"])) for row in attacks]
    fine = {name: _touched(texts, asks_harm) for name, texts in (("reviews", reviews), ("shop", shop), ("world", world))}
    wanted = {_category(row) for row in attacks if is_harm(row)}
    yield "| language | harm found | requests | benign reviews hit | reviews | world questions hit | questions |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for tag in LANGUAGES:
        mine = [(group, found) for language, category, group, found in bad if language == tag and category in wanted]
        cells = [_cell(mine, 1), _count(mine)]
        for name in ("reviews", "world"):
            texts = [(group, found) for language, group, found in fine[name] if language == tag]
            cells += [_cell(texts), _count(texts)]
        yield f"| {tag} | {' | '.join(cells)} |"
    yield ""
    yield f"Shop questions (en) hit: {_cell([(group, found) for _, group, found in fine['shop']])} of {len(shop):,}."
    yield ""
    yield "| category, all languages | hit | requests |"
    yield "|---|--:|--:|"
    for name in sorted({category for _, category, _, _ in bad}):
        some = [(group, found) for _, category, group, found in bad if category == name]
        yield f"| {name} | {_cell(some, 1)} | {_count(some)} |"
    for label in ("attack", "benign"):
        rows = sets.rows("guard_injection_en", lambda row, label=label: (row["dataset"], row["label"]) == ("xstest", label))
        some = [(row["group"], asks_harm(row["text"], "en", row["group"])) for row in rows]
        yield f"| XSTest, {'unsafe' if label == 'attack' else 'safe, sounds unsafe'} (en) | {_cell(some, 1)} | {_count(some)} |"


def _category(row: Row) -> str:
    if row["dataset"] == "multijail":
        return "MultiJail"
    kind = "" if is_harm(row) else " (benign probe)" if row["label"] != "attack" else " (the injection rail's)"
    return f"XSafety {row['category'].replace('_', ' ').lower()}{kind}"


# ---------------------------------------------------------------------------------------------- topic and outputs


def _topics(shop: Sequence[Benign], world: Sequence[Benign]) -> Iterator[str]:
    yield "| topic rail | hit | texts |"
    yield "|---|--:|--:|"
    for name, texts in (("shop questions (en)", shop), ("questions about the world, 12 languages", world)):
        found = [(one.group, bool(TOPIC.check(one.text, one.language, INPUT))) for one in texts]
        yield f"| {name} | {_cell(found, 1)} | {_count(found)} |"


def _outputs(sets: Sets, reviews: Sequence[Benign]) -> Iterator[str]:
    answers = [(answer, row) for row in sets.rows("shopqa_pqa") for answer in {one.get("answer") for one in row["candidates"]} - {None, ""}]
    tags = [tag for tag in LANGUAGES if sum(one.language == tag for one in reviews) >= benign.FEW]
    rails: tuple[Rail, ...] = (COMPETITOR, OFFER, HEALTH, GROUNDING, UNSAFE)
    yield f"| output | {' | '.join(rail.name for rail in rails)} | texts |"
    yield f"|---|{'--:|' * (len(rails) + 1)}"
    cells = []
    for rail in rails:
        found = [(row["group"], bool(rail.check(answer, "en", _context(row)))) for answer, row in answers]
        cells.append(_cell(found, 1))
    yield f"| people's answers with their evidence (en) | {' | '.join(cells)} | {len(answers):,} |"
    for tag in tags:
        texts = [one for one in reviews if one.language == tag]
        cells = []
        for rail in rails:
            found = [(one.group, bool(rail.check(one.text, tag, OUTPUT))) for one in texts]
            cells.append("" if rail is GROUNDING else _cell(found, 1))
        yield f"| reviews, as if said without evidence ({tag}) | {' | '.join(cells)} | {len(texts):,} |"


def _context(row: Row) -> Context:
    return Context(
        "assistant",
        "output",
        passages=tuple(
            Passage(n, "attribute" if one["source"] == "attribute" else "review", str(n), "en", one["text"], 0, len(one["text"]))
            for n, one in enumerate(row["candidates"], 1)
        ),
    )


def _touched(texts: Iterable[Benign], test: Callable[[str, str, str], bool]) -> list[tuple[str, str, bool]]:
    return [(one.language, one.group, test(one.text, one.language, one.group)) for one in texts]


def _cell(found: Sequence[tuple[str, bool]], least: int = benign.FEW) -> str:
    if len(found) < least:
        return "*unverified*"
    return shown(share([float(hit) for _, hit in found], [group for group, _ in found]))


def _count(found: Sequence[object]) -> str:
    return f"{len(found):,}" if found else ""
