"""Presidio's own recognizers on our rows, in an environment of its own: spaCy is no dependency of this project.

Run as a program by that environment's Python: texts in, one JSON list a line, as JSON lines of ``[start, end, type, score]`` out. Without
a model: ``spacy.blank("en")`` only tokenises, so names and places, which Presidio leaves to a model, are not looked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VERSION = "2.2.366"
TYPES = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "URL", "IP_ADDRESS", "US_SSN", "US_DRIVER_LICENSE")
Found = tuple[int, int, str, float]


def spans(texts: Sequence[str]) -> list[list[Found]] | str:
    """What Presidio finds in each text, or why it cannot be asked."""
    from evals.paths import cache

    home = cache() / "peers" / "presidio"
    python = home / "bin" / "python"
    try:
        if not (home / VERSION).exists():
            _install(home)
        done = subprocess.run([python, __file__], input=json.dumps(list(texts)), capture_output=True, text=True, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        return f"presidio-analyzer {VERSION} could not be installed or run ({type(error).__name__})"
    return [[tuple(found) for found in json.loads(line)] for line in done.stdout.splitlines()]


def _install(home: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else "uv"
    for command in (
        ["venv", "-q", "--clear", "--python", sys.executable, str(home)],
        ["pip", "install", "-q", "--python", str(home / "bin" / "python"), f"presidio-analyzer=={VERSION}"],
    ):
        subprocess.run([uv, *command], check=True, capture_output=True, timeout=600)
    (home / VERSION).touch()


def _analyze() -> None:
    """The part that runs in Presidio's environment."""
    import logging

    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    logging.disable(logging.WARNING)
    blank = spacy.blank("en")

    class Blank(NlpEngine):
        def load(self):
            return None

        def is_loaded(self):
            return True

        def process_text(self, text, language):
            doc = blank(text)
            return NlpArtifacts([], doc, [t.idx for t in doc], [t.text for t in doc], self, language)

        def process_batch(self, texts, language, **_more):
            return ((text, self.process_text(text, language)) for text in texts)

        def is_stopword(self, word, _language):
            return blank.vocab[word].is_stop

        def is_punct(self, word, _language):
            return blank.vocab[word].is_punct

        def get_supported_entities(self):
            return []

        def get_supported_languages(self):
            return ["en"]

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(nlp_engine=Blank())
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
    for text in json.load(sys.stdin):
        found = engine.analyze(text, language="en", entities=list(TYPES))
        print(json.dumps([[one.start, one.end, one.entity_type, one.score] for one in found]))


if __name__ == "__main__":
    _analyze()
