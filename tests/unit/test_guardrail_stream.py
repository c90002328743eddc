"""An answer in pieces: nothing is shown that the check of the whole takes out, and in the end both say the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import guardrails
from evals.languages import LANGUAGES
from evals.packs import pack
from guardrails import RAILS, SpanRail, apply, check, fallback, stream
from guardrails.base import MAX_HITS, Context, Draft
from guardrails.policy import Policy
from guardrails.reach import REACH
from guardrails.stream import End, HoldBack

STRICT = Policy({"assistant": {"input": {}, "evidence": {}, "output": {"contact": "block"}}}, {})  # type: ignore[typeddict-item]
OUTPUT = Context("assistant", "output")
PIECES = (
    *(
        "Good sound. ",
        "It is light [1]. ",
        "A. ",
        ". ",
        "!? ",
        "\n",
        "[1]",
        "[2] ",
        "(",
        ")",
        "+",
        "x" * 90,
        "最高です。",
        "音は良い！",
        "جيد؟ ",
    ),
    *("Call ", "0171. 555 01 99", "0171 555 01 99", "1 1 1 1 ", "4111 1111 1111 1111", "IBAN ", "GB82 WEST 1234 5698 7654 32"),
    *("born on 12. 3. 1990", "born on 12. März 1990", "passport K1234567", "My passport. ", "12 Main St. Apt 4", "390.533.447-05"),
    *("joe@shop.example", "joe", " (at) ", "shop.example", "(at)\nshop (dot)\norg", "https://a.example/b?c. "),
    *("\u202e", "\u200b", "\x85", "\x00", "🏴\U000e0067\U000e0062\U000e007f"),
)
texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.text(max_size=120))


def fed(text: str, sizes: Sequence[int], language: str = "en", context: Context = OUTPUT) -> tuple[list[str], HoldBack, End]:
    """What was shown after each piece, the piece sizes taken in turn."""
    hold, shown, at, turn = HoldBack(context, language), [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        shown.append(hold.feed(text[at : at + size]))
        at, turn = at + size, turn + 1
    return shown, hold, hold.finish()


def kept(text: str, drafts: Sequence[Draft]) -> str:
    """`text` up to the first character of it that must not be shown, masks set."""
    if any(draft.action in ("block", "escalate") for draft in drafts):
        text = text[: min(draft.start for draft in drafts if draft.action in ("block", "escalate"))]
    return apply(text, [draft for draft in drafts if draft.action == "redact" and draft.start < len(text)], "")[0]


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(texts, st.lists(st.integers(1, 40), min_size=1, max_size=5), st.sampled_from(["en", "und", "de"]))
@example("Call 030. 901820. Or write to joe\n(at) shop.example. Bye.", [1], "de")
def test_nothing_is_shown_that_the_check_of_the_whole_takes_out_and_both_end_alike(text: str, sizes: list[int], language: str) -> None:
    shown, hold, end = fed(text, sizes, language)
    drafts = check(text, language, OUTPUT)
    near = [draft for draft in drafts if draft.rail in REACH]
    assert kept(text, near).startswith("".join(shown))
    assert (end.text, end.status) == apply(text, drafts, fallback(language))
    assert list(end.findings) == drafts
    assert end.replaces or "".join(shown) + end.rest == end.text
    if not any(draft.rail not in REACH and draft.action != "allow" for draft in drafts):
        assert end.replaces == (end.status == "blocked")
    assert hold.passed <= len(text)


@pytest.mark.slow
@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_clean_answer_leaves_a_sentence_at_a_time_in_every_language(tag: str) -> None:
    said = [f"{text} [1] " for row in list(pack(tag).aspects.values())[:4] for text in row.positive]
    shown, _, end = fed("".join(said), [3], tag)
    assert [text for text in shown if text] == said[:-1]
    assert (end.rest, end.status, end.replaces) == (said[-1], "ok", False)


def test_a_mask_is_set_before_its_sentence_leaves() -> None:
    shown, _, end = fed("Nice. Mail joe@shop.example. Good sound. Bye.", [1])
    assert [text for text in shown if text] == ["Nice. ", "Mail •••. ", "Good sound. "]
    assert (end.rest, [draft.rail for draft in end.findings if draft.action != "allow"]) == ("Bye.", ["contact"])


def test_a_number_may_go_on_behind_a_full_stop_and_is_waited_for() -> None:
    shown, _, end = fed("Call 030. 901820 now. Good sound. Bye.", [1], "de")
    assert [text for text in shown if text] == ["Call ••• now. ", "Good sound. "]
    assert end.rest == "Bye."


def test_a_date_of_birth_whose_day_ends_like_a_sentence_is_waited_for() -> None:
    shown, _, end = fed("Sie ist geboren am 12. März 1990 in Bonn. Guter Klang. Ende.", [1], "de")
    assert "".join(shown).startswith("Sie ist geboren am ••• in Bonn. ") and "12" not in "".join(shown) + end.text


def test_what_is_withheld_ends_the_answer_and_gives_the_fallback_of_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "policy_in_force", lambda: STRICT)
    monkeypatch.setattr(guardrails, "policy_in_force", lambda: STRICT)
    shown, hold, end = fed("Nice. Mail joe@shop.example. Good sound. Bye.", [4], "de")
    assert "".join(shown) == "Nice. " and hold.blocked
    assert (end.rest, end.text, end.status, end.replaces) == ("", pack("de").fallback, "blocked", True)
    assert fed("Mail joe@shop.example. Nice.", [4], "tlh")[2].text == pack("en").fallback


def test_a_sentence_in_another_language_waits_for_the_whole_which_decides() -> None:
    foreign = ["Der Klang ist warm und der Bass ist tief, sagen die meisten Käufer. ", "Die Lieferung kam leider viel zu spät an. "]
    foreign += ["Der Akku hält einen ganzen Tag lang durch. "]
    english = ["The sound is warm and the bass is deep, as most buyers say. ", "The battery lasts for a whole day of use. "]
    english += ["Some think that the case could be a little lighter. ", "It came on time and was packed with care. "]
    text = "".join([*english[:2], foreign[0], *english[2:]])
    shown, _, end = fed(text, [5])
    assert ("".join(shown), end.status) == ("".join(english[:2]), "ok")
    assert "".join(shown) + end.rest == end.text == text
    shown, _, end = fed("".join([english[0], *foreign]), [5])
    assert ("".join(shown), end.text, end.status) == (english[0], fallback("en"), "blocked")


def test_more_hits_than_are_recorded_one_by_one_wait_for_the_end() -> None:
    text = "".join(f"Mail number{number}@shop.example. It took {number} days. " for number in range(MAX_HITS + 10))
    shown, _, end = fed(text, [50])
    assert 0 < "".join(shown).count("•••") < MAX_HITS
    assert "".join(shown) + end.rest == end.text and "@" not in end.text


def test_a_mark_belongs_to_the_sentence_before_it() -> None:
    shown, _, end = fed("Good sound. [1] It is light. [2]", [1])
    assert [text for text in shown if text] == ["Good sound. [1] "] and end.rest == "It is light. [2]"


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["a", "a. ", "0171. ", "joe@", "\u200b", "[1] ", "(", "最高。"])
def test_each_rail_sees_a_long_answer_a_bounded_number_of_times(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0

    def counting(text: str, language: str, context: Context) -> list[tuple[int, int, str]]:
        nonlocal seen
        seen += len(text)
        return []

    monkeypatch.setitem(guardrails.RAILS, "contact", SpanRail("contact", RAILS["contact"].targets, "", counting))
    text = shape * (12_000 // len(shape))
    fed(text, [7], "und")
    assert seen < 24 * len(text)


def test_the_table_of_reaches_names_rails() -> None:
    assert set(REACH) <= set(RAILS)
