"""``plumb judge fit-jury, jury, pairs, bias``: several judges as one, and judges that compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from annotators.labeling import CLAIM_V2
from evals.errors import MoreNeededError
from evals.judges import named
from evals.judges.ledger import Ledger
from evals.judges.pairwise import PairJudge
from evals.records import Feature
from evals.statistics.intervals import Interval
from evals.trust import bias as biases
from evals.trust import jury as juries
from evals.trust import pairs as pairing
from evals.trust.certificates import measures
from evals.trust.labelled import Against, Labelled, from_store
from workbench.commands.judging import JudgesFile, asked
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import echo_json, say, table
from workbench.progress import bar

Rubric = Annotated[str, typer.Option(help="the rubric people judged under")]
Only = Annotated[str | None, typer.Option("--feature", help="labels of one feature only")]
JuryFile = Annotated[Path | None, typer.Option("--file", help="where the jury is kept; else in PLUMBLINE_HOME")]
AsJson = Annotated[bool, typer.Option("--json")]
FIGURES = ("auroc", "kappa", "calibration_error")


def fit_jury(
    members: Annotated[list[str], typer.Argument(metavar="MEMBER…", help="metrics of claims that have scored what people judged")],
    rubric: Rubric = CLAIM_V2.name,
    feature: Only = None,
    file: JuryFile = None,
    as_json: AsJson = False,
) -> None:
    """Learn from people's labels how far to believe each of several judges, and show what they are worth together."""
    store = open_store()
    each = [from_store(store, name, feature=one_feature(feature), rubric=rubric) for name in members]
    jury = juries.fit(each)
    juries.save(jury, file or juries.path())
    found = {one.judge: measures(_scored(one)) for one in [*each, juries.against_people(jury, each)]}
    if as_json:
        echo_json({"signature": jury.signature, "labels": jury.n, "reason": jury.reason, "measures": found})
        return
    rows = [(name, *(figure(one.get(key)) for key in (*FIGURES, "brier"))) for name, one in found.items()]
    table(f"The jury and its members, {jury.n:,} labels", ("judge", "AUROC", "kappa", "calibration error", "Brier score"), rows)
    say(f"The jury is {jury.reason}." if jury.reason else "The jury's figures are of products whose labels its weights never saw.")


def score_by_jury(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a run id, or a variant's name for its newest run")],
    feature: Annotated[str, typer.Option(help="of the variant")] = "highlights",
    file: JuryFile = None,
) -> None:
    """Score a run with the jury, from its members' stored scores."""
    store, jury = open_store(), juries.load(file or juries.path())
    new = juries.score(store, jury, run_named(store, feature_of(feature), run).run_id)
    say(f"{new:,} claims scored by the jury ({jury.reason or f'weights from {jury.n:,} labels'}).")


def _scored(against: Against) -> list[Labelled]:
    return [row for _, rows in sorted(against.by_language.items()) for row in rows if row.said is not None]


# ---------------------------------------------------------------------------------------------- pairs


def pairs(
    champion: Annotated[str, typer.Argument(metavar="CHAMPION_RUN")],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE_RUN")],
    judge_name: Annotated[str, typer.Option("--judge", help="a name in data/judges.yaml")],
    feature: Annotated[str, typer.Option(help="of the variants, where runs are named by them")] = "highlights",
    limit: Annotated[int | None, typer.Option(min=1, help="compare at most so many cases")] = None,
    fallback: Annotated[str | None, typer.Option(help="language of the instructions for a language without prompts")] = None,
    judges: JudgesFile = named.PATH,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Ask a judge which of two runs' outputs helps a shopper more, case by case, in both orders; only what it has not been asked yet."""
    store, about = open_store(), named.judge_named(judge_name, judges)
    runs = [run_named(store, feature_of(feature), name).run_id for name in (champion, candidate)]
    both = pairing.pairs_of(store, *runs)[:limit]
    with asked(about, Ledger(store.judging.add_calls, now, about.prices)) as ready:
        asking = PairJudge(ready, fallback)
        with bar(f"{about.name} · pairs", quiet=quiet or as_json) as progress:
            pairing.compare(store, asking, both, now=now(), progress=progress)
        found = pairing.tallies(both, store.judging.preferences(asking.name, asking.signature))
    if as_json:
        echo_json([plain(one) for one in found])
        return
    rows = [(t.language, t.candidate, t.ties, t.champion, _bounds(t.share), _reasons(t.reasons)) for t in found]
    table(f"Preferred by {about.name}", ("language", "candidate", "tie", "champion", "candidate's share", "without verdict"), rows)


def bias(
    judge_name: Annotated[str, typer.Option("--judge", help="a name in data/judges.yaml")],
    judges: JudgesFile = named.PATH,
    as_json: AsJson = False,
) -> None:
    """What moves a judge of pairs besides the texts: place, length, its own kin; and whether it agrees with people."""
    store, about = open_store(), named.judge_named(judge_name, judges)
    said = store.judging.preferences(about.name)
    if not said:
        raise MoreNeededError(f"{about.name!r} has compared nothing yet: plumb judge pairs CHAMPION_RUN CANDIDATE_RUN --judge {about.name}")
    cases = {name: store.runs.case(name) for name in sorted({one.case_id for one in said})}
    people = pairing.people(store.labels.labels(rubric=pairing.RUBRIC))
    found = biases.cards(biases.judged(said, cases, people), about.model)
    if as_json:
        echo_json([plain(one) for one in found])
        return
    rows = [(c.language, c.pairs, c.with_people, *map(_bounds, (c.position, c.length, c.own, c.agreement))) for c in found]
    header = ("language", "pairs", "with people", "first shown", "length", "own kin", "kappa with people")
    table(f"Bias of {about.name}", header, rows)


# ---------------------------------------------------------------------------------------------- shown


def figure(found: Sequence[float | None] | None) -> str | None:
    """``0.81 (0.74–0.87)`` of value, low, high; None where there is no value."""
    if not found or found[0] is None:
        return None
    return f"{found[0]:.2f}" if None in found else f"{found[0]:.2f} ({found[1]:.2f}–{found[2]:.2f})"


def one_feature(name: str | None) -> Feature | None:
    return None if name is None else feature_of(name)


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON can hold it, what is in it too."""
    found: dict[str, Any] = asdict(record)
    return found


def _bounds(one: Interval) -> str | None:
    return one.reason if one.low is None else figure([one.estimate, one.low, one.high])


def _reasons(reasons: Mapping[str, int]) -> str | None:
    return "; ".join(f"{count:,} × {reason}" for reason, count in reasons.items()) or None


COMMANDS: dict[str, Callable[..., None]] = {"fit-jury": fit_jury, "jury": score_by_jury, "pairs": pairs, "bias": bias}
