"""The table and the pool of quotations: parts add up to the whole, and memory does not grow with the number of reviews."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evals.records import Polarity, Review
from runner.highlights.mentions import Mention, Opinion, opinions
from runner.highlights.snippets import KEPT, Candidate, SnippetPool, choose, majority, quality
from runner.highlights.table import AspectTable

ASPECTS = ["sound", "battery", "design"]
VALUES: dict[Polarity, float] = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}


@st.composite
def a_reviews_opinions(draw: st.DrawFn) -> list[Opinion]:
    names = draw(st.lists(st.sampled_from(ASPECTS), unique=True, max_size=3))
    return [an_opinion(name, draw(st.sampled_from(sorted(VALUES))), draw(st.integers(1, 60))) for name in names]


def an_opinion(aspect: str, side: Polarity, number: int = 1) -> Opinion:
    text = f"The {aspect} is number {number}, {side}."
    return Opinion(aspect, side, (Mention(aspect, text, 0, len(text), VALUES[side], True, False),))


def read(group: list[tuple[int, list[Opinion]]]) -> tuple[AspectTable, SnippetPool]:
    table, pool = AspectTable(), SnippetPool("en")
    for number, found in group:
        table.add(found)
        pool.add(Review(f"review-{number}", "p", "en", "…"), found)
    return table, pool


def kept(pool: SnippetPool) -> dict[tuple[str, str], list[Candidate]]:
    return {(aspect, side): pool.of(aspect, side) for aspect in ASPECTS for side in VALUES}


@settings(deadline=None)
@given(st.lists(a_reviews_opinions(), max_size=150), st.integers(0, 150), st.randoms(use_true_random=False))
def test_two_halves_in_any_order_are_the_whole(found: list[list[Opinion]], cut: int, random: object) -> None:
    group = list(enumerate(found))
    whole_table, whole_pool = read(group)
    random.shuffle(group)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    (table, pool), (other_table, other_pool) = read(group[:cut]), read(group[cut:])
    assert table.merge(other_table).rows() == whole_table.rows()
    assert kept(pool.merge(other_pool)) == kept(whole_pool)


@given(st.lists(a_reviews_opinions(), max_size=40))
def test_the_counts_of_a_row_sum_to_its_reviews(found: list[list[Opinion]]) -> None:
    for row in read(list(enumerate(found)))[0].rows():
        assert row.positive + row.neutral + row.negative == row.reviews == sum(row.aspect in {o.aspect for o in some} for some in found)


def test_rows_are_ordered_by_reviews_and_one_review_is_not_enough() -> None:
    table = AspectTable()
    for name, times in (("sound", 2), ("battery", 3), ("design", 1)):
        for _ in range(times):
            table.add([an_opinion(name, "positive")])
    assert [row.aspect for row in table.top(4)] == ["battery", "sound"] and [row.aspect for row in table.top(1)] == ["battery"]


def test_a_pool_stays_small_however_many_reviews_pass() -> None:
    pool = SnippetPool("en")
    for number in range(5000):
        text = f"The battery of number {number} is great."
        found = Opinion("battery", "positive", (Mention("battery", text, 0, len(text), number / 5000, True, False),))
        pool.add(Review(f"r{number}", "p", "en", text), [found])
    assert max(len(some) for some in pool.best.values()) <= 2 * KEPT and len(pool.of("battery", "positive")) == KEPT


def test_an_old_review_can_be_quoted() -> None:
    text = "The battery lasts for days, brilliant."
    reviews = [Review(f"r{year}", "p", "en", text if year == 1996 else "Battery.", date=f"{year}-01-01") for year in (1996, 2010, 2025)]
    _, pool = read([])
    for review, found in opinions(reviews, "en"):
        pool.add(review, found)
    assert pool.of("battery", "positive")[0].review_id == "r1996"


def test_mixed_opinions_are_quoted_from_both_sides_and_no_review_twice_where_it_can_be() -> None:
    sides: list[Polarity] = ["positive"] * 4 + ["negative"] * 4
    table, pool = read([(n, [an_opinion("sound", side, n), an_opinion("battery", "positive", n)]) for n, side in enumerate(sides)])
    chosen = choose(pool, table.top(4), 6)
    assert [(some.aspect, some.polarity) for some in chosen] == [("battery", "positive"), ("sound", "positive"), ("sound", "negative")]
    assert len({some.review_id for some in chosen}) == 3


def test_a_refused_quotation_is_replaced_by_the_next() -> None:
    table, pool = read([(n, [an_opinion("sound", "positive", n)]) for n in range(4)])
    [first] = choose(pool, table.top(4), 6)
    [second] = choose(pool, table.top(4), 6, refused=[first])
    assert first != second


def test_the_majority_of_a_row() -> None:
    rows = {name: AspectTable() for name in ("tie", "against", "none")}
    for name, sides in (("tie", ("positive", "negative")), ("against", ("negative", "neutral")), ("none", ("neutral",))):
        for side in sides:
            rows[name].add([an_opinion("sound", side)])
    assert {name: majority(table.rows()[0]) for name, table in rows.items()} == {
        "tie": "positive",
        "against": "negative",
        "none": "neutral",
    }


def test_a_clear_short_whole_sentence_is_the_better_quotation() -> None:
    def of(text: str, *, term: bool = True, shared: bool = False) -> float:
        return quality(Mention("sound", text, 0, len(text), 1.0, term, shared), "en")

    good = of("The sound is rich, warm and crystal clear.")
    assert good > of("sound ok") and good > of("The sound is rich, warm and crystal clear.", shared=True)
    assert good > of("The sound, see https://example.com/very/long, is clear.") and good > of("The sound " + "and so on " * 40)
