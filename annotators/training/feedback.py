"""What people said that a model may learn from: about products the gate has no hand on, one verdict out of several people's, texts that
passed the rails.

Everything left out is counted with its reason: what is missing in a training set says as much about it as what is there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotators.labeling import FAILURES_V1, PREFERENCE_V1, REWRITE_V1
from annotators.labeling.failures import NONE
from evals.gate.settled import ADJUDICATION, VOTING, settle
from evals.partitions import Roles
from evals.records import CLAIM_VERDICTS, Case, Feature, Label, Output
from evals.statistics.agreement import Agreement, Question, Rated, per_question
from evals.statistics.consensus import consensus
from evals.store import Store
from guardrails import apply, check_output, redact_text

SIDES = ("champion", "tie", "candidate")
FINE, FAILED = "fine", "failed"
CLAIMS = "claims"
HIDDEN = "\ufffd"  # what hidden characters became when they were made visible
_QUESTIONS = {
    PREFERENCE_V1.name: Question(PREFERENCE_V1.scale, "ordinal"),
    FAILURES_V1.name: Question((FINE, FAILED)),
    CLAIMS: Question(CLAIM_VERDICTS),
}


@dataclass(frozen=True)
class Verdict:
    """What people say together. `label` None: they are divided. `probability` that it is right, None where nothing tells. `method`: how
    several votes became one. `labels`: the votes behind it, by annotator."""

    label: str | None
    probability: float | None
    method: str
    labels: tuple[Label, ...]

    @property
    def votes(self) -> dict[str, int]:
        return dict(sorted(Counter(label.verdict for label in self.labels).items()))


class Feedback:
    """One feature's labels that may be learned from. `left_out` counts the others."""

    def __init__(self, store: Store, feature: Feature, *, include_simulated: bool) -> None:
        self.store, self.feature, self.left_out = store, feature, Counter[str]()
        self.simulated = frozenset(one.annotator_id for one in store.labels.annotators() if one.simulated)
        self._roles, self._scripts_too = Roles.read(store), include_simulated
        self._labels: dict[str, list[Label]] = defaultdict(list)
        for label in store.labels.labels(feature=feature):
            if (question := _question(label)) and self._is_usable(label):
                self._labels[question].append(label)

    def _is_usable(self, label: Label) -> bool:
        if label.product_id is None:
            return False  # made for practice: about no product
        why = None
        if not self._roles.may_train(label.product_id):
            why = "labels about products held by the gate"
        elif label.why not in (*VOTING, ADJUDICATION):
            why = "labels that check people: gold, controls, bridges"
        elif label.annotator_id in self.simulated and not self._scripts_too:
            why = "labels by simulated annotators"
        self.left_out.update([why] if why else [])
        return why is None

    # ------------------------------------------------------------------ verdicts
    def preferences(self) -> dict[str, Verdict]:
        """Pair → which side is better; "better" and "much better" are one direction."""
        return together(self._newest(PREFERENCE_V1.name), _side, SIDES)

    def rewrites(self) -> list[Label]:
        """Everybody's newest text for an output, by output and annotator."""
        return self._newest(REWRITE_V1.name)

    def judged(self) -> dict[str, list[Verdict]]:
        """Output → what was said of it: of the whole (``failures-v1``), of its claims."""
        found: dict[str, list[Verdict]] = defaultdict(list)
        for source in (together(self._newest(FAILURES_V1.name), _fine, (FINE, FAILED)), self._by_claims()):
            for output_id, verdict in source.items():
                found[output_id].append(verdict)
        return dict(sorted(found.items()))

    def _by_claims(self) -> dict[str, Verdict]:
        """Fine where every claim is grounded, failed where one is not, undecided otherwise: a claim nobody judged may be the wrong one."""
        settled = settle(self._labels[CLAIMS])
        found = {}
        for output_id, mine in _grouped(self._labels[CLAIMS], lambda label: str(label.output_id)).items():
            claims = [settled.claims.get(claim.claim_id) for claim in self.store.runs.claims_of(output_id)]
            values = [one.value if one else None for one in claims]
            label = FAILED if 0.0 in values else FINE if all(value == 1.0 for value in values) else None
            sure = [one.probability for one in claims if one and (label == FINE or one.value == 0.0)]
            known = [probability for probability in sure if probability is not None]
            probability = (min if label == FINE else max)(known) if label and len(known) == len(sure) else None
            votes = tuple(sorted(mine, key=lambda label: (label.annotator_id, label.item_id)))
            found[output_id] = Verdict(label, probability, settled.methods.get(mine[0].language, "an expert"), votes)
        return found

    def _newest(self, rubric: str) -> list[Label]:
        """One answer of each person on each subject, whichever copy of it they saw."""
        rows = sorted(self._labels[rubric], key=lambda label: (label.updated_at, label.item_id))
        newest = {(label.subject_id, label.annotator_id): label for label in rows}
        return [newest[at] for at in sorted(newest)]

    # ------------------------------------------------------------------ agreement
    def agreement(self) -> dict[tuple[str, str], Agreement]:
        """Krippendorff's alpha by question and language, of the labels used."""
        answers: dict[tuple[str, str], dict[tuple[str, str], Rated]] = defaultdict(dict)
        for question in _QUESTIONS:
            for label in sorted(self._labels[question], key=lambda label: (label.updated_at, label.item_id)):
                if label.why != ADJUDICATION:
                    said = _fine(label) if question == FAILURES_V1.name else label.verdict
                    rated = Rated(label.subject_id, label.annotator_id, said, label.product_id)
                    answers[question, label.language][label.subject_id, label.annotator_id] = rated
        found = per_question({at: list(rated.values()) for at, rated in answers.items()}, _QUESTIONS)
        return {at: three[0] for at, three in found.items()}


def together(labels: Sequence[Label], said: Callable[[Label], str], scale: Sequence[str]) -> dict[str, Verdict]:
    """Subject → one verdict, by the consensus of its language's people."""
    found = {}
    for _, mine in sorted(_grouped(labels, lambda label: label.language).items()):
        result = consensus([Rated(label.subject_id, label.annotator_id, said(label)) for label in mine], scale)
        for subject, votes in _grouped(mine, lambda label: label.subject_id).items():
            one = result.items[subject]
            found[subject] = Verdict(one.label, one.probability, f"{result.method}: {result.reason}", tuple(votes))
    return dict(sorted(found.items()))


def cleaned(text: str, case: Case, output: Output) -> tuple[str, bool] | str:
    """(the text with personal data masked, whether there was any); or why nobody should learn it: the first rail that stops it, or
    characters nobody sees, also those already made visible."""
    drafts = check_output(text, case.language, output.passages, case.feature)
    stopped = sorted({draft.rail for draft in drafts if draft.action == "block" or draft.rail == "hidden"})
    if stopped or HIDDEN in text:
        return f"stopped by the rail {stopped[0]!r}" if stopped and stopped != ["hidden"] else "hidden characters"
    masked = redact_text(apply(text, drafts, "")[0], case.language).strip()
    return (masked, masked != text.strip()) if masked else "an empty text"


def _question(label: Label) -> str | None:
    if label.rubric in (PREFERENCE_V1.name, FAILURES_V1.name, REWRITE_V1.name):
        return label.rubric
    return CLAIMS if label.claim_id else None


def _side(label: Label) -> str:
    return label.verdict.partition("_")[0]


def _fine(label: Label) -> str:
    return FINE if label.verdict == NONE else FAILED


def _grouped(labels: Iterable[Label], by: Callable[[Label], str]) -> Mapping[str, list[Label]]:
    found: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        found[by(label)].append(label)
    return found
