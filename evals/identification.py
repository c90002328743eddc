"""Is a sentence in the language it should be in? The script first, which is certain, then identification.

Short sentences abstain: brand names and numbers have no language. So do guesses against the language that the identifier itself is
unsure of and, among languages that share most of their words, unsure guesses for it.
"""

from __future__ import annotations

from functools import cache

import regex

from evals.languages import LANGUAGES, identify

MIN_LETTERS = {"spaces": 16, "characters": 6}  # below it the identifier errs more than it helps
MIN_PROBABILITY = 0.9
MIN_SCRIPT_SHARE = 0.5  # own script among letters; brand names stay Latin everywhere
MIN_FOREIGN, SURE_FOREIGN = (
    16,
    40,
)  # letters of another script that are a sentence, without or beside own letters: "素材：Polyester" is none
SURE_HAN = 24  # nobody writes so much Japanese without a kana
NEAR = frozenset({"da", "no", "hi", "mr"})  # for these an unsure guess is none, either way
_SCRIPTS = {
    "Jpan": ("Han", "Hiragana", "Katakana"),
    "Kore": ("Hangul", "Han"),
    "Hans": ("Han",),
    "Latn": ("Latin",),
    "Arab": ("Arabic",),
    "Beng": ("Bengali",),
    "Deva": ("Devanagari",),
    "Grek": ("Greek",),
    "Hebr": ("Hebrew",),
    "Taml": ("Tamil",),
    "Telu": ("Telugu",),
}
_LETTER = regex.compile(r"\p{L}")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")


@cache
def _own(script: str) -> regex.Pattern[str]:
    return regex.compile(r"[\p{L}&&[" + "".join(rf"\p{{{name}}}" for name in _SCRIPTS[script]) + "]]", regex.V1)


def script_share(text: str, language: str) -> float | None:
    """Share of the letters that belong to the language's script; None without letters.

    >>> script_share("とても軽い Anker", "ja"), script_share("12 kg", "el"), script_share("5/5", "en")
    (0.5, 0.0, None)
    """
    letters = len(_LETTER.findall(text))
    return len(_own(LANGUAGES[language].script).findall(text)) / letters if letters else None


def is_in(text: str, language: str) -> bool | None:
    """Whether a sentence is in `language`; None where that cannot be told.

    >>> is_in("Der Akku hält den ganzen Tag.", "de"), is_in("The battery lasts all day long.", "de"), is_in("Top!", "de")
    (True, False, None)
    """
    row = LANGUAGES[language]
    letters = _LETTER.findall(text)
    share = script_share(text, language)
    if share is None or len(letters) < MIN_LETTERS[row.words]:
        return None
    if share < MIN_SCRIPT_SHARE:
        foreign = round(len(letters) * (1 - share))
        return False if foreign >= (SURE_FOREIGN if share else MIN_FOREIGN) else None
    if row.script in ("Jpan", "Hans"):
        kana = len(_KANA.findall(text))
        return (kana > 0 or (None if len(letters) < SURE_HAN else False)) if language == "ja" else kana * 10 < len(letters)
    if sum(other.script == row.script for other in LANGUAGES.values()) == 1:
        return True
    return _identified(text, language)


def _identified(text: str, language: str) -> bool | None:
    found, probability = identify(text)
    if probability >= MIN_PROBABILITY:
        return found == language
    return True if found == language and language not in NEAR else None
