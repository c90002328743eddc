"""Natural language inference on a tiny model made here: it has learnt that "yes" in the evidence entails and "no" contradicts."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

from evals.claims import claims_of
from evals.errors import SetupError
from evals.grounding.base import Item, metric_of
from evals.records import AspectRow, Case, Output, Passage
from runner.nli import Nli

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "yes", "no", "maybe", "word", "it", "is", "good", ".", "Sound", ":", "positive"]
LENGTH = 48


def a_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", model_max_length=LENGTH
    )


def a_config(labels: dict[int, str]) -> BertConfig:
    return BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=LENGTH, num_labels=len(labels), id2label=labels, label2id={name: n for n, name in labels.items()},
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.2,
    )  # fmt: skip


def trained(labels: dict[int, str], target: dict[str, int]) -> BertForSequenceClassification:
    """Learns from lines of "word" with one word among them, wherever, that decides."""
    torch.manual_seed(0)
    random = Random(0)
    model, tokenizer = BertForSequenceClassification(a_config(labels)), a_tokenizer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(90):
        words = [word for word in target for _ in range(24 // len(target))]
        lines = [" ".join(["word"] * random.randint(0, 19) + [word] + ["word"] * random.randint(0, 19)) for word in words]
        wanted = torch.tensor([target[word] for word in words])
        logits = model(**tokenizer(lines, ["it is good"] * len(lines), padding=True, return_tensors="pt")).logits
        loss = binary_cross_entropy_with_logits(logits[:, 0], wanted.float()) if len(labels) == 1 else cross_entropy(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def saved(model, folder: Path) -> str:
    model.save_pretrained(folder)
    a_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are most of the time of so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> str:
    labels = {0: "CONTRADICTION", 1: "Neutral", 2: "entailment"}
    return saved(trained(labels, {"no": 0, "maybe": 1, "word": 1, "yes": 2}), tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> str:
    """As HHEM: one logit, that of support."""
    return saved(trained({0: "LABEL_0"}, {"no": 0, "maybe": 0, "word": 0, "yes": 1}), tmp_path_factory.mktemp("one"))


def items(*evidence: str, text: str = "it is good.", aspects=(), language: str = "en") -> list[Item]:
    passages = tuple(Passage(n, "review", f"r{n}", language, text_, 100, 100 + len(text_)) for n, text_ in enumerate(evidence, 1))
    case = Case("case", "assistant", "product", language, "audio", {})
    output = Output(f"output-{hash(evidence)}", "run", "case", text, "ok", "now", passages, aspects)
    return [Item(case, output, claim) for claim in claims_of(output, language)]


def alone(model: str, *evidence: str, precision="fp32", **options):
    [found] = Nli(model, precision).judge(items(*evidence, **options))
    return found


# ---------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(("word", "verdict"), [("yes", "grounded"), ("no", "contradicted"), ("maybe", "unsupported")])
def test_the_label_decides_by_its_name_whatever_its_place(three, precision, word, verdict):
    found = alone(three, f"word {word} word", precision=precision)
    assert found.verdict == verdict
    assert found.probability is not None and (found.probability > 0.5) == (verdict == "grounded")
    assert found.passage is not None and found.passage.number == 1


def test_one_that_entails_outweighs_one_that_contradicts(three):
    found = alone(three, "word no", "word maybe", "word yes")
    assert (found.verdict, found.passage.number) == ("grounded", 3)
    assert found.extra["contradiction"] > 0.5


def test_a_model_with_one_logit_gives_support_and_no_contradiction(one):
    assert alone(one, "word yes").verdict == "grounded"
    found = alone(one, "word no")
    assert (found.verdict, found.extra) == ("unsupported", {})


def test_int8_says_what_fp32_says_and_is_another_judge(three):
    asked = [item for word in ("yes", "no", "maybe") for item in items(f"word {word}", f"word word {word}")]
    exact, rough = Nli(three, "fp32"), Nli(three, "int8")
    for ours, theirs in zip(exact.judge(asked), rough.judge(asked), strict=True):
        assert ours.verdict == theirs.verdict
        assert ours.probability == pytest.approx(theirs.probability, abs=0.1)
    assert exact.signature != rough.signature


# ---------------------------------------------------------------------------------------------- windows and batches


def test_long_evidence_is_read_in_windows_and_the_one_that_decides_is_the_span(three):
    long = " ".join(["word"] * 200 + ["yes"] + ["word"] * 200)
    found = alone(three, long)
    assert found.verdict == "grounded"
    start, end = found.span
    assert "yes" in long[start:end]
    assert end - start < len(long) / 5
    assert found.measured().detail["start"] == 100 + start


def test_an_answer_does_not_depend_on_what_else_is_asked(three):
    asked = [item for n in range(1, 20) for item in items(" ".join(["word"] * n + ["yes" if n % 2 else "no"]))]
    together = Nli(three, "fp32", batch=7).judge(asked)
    for item, found in zip(asked, together, strict=True):
        [apart] = Nli(three, "fp32", batch=1).judge([item])
        assert apart.verdict == found.verdict and apart.probability == pytest.approx(found.probability, abs=1e-5)


def test_counted_opinions_are_evidence_too(three):
    found = alone(three, aspects=(AspectRow("yes", 3, 0, 0, 3),))
    assert (found.verdict, found.passage, found.extra["aspect"]) == ("grounded", None, "yes")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (items(), "no evidence"),
        (items("   "), "no evidence"),
        (items("word yes", text="word " * 60), "too long"),
    ],
)
def test_what_cannot_be_judged_has_no_value_but_a_reason(three, asked, why):
    [found] = Nli(three, "fp32").judge(asked)
    assert why in found.why and found.measured().value is None


@pytest.mark.parametrize("text", ["word yes \ud800", "\u202eyes", "yes" + "\u0300" * 500, "x" * 100_000, "\x00 yes"])
def test_hostile_evidence_is_judged_or_said_not_to_be(three, text):
    found = alone(three, text)
    assert (found.measured().value is None) == (found.verdict == "not_checkable")


def test_a_language_that_is_not_ours_is_judged_all_the_same(three):
    assert alone(three, "word yes", language="xx").verdict == "grounded"


def test_as_a_metric_it_names_model_weights_and_precision_but_no_path(three):
    metric = metric_of(Nli(three, "fp32"))
    asked = items("word yes")
    [score] = metric.measure(asked[0].case, asked[0].output, [item.claim for item in asked])
    assert (score.metric, score.source) == ("nli", "model") and score.value > 0.5
    assert "precision:fp32" in score.signature and str(Path(three).parent) not in score.signature and len(score.signature) <= 256


# ---------------------------------------------------------------------------------------------- models that cannot be used


def renamed(folder: str, target: Path, **labels: str) -> str:
    for path in Path(folder).iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    config = json.loads((target / "config.json").read_text())
    config["id2label"] = {str(n): name for n, name in enumerate(labels.values())}
    (target / "config.json").write_text(json.dumps(config))
    return str(target)


def test_labels_without_a_meaning_are_refused_until_somebody_says_what_they_mean(three, tmp_path):
    model = renamed(three, tmp_path, a="LABEL_0", b="LABEL_1", c="LABEL_2")
    with pytest.raises(SetupError, match="say which of them means entailment"):
        Nli(model)
    told = Nli(model, "fp32", labels=("contradiction", "neutral", "entailment"))
    assert told.judge(items("word yes"))[0].verdict == "grounded"
    with pytest.raises(SetupError, match="must name as many"):
        Nli(model, labels=("entailment",))


@pytest.mark.parametrize(
    ("names", "verdict"),
    [(("not_entailment", "not_entailment", "entailment"), "unsupported"), (("refuted", "not enough info", "supported"), "contradicted")],
)
def test_other_names_for_the_same_labels_are_understood(three, tmp_path, names, verdict):
    model = renamed(three, tmp_path, a=names[0], b=names[1], c=names[2])
    assert Nli(model, "fp32").judge(items("word no"))[0].verdict == verdict


def test_a_model_without_a_trained_head_is_refused(three, tmp_path):
    folder = Path(renamed(three, tmp_path, a="contradiction", b="neutral", c="entailment"))
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if not k.startswith("classifier")}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SetupError, match="was not trained to classify"):
        Nli(str(folder))


def test_a_model_that_is_not_there_or_broken_is_one_sentence(three, tmp_path):
    with pytest.raises(SetupError, match=r"no config\.json there"):
        Nli(str(tmp_path / "absent"))
    BertModel(a_config({0: "a"})).save_pretrained(tmp_path / "bare")
    (tmp_path / "bare" / "model.safetensors").unlink()
    a_tokenizer().save_pretrained(tmp_path / "bare")
    with pytest.raises(SetupError, match="cannot be loaded"):
        Nli(str(tmp_path / "bare"))
    with pytest.raises(SetupError, match="not fp32 or int8"):
        Nli(three, "int4")  # type: ignore[arg-type]  # what a file may say
