"""The 28 languages: one row each, from the first day. Adding one is a row here and a pack in ``data/languages``.

`marketplaces` are the 22 storefronts of this project (ISO 3166 codes) in which the language is offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from evals.errors import UnknownIdError

UNDETERMINED = "und"
MIN_PROBABILITY = 0.5  # below it a guess among 28 is noise: "ok" would be Arabic


@dataclass(frozen=True)
class Language:
    """`tag`: BCP 47; `script`: ISO 15924; `words`: how running text is split; `ends`: characters that end a sentence."""

    tag: str
    name: str
    script: str
    direction: Literal["ltr", "rtl"]
    words: Literal["spaces", "characters"]
    ends: str
    marketplaces: tuple[str, ...]

    @property
    def rtl(self) -> bool:
        return self.direction == "rtl"


_LATIN = ".!?…"
_ROWS = (
    Language("ar", "Arabic", "Arab", "rtl", "spaces", ".!?؟…", ("AE", "EG", "SA")),
    Language("bn", "Bengali", "Beng", "ltr", "spaces", "।.!?…", ("IN",)),
    Language("cs", "Czech", "Latn", "ltr", "spaces", _LATIN, ("DE",)),
    Language("da", "Danish", "Latn", "ltr", "spaces", _LATIN, ("DE", "SE")),
    Language("de", "German", "Latn", "ltr", "spaces", _LATIN, ("DE",)),
    Language("el", "Greek", "Grek", "ltr", "spaces", ".!?;…", ("DE", "IT")),
    Language("en", "English", "Latn", "ltr", "spaces", _LATIN, ("AE", "AU", "CA", "GB", "IE", "IN", "SG", "US")),
    Language("es", "Spanish", "Latn", "ltr", "spaces", _LATIN, ("ES", "MX", "US")),
    Language("fi", "Finnish", "Latn", "ltr", "spaces", _LATIN, ("SE",)),
    Language("fr", "French", "Latn", "ltr", "spaces", _LATIN, ("BE", "CA", "FR")),
    Language("he", "Hebrew", "Hebr", "rtl", "spaces", _LATIN, ("US",)),
    Language("hi", "Hindi", "Deva", "ltr", "spaces", "।.!?…", ("IN",)),
    Language("id", "Indonesian", "Latn", "ltr", "spaces", _LATIN, ("SG",)),
    Language("it", "Italian", "Latn", "ltr", "spaces", _LATIN, ("IT",)),
    Language("ja", "Japanese", "Jpan", "ltr", "characters", "。！？!?…", ("JP",)),
    Language("ko", "Korean", "Kore", "ltr", "spaces", ".!?。…", ("US",)),
    Language("mr", "Marathi", "Deva", "ltr", "spaces", "।.!?…", ("IN",)),
    Language("nl", "Dutch", "Latn", "ltr", "spaces", _LATIN, ("BE", "NL")),
    Language("no", "Norwegian", "Latn", "ltr", "spaces", _LATIN, ("SE",)),
    Language("pl", "Polish", "Latn", "ltr", "spaces", _LATIN, ("DE", "PL")),
    Language("pt", "Portuguese", "Latn", "ltr", "spaces", _LATIN, ("BR", "ES")),
    Language("ro", "Romanian", "Latn", "ltr", "spaces", _LATIN, ("IT",)),
    Language("sv", "Swedish", "Latn", "ltr", "spaces", _LATIN, ("SE",)),
    Language("ta", "Tamil", "Taml", "ltr", "spaces", ".!?।…", ("IN", "SG")),
    Language("te", "Telugu", "Telu", "ltr", "spaces", ".!?।…", ("IN",)),
    Language("tr", "Turkish", "Latn", "ltr", "spaces", _LATIN, ("DE", "TR")),
    Language("vi", "Vietnamese", "Latn", "ltr", "spaces", _LATIN, ("SG",)),
    Language("zh", "Chinese", "Hans", "ltr", "characters", "。！？!?…", ("JP", "SG", "US")),
)
LANGUAGES: dict[str, Language] = {row.tag: row for row in _ROWS}


def language(tag: str) -> Language:
    """The row of `tag`; raises UnknownIdError for any other tag, ``und`` included."""
    try:
        return LANGUAGES[tag]
    except KeyError:
        raise UnknownIdError(f"language {tag!r} is not one of the {len(LANGUAGES)}: {' '.join(LANGUAGES)}") from None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 0.5 s and 60 MB: only for those who ask

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(["nb" if tag == "no" and "nb" in identifier.labels else tag for tag in LANGUAGES])
    return identifier


def identify(text: str) -> tuple[str, float]:
    """The most probable of the 28 languages and its probability, deterministically;
    ``und`` where no letter is or where even the best guess is below MIN_PROBABILITY.

    >>> identify("Der Akku hält den ganzen Tag.")[0], identify("バッテリーは一日持ちます。")[0], identify("5/5 👍")[0]
    ('de', 'ja', 'und')
    """
    if not any(character.isalpha() for character in text):
        return UNDETERMINED, 0.0
    tag, probability = _identifier().classify(text[:2000])
    if probability < MIN_PROBABILITY:
        return UNDETERMINED, float(probability)
    return ("no" if tag in ("nb", "nn") else str(tag)), float(probability)
