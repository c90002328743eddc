"""``plumb judge certify, certificates, retest``: how far judges can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from annotators.labeling import CLAIM_V2
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.judges import named
from evals.judges.claim_judge import NAME as CLAIM_JUDGE
from evals.judges.ledger import Ledger
from evals.metric import Metric
from evals.records import Certificate, Feature, QueueItem, Retest
from evals.store import Store
from evals.trust import jury as juries
from evals.trust import retests
from evals.trust.certificates import certify as certified
from evals.trust.certificates import standing
from evals.trust.labelled import Against, from_file, from_store
from evals.trust.terms import Terms, load_terms
from workbench import anchored
from workbench.commands import comparing
from workbench.commands.comparing import FIGURES, AsJson, Only, Rubric, figure, one_feature, plain
from workbench.commands.judging import CLAIMS, JudgesFile, asked, judge, metric_for
from workbench.context import now, open_store
from workbench.output import echo_json, say, table

Judged = Annotated[str, typer.Argument(metavar="JUDGE", help="a metric of claims: grounded, judge_claims, jury …")]
Endpoint = Annotated[str | None, typer.Option("--judge", help="judge_claims: which judge of data/judges.yaml to ask")]
Said = Callable[[Sequence[QueueItem]], Mapping[str, float | None]]


@dataclass(frozen=True)
class Ready:
    """A judge to ask. `said`: about anchors of one language, by subject; `metric`: None for a jury, which asks its members."""

    signature: str
    said: Said
    metric: Metric | None = None


def register(app: typer.Typer) -> None:
    """The commands stand beside those of `judging`, on its app, which it registers itself."""
    del app
    for name, command in (_COMMANDS | comparing.COMMANDS).items():
        judge.command(name)(command)


# ---------------------------------------------------------------------------------------------- certificates


def certify(
    judge_metric: Judged,
    rubric: Rubric = CLAIM_V2.name,
    feature: Only = None,
    labels: Annotated[Path | None, typer.Option(help="a labelled file (.jsonl, .jsonl.gz) instead of the store's labels")] = None,
    endpoint: Endpoint = None,
    judges: JudgesFile = named.PATH,
    as_json: AsJson = False,
) -> None:
    """Hold a judge against people, language by language, and store what it is worth for a while."""
    store, terms = open_store(), load_terms()
    with _measuring(store, judge_metric, endpoint, judges, needed=labels is not None) as ready:
        against = _against(store, judge_metric, ready, labels, one_feature(feature), rubric)
        found = certified(against, rubric, terms, now=now())
        if not found:
            raise MoreNeededError(f"no claim that people decided under {rubric} is there: plumb queue, plumb collect")
        same = ready is not None and ready.signature == against.signature
        kept = [_with_anchors(store, one, ready.said) if ready and same and one.reason is None else one for one in found]
    store.judging.add_certificates(kept)
    if as_json:
        echo_json([plain(one) | {"labels_missing": labels_missing(one, terms)} for one in kept])
        return
    rows = [(*_shown(one), one.reason or f"certified until {one.expires_at[:10]}", _missing(one, terms)) for one in kept]
    table(f"{judge_metric} against people", ("language", "n", "AUROC", "kappa", "calibration error", "state", "labels missing"), rows)


def certificates(as_json: AsJson = False) -> None:
    """Each judge's newest certificate by language, and whether it holds today."""
    store, at = open_store(), now()
    newest = {(one.judge, one.language): one for one in reversed(store.judging.certificates())}
    today = [standing(store, one.judge, one.signature, one.language, now=at) for _, one in sorted(newest.items())]
    if as_json:
        echo_json([plain(one) for one in today])
        return
    rows = [(one.judge, *_shown(one), one.created_at[:10], one.reason or f"holds until {one.expires_at[:10]}") for one in today]
    table("Certificates", ("judge", "language", "n", "AUROC", "kappa", "calibration error", "made", "state"), rows)


def retest(judge_metric: Judged, endpoint: Endpoint = None, judges: JudgesFile = named.PATH, as_json: AsJson = False) -> None:
    """A certified judge on the anchors again; one that has drifted is suspended until a retest finds it steady."""
    store, terms, at = open_store(), load_terms(), now()
    with _measuring(store, judge_metric, endpoint, judges, needed=True) as ready:
        assert ready is not None  # it was needed
        held = [one for one in store.judging.certificates(judge_metric) if one.signature == ready.signature]
        newest = {one.language: one for one in reversed(held) if one.reason is None and one.expires_at > at}
        if not newest:
            raise MoreNeededError(f"{judge_metric!r} as it is now has no certificate to test again: plumb judge certify {judge_metric}")
        found, notes = _retested(store, newest, ready.said, terms, at)
    if not found:
        raise MoreNeededError("; ".join(notes))
    store.judging.add_retests(found)
    if as_json:
        echo_json([plain(one) for one in found])
        return
    language = {one.certificate_id: one.language for one in newest.values()}
    rows = [(language[one.certificate_id], one.n, figure(one.measures.get("auroc")), one.reason or "steady") for one in found]
    table(f"{judge_metric} on the anchors", ("language", "anchors", "AUROC", "state"), rows)
    for note in notes:
        say(f"Not tested: {note}.")


