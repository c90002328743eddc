"""A product is trained on or held by the gate, never both, whatever is done in whatever order."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import NOW, a_case, a_product, a_run, a_store, a_variant, an_output
from typer.testing import CliRunner

from annotators.label_studio.collect import annotation_id
from annotators.training import files
from evals import gate
from evals.datasets import make_dataset
from evals.errors import InputError, MoreNeededError
from evals.identity import content_id
from evals.partitions import MIN_GATE_PRODUCTS, TRAINING_SHARE, Purpose, Roles, divide, key, partition, split
from evals.paths import DATA
from evals.records import Annotation, Annotator, Case, Escalation, Output, QueueItem
from evals.store import Store
from workbench.cli import app
from workbench.context import open_store, run_named

PERSON = Annotator("annotator-ann", "ann@example.org", "ann", ("en",))
POLICY = gate.load_policy(DATA / "policies" / "highlights.yaml")


# ---------------------------------------------------------------------------------------------- the plan


def test_the_hash_gives_about_a_fifth_to_training_and_splits_it_independently() -> None:
    names = [f"SKU {number}" for number in range(5000)]
    given = [name for name in names if partition(name) == "training"]
    assert len(given) / len(names) == pytest.approx(TRAINING_SHARE, abs=0.02)
    assert sum(split(name) == "validation" for name in given) / len(given) == pytest.approx(0.1, abs=0.03)


@given(st.text(max_size=20))
def test_two_spellings_of_one_id_are_one_product(name: str) -> None:
    for other in (name.upper(), f" {name} ", name.casefold()):
        if key(other) == key(name):
            assert (partition(other), split(other)) == (partition(name), split(name))
    assert key("Ａ１  Café") == key("a1 cafe\u0301")


def stocked(count: int, languages: Sequence[str] = ("en",)) -> tuple[Store, list[Case]]:
    store = a_store()
    catalogue = [a_product(number) for number in range(count)]
    store.catalog.add_products(catalogue)
    return store, [a_case("highlights", one, tag, reviews=1) for one in catalogue for tag in languages]


def test_a_large_catalogue_gives_training_what_the_hash_says_and_every_case_has_one_purpose() -> None:
    store, cases = stocked(80, ("en", "ja"))
    found = divide(store, cases)
    assert {case.product_id for case in found["training"]} == {f"product-{n}" for n in range(80) if partition(f"product-{n}") == "training"}
    assert sorted(case.case_id for mine in found.values() for case in mine) == sorted(case.case_id for case in cases)


def test_a_small_catalogue_gives_the_gate_everything_and_so_does_a_product_with_a_case_in_a_small_language() -> None:
    store, cases = stocked(MIN_GATE_PRODUCTS)
    assert divide(store, cases)["training"] == []
    store, cases = stocked(80)
    meant = [f"product-{number}" for number in range(80) if partition(f"product-{number}") == "training"]
    cases += [a_case("highlights", a_product(int(meant[0].partition("-")[2])), "ta", reviews=1)]
    assert {case.product_id for case in divide(store, cases)["training"]} == set(meant[1:])


def test_what_was_done_outlasts_the_plan_when_the_catalogue_grows() -> None:
    store, few = stocked(12)
    make_dataset(store, "while it was small", divide(store, few)["gate"], NOW)
    store.catalog.add_products([a_product(number) for number in range(80)])
    found = divide(store, [a_case("highlights", a_product(number), "en", reviews=2) for number in range(80)])
    assert {f"product-{number}" for number in range(12)} <= {case.product_id for case in found["gate"]}
    assert found["training"] and all(partition(case.product_id) == "training" for case in found["training"])


def test_a_product_given_by_name_is_trainings_and_one_the_gate_holds_is_refused() -> None:
    store, cases = stocked(12)
    given = divide(store, cases, training=["Product-3"])
    assert [case.product_id for case in given["training"]] == ["product-3"] and len(given["gate"]) == 11
    make_dataset(store, "for training", given["training"], NOW, "training")
    assert divide(store, cases) == given, "once is enough"
    make_dataset(store, "for the gate", given["gate"], NOW)
    with pytest.raises(InputError, match="the gate holds product-4"):
        divide(store, cases, training=["product-4"])


# ---------------------------------------------------------------------------------------------- whatever is done


class World:
    """A store in which everything may be tried, over eight products; what the code refuses is not done."""

    def __init__(self) -> None:
        self.store = a_store()
        self.store.catalog.add_products([a_product(number) for number in range(8)])
        self.exported: set[str] = set()

    def do(self, step: str, numbers: list[int]) -> None:
        with suppress(InputError, MoreNeededError):
            getattr(self, step)(numbers)

    def gate_dataset(self, numbers: list[int]) -> None:
        self._runs(_cases(numbers), "gate")

    def training_dataset(self, numbers: list[int]) -> None:
        self._runs(_cases(numbers), "training")

    def divided(self, numbers: list[int]) -> None:
        for purpose, mine in divide(self.store, _cases(range(8), reviews=numbers[0]), training=["product-1"]).items():
            if mine:
                self._runs(mine, purpose)

    def decide(self, numbers: list[int]) -> None:
        datasets = self.store.runs.datasets()
        dataset = datasets[numbers[0] % len(datasets)].dataset_id if datasets else None
        pair = [run.run_id for run in self.store.runs.runs() if run.dataset_id == dataset]
        if len(pair) == 2:
            gate.decide(self.store, POLICY, *pair, now=NOW)

    def report(self, numbers: list[int]) -> None:
        items = self.store.queue.items()
        if items:
            item = items[numbers[0] % len(items)]
            name = content_id("escalation", item.item_id)
            self.store.escalations.add(Escalation(name, "highlights", str(item.case_id), str(item.output_id), "no", "shop", NOW))

    def export(self, numbers: list[int]) -> None:
        del numbers
        with tempfile.TemporaryDirectory() as folder:
            files.export(self.store, Path(folder), prompt_of=_prompt, now=NOW, actor="test")
            lines = (Path(folder) / "provenance.jsonl").read_text("utf-8").splitlines()
        self.exported |= {json.loads(line)["product_id"] for line in lines}

    def held(self) -> set[str]:
        """Products of every dataset that a decision has read or could read, found without the code under test."""
        apart = {event.subject for event in self.store.ledger.events(10_000) if event.action == "set aside for training"}
        runs = {run.run_id: run.dataset_id for run in self.store.runs.runs()}
        read = {runs[run] for one in self.store.ledger.decisions() for run in (one.champion_run_id, one.candidate_run_id)}
        names = {dataset.dataset_id for dataset in self.store.runs.datasets()}
        return {case.product_id for name in (names - apart) | read for case in self.store.runs.cases(name)}

    def _runs(self, cases: Sequence[Case], purpose: Purpose) -> None:
        dataset = make_dataset(self.store, purpose, cases, NOW, purpose)
        for name in ("champion", "candidate"):
            variant = a_variant("highlights", name)
            self.store.runs.add_variant(variant)
            run = self.store.runs.add_run(a_run(variant, dataset))
            outputs = [
                an_output(run, case, f"Most reviewers praise the sound of it, says the {name}.")
                for case in self.store.runs.cases(dataset.dataset_id)
            ]
            self.store.runs.add_outputs(outputs)
            for output in outputs:
                self._label(output)

    def _label(self, output: Output) -> None:
        item_id = content_id("item", output.output_id)
        fields = ("highlights/en/failures-v1", "highlights", "en", "failures-v1", output.output_id, "random audit", 1.0, 1, NOW, {})
        self.store.queue.add_items([QueueItem(item_id, *fields, output.run_id, output.case_id, output.output_id)])  # type: ignore[arg-type]
        self.store.labels.put_annotators([PERSON])
        note = Annotation(annotation_id(item_id, PERSON.annotator_id), item_id, PERSON.annotator_id, "none", None, NOW, NOW)
        self.store.labels.put_annotations([note])


def _cases(numbers: Sequence[int], reviews: int = 0) -> list[Case]:
    return [a_case("highlights", a_product(number), "en", reviews=reviews) for number in dict.fromkeys(numbers)]


def _prompt(case: Case, output: Output) -> list[dict[str, str]]:
    del output
    return [{"role": "user", "content": f"Sum up {case.product_id}."}]


STEPS = ("gate_dataset", "training_dataset", "divided", "decide", "report", "export")


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.lists(st.integers(0, 7), min_size=1, max_size=4)), min_size=4, max_size=12))
def test_no_product_of_an_exported_row_is_ever_in_a_dataset_the_gate_reads(steps: list[tuple[str, list[int]]]) -> None:
    world = World()
    for step, numbers in steps:
        world.do(step, numbers)
        assert not world.exported & world.held(), f"after {step} {numbers}"
        assert world.exported <= world.store.exposure.exposed()
        roles = Roles.read(world.store)
        assert {roles.role(product_id) for product_id in world.exported} <= {"training"}


def test_the_property_is_not_empty() -> None:
    world = World()
    for step, numbers in (
        ("gate_dataset", [0, 1]),
        ("training_dataset", [2, 3]),
        ("export", [0]),
        ("decide", [0]),
        ("decide", [1]),
        ("report", [3]),
    ):
        world.do(step, numbers)
    assert world.exported == {"product-2", "product-3"} and world.held() == {"product-0", "product-1"}
    assert len(world.store.ledger.decisions()) == 1


def test_a_report_about_what_training_has_seen_keeps_no_gate_waiting() -> None:
    world = World()
    for step, numbers in (("gate_dataset", [0, 1]), ("training_dataset", [2]), ("export", [0])):
        world.do(step, numbers)
    item = next(item for item in world.store.queue.items() if world.store.runs.case(str(item.case_id)).product_id == "product-2")
    world.store.escalations.add(Escalation("escalation-1", "highlights", str(item.case_id), str(item.output_id), "no", "shop", NOW))
    for number in range(2):
        world.do("decide", [number])
    (decision,) = world.store.ledger.decisions()
    (regression,) = [one for one in decision.body["requirements"] if one["kind"] == "regression"]
    assert [cell["verdict"] for cell in regression["cells"]] == ["pass"]


# ---------------------------------------------------------------------------------------------- the command line


def plumb(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output if result.exception is None else f"{result.output}{result.exception}"


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    assert plumb("import", "products", str(DATA / "sample" / "products.yaml"))[0] == 0
    assert plumb("import", "reviews", str(DATA / "sample" / "reviews.jsonl"), "--quiet")[0] == 0
    return open_store()


def test_the_sample_keeps_its_gate_whole_unless_a_product_is_given_away_by_name(imported: Store, tmp_path: Path) -> None:
    few = ("--min-per-language", "21", "--no-score", "--quiet")  # a case or two a product: the sentences are the point
    status, said = plumb("run", "highlights", "--for", "training", *few)
    assert status == 1 and f"each language keeps {MIN_GATE_PRODUCTS} products for the gate first" in said
    status, said = plumb("export", "training", "-o", str(tmp_path / "out"))
    assert status == 1 and "nobody has labelled anything yet" in said
    assert plumb("run", "highlights", "--for", "training", "--product", "tent-duna", *few)[0] == 0
    (run,) = imported.runs.runs()
    assert {case.product_id for case in imported.runs.cases(run.dataset_id)} == {"tent-duna"}
    with pytest.raises(Exception, match="no highlights run"):
        run_named(imported, "highlights", "template")
    assert plumb("run", "highlights", *few)[0] == 0
    champion = run_named(imported, "highlights", "template")
    assert len({case.product_id for case in imported.runs.cases(champion.dataset_id)}) == 11
    status, said = plumb("run", "highlights", "--for", "training", "--product", "hp-aurora", *few)
    assert status == 1 and "the gate holds hp-aurora" in said
