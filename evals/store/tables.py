"""The tables, one per record of `evals.records`; column names are field names. Mappings and tuples are JSON."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(name: str) -> Column[str]:
    return Column(name, String(128), primary_key=True)


def _ref(name: str, target: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, String(128), ForeignKey(target), primary_key=primary_key, nullable=False)


def _maybe(name: str, target: str) -> Column[str]:
    return Column(name, String(128), ForeignKey(target))


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _word(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(128), nullable=nullable)


def _number(name: str, *, nullable: bool = True) -> Column[float]:
    return Column(name, Float, nullable=nullable)


def _json(name: str) -> Column[object]:
    return Column(name, JSON, nullable=False)


def _number_in_order() -> Column[int]:
    """Given by the writer, one above the newest: of two that saw the same newest row, only one can write."""
    return Column("number", Integer, primary_key=True, autoincrement=False)


product = Table("product", metadata, _key("product_id"), _text("title"), _word("category"), _json("attributes"))
review = Table(
    "review",
    metadata,
    _key("review_id"),
    _ref("product_id", "product.product_id"),
    _word("language"),
    _text("text"),
    _text("title", nullable=True),
    _number("rating"),
    _word("date", nullable=True),
    _text("source_id", nullable=True),
    _word("language_source"),
    Index("ix_review_product_language", "product_id", "language"),
)
question = Table(
    "question",
    metadata,
    _key("question_id"),
    _ref("product_id", "product.product_id"),
    _word("language"),
    _text("text"),
    _text("answer", nullable=True),
    Index("ix_question_product_language", "product_id", "language"),
)
case = Table(
    "eval_case",
    metadata,
    _key("case_id"),
    _word("feature"),
    _ref("product_id", "product.product_id"),
    _word("language"),
    _word("category"),
    _json("inputs"),
    Index("ix_eval_case_product_language", "product_id", "language"),
)
dataset = Table(
    "dataset",
    metadata,
    _key("dataset_id"),
    _word("name"),
    _word("feature"),
    Column("cases", Integer, nullable=False),
    _word("created_at"),
)
dataset_case = Table(
    "dataset_case",
    metadata,
    _ref("dataset_id", "dataset.dataset_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    _ref("case_id", "eval_case.case_id"),
)
variant = Table("variant", metadata, _key("variant_id"), _word("name"), _word("feature"), _json("settings"))
run = Table(
    "run",
    metadata,
    _key("run_id"),
    _word("feature"),
    _ref("variant_id", "variant.variant_id"),
    _ref("dataset_id", "dataset.dataset_id"),
    _word("created_at"),
    _word("finished_at", nullable=True),
)
output = Table(
    "output",
    metadata,
    _key("output_id"),
    _ref("run_id", "run.run_id"),
    _ref("case_id", "eval_case.case_id"),
    _text("text"),
    _word("status"),
    _word("created_at"),
    _json("passages"),
    _json("aspects"),
    _text("error", nullable=True),
    Column("prompt_tokens", Integer, nullable=False),
    Column("generated_tokens", Integer, nullable=False),
    _number("first_token_s"),
    _number("total_s"),
    Index("ix_output_run_case", "run_id", "case_id", unique=True),
    Index("ix_output_case", "case_id"),
)
finding = Table(
    "finding",
    metadata,
    _key("finding_id"),
    _ref("output_id", "output.output_id"),
    _word("rail"),
    _word("action"),
    _word("target"),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    _text("detail"),
    _text("source_id", nullable=True),
    Index("ix_finding_output", "output_id"),
)
claim = Table(
    "claim",
    metadata,
    _key("claim_id"),
    _ref("output_id", "output.output_id"),
    Column("ordinal", Integer, nullable=False),
    _text("text"),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    _json("citations"),
    Index("ix_claim_output", "output_id"),
)
score = Table(
    "score",
    metadata,
    _ref("run_id", "run.run_id"),
    _ref("case_id", "eval_case.case_id"),
    _word("subject"),
    _key("subject_id"),
    _key("metric"),
    Column("signature", String(256), primary_key=True),
    _word("source"),
    _number("value"),
    _text("reason", nullable=True),
    _json("detail"),
    Index("ix_score_run_metric", "run_id", "metric", "value"),
)
annotator = Table(
    "annotator",
    metadata,
    _key("annotator_id"),
    _text("email"),
    _text("name"),
    _json("languages"),
    Column("simulated", Boolean, nullable=False),
    Column("expert", Boolean, nullable=False),
    Column("daily_limit", Integer),
    _text("paused_because", nullable=True),
)
queue_item = Table(
    "queue_item",
    metadata,
    _key("item_id"),
    _word("queue"),
    _word("feature"),
    _word("language"),
    _word("rubric"),
    _word("subject_id"),
    _word("why"),
    _number("probability", nullable=False),
    Column("overlap", Integer, nullable=False),
    _word("created_at"),
    _json("data"),
    _maybe("run_id", "run.run_id"),
    _maybe("case_id", "eval_case.case_id"),
    _maybe("output_id", "output.output_id"),
    _maybe("claim_id", "claim.claim_id"),
    _maybe("other_output_id", "output.output_id"),
    _word("first", nullable=True),
    _word("origin_id", nullable=True),
    Index("ix_queue_item_queue", "queue"),
    Index("ix_queue_item_run", "run_id"),
    Index("ix_queue_item_subject", "subject_id", "rubric"),
    Index("ix_queue_item_case", "case_id"),
    Index("ix_queue_item_language", "language", "created_at", "item_id", "why", "overlap"),
    Index("ix_queue_item_why", "why", "language", "created_at", "item_id"),
)
answer_key = Table(
    "answer_key",
    metadata,
    _ref("item_id", "queue_item.item_id", primary_key=True),
    Column("verdict", String(256), nullable=False),
    _word("origin"),
    _word("created_at"),
    _maybe("worse_than", "queue_item.item_id"),
    Column("practice", Boolean, nullable=False),
)
reservation = Table(
    "reservation",
    metadata,
    _ref("item_id", "queue_item.item_id", primary_key=True),
    _ref("annotator_id", "annotator.annotator_id", primary_key=True),
    _word("reserved_at"),
    _word("expires_at"),
    _word("outcome", nullable=True),
    Index("ix_reservation_annotator", "annotator_id", "expires_at"),
)
studio_project = Table(
    "studio_project",
    metadata,
    _key("queue"),
    _key("server_url"),
    Column("project_id", Integer, nullable=False),
    _word("rubric_sha256"),
)
studio_task = Table(
    "studio_task",
    metadata,
    _ref("item_id", "queue_item.item_id", primary_key=True),
    _key("server_url"),
    Column("project_id", Integer, nullable=False),
    Column("task_id", Integer, nullable=False),
)
studio_cursor = Table(
    "studio_cursor",
    metadata,
    _key("server_url"),
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    _word("updated_at"),
)
annotation = Table(
    "annotation",
    metadata,
    _key("annotation_id"),
    _ref("item_id", "queue_item.item_id"),
    _ref("annotator_id", "annotator.annotator_id"),
    Column("verdict", String(256), nullable=False),
    _text("comment", nullable=True),
    _word("created_at"),
    _word("updated_at"),
    _number("lead_time_s"),
    Column("deleted", Boolean, nullable=False),
    _json("detail"),
    Index("ix_annotation_item", "item_id", "deleted", "annotator_id"),
    Index("ix_annotation_annotator", "annotator_id", "created_at"),
)
annotation_edit = Table(
    "annotation_edit",
    metadata,
    _ref("annotation_id", "annotation.annotation_id", primary_key=True),
    Column("updated_at", String(128), primary_key=True),
    Column("verdict", String(256), nullable=False),
    _text("comment", nullable=True),
    Column("deleted", Boolean, nullable=False),
    _json("detail"),
)
escalation = Table(
    "escalation",
    metadata,
    _key("escalation_id"),
    _word("feature"),
    _ref("case_id", "eval_case.case_id"),
    _ref("output_id", "output.output_id"),
    _text("report"),
    _text("reporter"),
    _word("created_at"),
    _word("resolved_at", nullable=True),
    _text("resolution", nullable=True),
    Column("withdrawn", Boolean, nullable=False),
    Index("ix_escalation_output", "output_id"),
    Index("ix_escalation_case", "case_id"),
)
decision = Table(
    "decision",
    metadata,
    _key("decision_id"),
    _word("feature"),
    _word("policy_sha256"),
    _ref("champion_run_id", "run.run_id"),
    _ref("candidate_run_id", "run.run_id"),
    _word("outcome"),
    _text("reason"),
    _word("created_at"),
    _json("body"),
)
promotion = Table(
    "promotion",
    metadata,
    _number_in_order(),
    _word("feature"),
    _ref("variant_id", "variant.variant_id"),
    Column("decision_id", String(128), ForeignKey("decision.decision_id")),
    _text("actor"),
    _text("reason"),
    _word("created_at"),
    _word("marketplace"),
    _word("action"),
    Column("before", Integer),
)
audit_event = Table(
    "audit_event",
    metadata,
    _number_in_order(),
    _word("created_at"),
    _text("actor"),
    _word("action"),
    _text("subject"),
    _json("detail"),
    _word("hash"),
)
rollup = Table(
    "rollup",
    metadata,
    _ref("run_id", "run.run_id", primary_key=True),
    _key("metric"),
    Column("signature", String(256), primary_key=True),
    _key("language"),
    _key("category"),
    Column("measured", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    _number("total", nullable=False),
)
certificate = Table(
    "certificate",
    metadata,
    _key("certificate_id"),
    _word("judge"),
    Column("signature", String(256), nullable=False),
    _word("rubric"),
    _word("language"),
    _word("labels"),
    Column("n", Integer, nullable=False),
    Column("positives", Integer, nullable=False),
    Column("groups", Integer, nullable=False),
    Column("not_measured", Integer, nullable=False),
    _word("created_at"),
    _word("expires_at"),
    _text("reason", nullable=True),
    _json("measures"),
    Index("ix_certificate_judge", "judge", "language", "created_at"),
)
retest = Table(
    "retest",
    metadata,
    _key("retest_id"),
    _ref("certificate_id", "certificate.certificate_id"),
    _word("created_at"),
    Column("n", Integer, nullable=False),
    _text("reason", nullable=True),
    _json("measures"),
    Index("ix_retest_certificate", "certificate_id", "created_at"),
)
judge_call = Table(
    "judge_call",
    metadata,
    _key("call_id"),
    _word("request"),
    _word("judge"),
    _word("purpose"),
    _word("created_at"),
    _number("seconds", nullable=False),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    _number("usd"),
    _text("error", nullable=True),
    Index("ix_judge_call_judge", "judge", "purpose", "created_at"),
)
preference = Table(
    "preference",
    metadata,
    _key("preference_id"),
    _word("judge"),
    Column("signature", String(256), nullable=False),
    _ref("case_id", "eval_case.case_id"),
    _ref("output_id", "output.output_id"),
    _ref("other_output_id", "output.output_id"),
    _word("verdict", nullable=True),
    _word("created_at"),
    _text("reason", nullable=True),
    _json("detail"),
    Index("ix_preference_judge", "judge", "signature"),
    Index("ix_preference_output", "output_id", "other_output_id"),
)
finding_review = Table(
    "finding_review",
    metadata,
    _ref("finding_id", "finding.finding_id", primary_key=True),
    _key("reviewer"),
    Column("right", Boolean, nullable=False),
    _word("created_at"),
    _text("comment", nullable=True),
)
delivery = Table(
    "delivery",
    metadata,
    _key("delivery_id"),
    _word("endpoint"),
    _text("host"),
    _text("body"),
    _word("created_at"),
    Column("attempts", Integer, nullable=False),
    _word("due_at"),
    _word("delivered_at", nullable=True),
    _text("error", nullable=True),
    Index("ix_delivery_due", "delivered_at", "due_at"),
)
experiment = Table(
    "experiment",
    metadata,
    _key("experiment_id"),
    _word("feature"),
    _text("hypothesis"),
    _ref("dataset_id", "dataset.dataset_id"),
    _ref("champion_run_id", "run.run_id"),
    _json("policy"),
    _word("policy_sha256"),
    _word("looks"),
    Column("seed", Integer, nullable=False),
    Column("exploratory", Boolean, nullable=False),
    _number("alpha", nullable=False),
    _number("level", nullable=False),
    _text("actor"),
    _word("created_at"),
    Index("ix_experiment_feature", "feature", "created_at"),
)
experiment_arm = Table(
    "experiment_arm",
    metadata,
    _ref("experiment_id", "experiment.experiment_id", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _ref("run_id", "run.run_id"),
    Index("ix_experiment_arm_run", "run_id"),
)
experiment_end = Table(
    "experiment_end",
    metadata,
    _ref("experiment_id", "experiment.experiment_id", primary_key=True),
    _word("outcome"),
    Column("promoted", Integer, nullable=False),
    Column("labels", Integer, nullable=False),
    _text("actor"),
    _text("reason"),
    _word("created_at"),
    _json("body"),
)
sealed_set = Table(
    "sealed_set",
    metadata,
    _key("sealed_id"),
    _word("feature"),
    _text("name"),
    _word("commitment"),
    Column("cases", Integer, nullable=False),
    _json("body"),
    _text("actor"),
    _word("created_at"),
    _word("opened_at", nullable=True),
    _text("opened_by", nullable=True),
    _text("opened_because", nullable=True),
    _maybe("dataset_id", "dataset.dataset_id"),
)