def labels_missing(one: Certificate, terms: Terms) -> int | None:
    """How many more labels would certify at the present figures; 0 where it is certified, None where labels alone will not do it."""
    if one.reason is None:
        return 0
    rare = min(one.positives, one.n - one.positives)
    wanted = [terms.min_labels - one.n]
    if rare < terms.min_rare:
        wanted.append(math.ceil((terms.min_rare - rare) * (one.n + 1) / (rare + 0.5)))
    ranking, error = one.measures.get("auroc"), one.measures.get("calibration_error")
    if ranking and ranking[1] is not None and ranking[1] < terms.min_auroc:
        if ranking[0] <= terms.min_auroc:
            return None
        wanted.append(math.ceil(one.n * (((ranking[0] - ranking[1]) / (ranking[0] - terms.min_auroc)) ** 2 - 1)))
    if max(wanted) <= 0 or (error and one.n >= terms.min_labels and error[0] > terms.max_calibration_error):
        return None
    return max(wanted)


def _against(store: Store, name: str, ready: Ready | None, labels: Path | None, feature: Feature | None, rubric: str) -> Against:
    if labels is None:
        return from_store(store, name, feature=feature, rubric=rubric)
    if ready is None or ready.metric is None:
        raise InputError(f"{name!r} cannot be measured on a file: a jury is certified on the store's labels")
    return from_file(labels, ready.metric)


def _with_anchors(store: Store, one: Certificate, said: Said) -> Certificate:
    """With what the judge says of the anchors of its language today, so that a retest can tell whether it has moved."""
    items = _anchors(store, one)
    kept = {name: round(value, 4) for name, value in said(items).items() if value is not None} if items else {}
    return replace(one, measures=dict(one.measures) | {retests.SAID: kept})


def _retested(store: Store, certificates: Mapping[str, Certificate], said: Said, terms: Terms, at: str) -> tuple[list[Retest], list[str]]:
    found, notes = [], []
    labels = store.labels.labels()
    for language, one in sorted(certificates.items()):
        people = retests.decided(labels, one.rubric).get(language, [])
        try:
            answers = said(_anchors(store, one)) if len(people) >= terms.min_anchors else {}  # nobody is asked in vain
            found.append(retests.retest(one, people, answers, terms, now=at))
        except MoreNeededError as error:
            notes.append(str(error))
    return found, notes


def _anchors(store: Store, one: Certificate) -> list[QueueItem]:
    items = store.queue.items(why="anchor")
    return [item for item in items if item.language == one.language and item.rubric == one.rubric]


@contextmanager
def _measuring(store: Store, name: str, endpoint: str | None, judges: Path, *, needed: bool) -> Iterator[Ready | None]:
    """The judge, ready; None where it is not `needed` and cannot be had here. Raises UnknownIdError where it is."""
    from evals.metrics import METRICS

    if name == CLAIM_JUDGE and endpoint is not None:
        about = named.judge_named(endpoint, judges)
        with asked(about, Ledger(store.judging.add_calls, now, about.prices)) as model:
            yield _ready(metric_for(CLAIMS, model))
    elif name in METRICS:
        yield _ready(METRICS[name])
    elif name == juries.NAME and needed:
        yield _jury(juries.load(juries.path()), METRICS)
    elif needed:
        what = "say which model: --judge NAME" if name == CLAIM_JUDGE else f"known are {', '.join([*METRICS, CLAIM_JUDGE, juries.NAME])}"
        raise UnknownIdError(f"{name!r} cannot be measured here: {what}")
    else:
        yield None


def _ready(metric: Metric) -> Ready:
    return Ready(metric.signature, partial(anchored.said, metric), metric)


def _jury(jury: juries.Jury, known: Mapping[str, Metric]) -> Ready:
    members = [known[name] for name, settings in jury.members if name in known and known[name].signature == settings]
    if len(members) < len(jury.members):
        raise InputError("a member of the jury cannot be measured here, or has changed: fit the jury again")
    return Ready(jury.signature, partial(anchored.said_by_jury, jury, members))


# ---------------------------------------------------------------------------------------------- shown


def _shown(one: Certificate) -> tuple[object, ...]:
    return (one.language, one.n, *(figure(one.measures.get(key)) for key in FIGURES))


def _missing(one: Certificate, terms: Terms) -> str:
    missing = labels_missing(one, terms)
    return "labels will not do it" if missing is None else f"{missing:,}" if missing else "none"


_COMMANDS: dict[str, Callable[..., None]] = {"certify": certify, "certificates": certificates, "retest": retest}
