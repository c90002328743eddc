"""Opinion counts as an annotator reads them, in 28 languages: ``Sound: positive 12 · negative 2 · neutral 0``.

Word before number, so that no language has to inflect. The simulated annotators read these lines back: writing and reading are one place.

>>> from evals.records import AspectRow
>>> line = counts_line("Klang", AspectRow("sound", positive=12, neutral=0, negative=2, reviews=13), "de")
>>> line, read_counts(line, "de")
('Klang: positiv 12 · negativ 2 · neutral 0', ('Klang', 12, 0, 2))
"""

from __future__ import annotations

import re

from evals.records import AspectRow

# language: positive, negative, neutral
COUNT_WORDS: dict[str, tuple[str, str, str]] = {
    "ar": ("إيجابي", "سلبي", "محايد"),
    "bn": ("ইতিবাচক", "নেতিবাচক", "নিরপেক্ষ"),
    "cs": ("pozitivní", "negativní", "neutrální"),
    "da": ("positive", "negative", "neutrale"),
    "de": ("positiv", "negativ", "neutral"),
    "el": ("θετικές", "αρνητικές", "ουδέτερες"),
    "en": ("positive", "negative", "neutral"),
    "es": ("positivas", "negativas", "neutras"),
    "fi": ("myönteisiä", "kielteisiä", "neutraaleja"),
    "fr": ("positifs", "négatifs", "neutres"),
    "he": ("חיוביות", "שליליות", "ניטרליות"),
    "hi": ("सकारात्मक", "नकारात्मक", "तटस्थ"),
    "id": ("positif", "negatif", "netral"),
    "it": ("positive", "negative", "neutre"),
    "ja": ("肯定的", "否定的", "中立"),
    "ko": ("긍정", "부정", "중립"),
    "mr": ("सकारात्मक", "नकारात्मक", "तटस्थ"),
    "nl": ("positief", "negatief", "neutraal"),
    "no": ("positive", "negative", "nøytrale"),
    "pl": ("pozytywne", "negatywne", "neutralne"),
    "pt": ("positivas", "negativas", "neutras"),
    "ro": ("pozitive", "negative", "neutre"),
    "sv": ("positiva", "negativa", "neutrala"),
    "ta": ("நேர்மறை", "எதிர்மறை", "நடுநிலை"),
    "te": ("సానుకూలం", "ప్రతికూలం", "తటస్థం"),
    "tr": ("olumlu", "olumsuz", "nötr"),
    "vi": ("tích cực", "tiêu cực", "trung lập"),
    "zh": ("正面", "负面", "中立"),
}


def counts_line(aspect_name: str, row: AspectRow, language: str) -> str:
    """One row of the aspect table."""
    positive, negative, neutral = COUNT_WORDS[language]
    return f"{aspect_name}: {positive} {row.positive} · {negative} {row.negative} · {neutral} {row.neutral}"


def read_counts(line: str, language: str) -> tuple[str, int, int, int] | None:
    """(aspect name, positive, neutral, negative) of a line that `counts_line` wrote, else None."""
    positive, negative, neutral = map(re.escape, COUNT_WORDS[language])
    found = re.fullmatch(rf"(.+): {positive} (\d+) · {negative} (\d+) · {neutral} (\d+)", line.strip())
    return (found[1], int(found[2]), int(found[4]), int(found[3])) if found else None
