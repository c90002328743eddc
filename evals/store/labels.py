"""Who labels, what they said, and what they said before: an annotation is replaced, never forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, func, select, update

from evals.records import Annotation, AnnotationEdit, Annotator, AnswerKey, Label
from evals.store import tables
from evals.store.rows import Record, batches, from_row, insert_missing, upsert

_OF_ITEM = ["item_id", "subject_id", "queue", "feature", "language", "rubric", "why", "probability"]
_OF_ITEM += ["run_id", "case_id", "output_id", "claim_id"]
_OF_NOTE = ["annotator_id", "verdict", "comment", "detail", "created_at", "updated_at", "lead_time_s"]


class Given(NamedTuple):
    """A label as it came in: when, by whom (name), in which queue."""

    created_at: str
    name: str
    simulated: bool
    queue: str
    language: str
    verdict: str


class Labels:
    """Annotators, annotations with their history, and the right answers we know."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ people
    def put_annotators(self, annotators: Iterable[Annotator]) -> None:
        """Add people, or change what is known of them."""
        with self._engine.begin() as connection:
            for batch in batches(annotators):
                upsert(connection, tables.annotator, batch)

    def annotators(self) -> list[Annotator]:
        return self._all(Annotator, select(tables.annotator).order_by(tables.annotator.c.email))

    # ------------------------------------------------------------------ annotations
    def put_annotations(self, annotations: Iterable[Annotation]) -> None:
        """Store new annotations and later edits of known ones; what an edited one said is kept as an `AnnotationEdit`."""
        for batch in batches(annotations):
            with self._engine.begin() as connection:
                self._keep_history(connection, [note.annotation_id for note in batch])
                upsert(connection, tables.annotation, batch)

    def mark_deleted(self, annotation_ids: Iterable[str]) -> None:
        """The server no longer has these."""
        t = tables.annotation
        for batch in batches(annotation_ids):
            with self._engine.begin() as connection:
                self._keep_history(connection, batch)
                connection.execute(update(t).where(t.c.annotation_id.in_(batch)).values(deleted=True))

    def annotations(self, item_ids: Iterable[str] | None = None) -> list[Annotation]:
        """Annotations, deleted ones included, of all items or of those named."""
        t = tables.annotation
        query = select(t).order_by(t.c.item_id, t.c.annotation_id)
        if item_ids is None:
            return self._all(Annotation, query)
        return [row for batch in batches(item_ids) for row in self._all(Annotation, query.where(t.c.item_id.in_(batch)))]

    def any_in(self, queue: str) -> bool:
        """Whether anybody has ever answered anything in a queue, deleted answers included."""
        note, item = tables.annotation, tables.queue_item
        query = select(note.c.annotation_id).join(item, item.c.item_id == note.c.item_id).where(item.c.queue == queue).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def edits(self, item_ids: Sequence[str]) -> list[AnnotationEdit]:
        """What the annotations of these items said before, oldest first."""
        note, edit = tables.annotation, tables.annotation_edit
        query = select(edit).join(note, note.c.annotation_id == edit.c.annotation_id).order_by(edit.c.updated_at, edit.c.annotation_id)
        return [row for batch in batches(item_ids) for row in self._all(AnnotationEdit, query.where(note.c.item_id.in_(batch)))]

    @staticmethod
    def _keep_history(connection: Connection, annotation_ids: Sequence[str]) -> None:
        t = tables.annotation
        rows = connection.execute(select(t).where(t.c.annotation_id.in_(annotation_ids))).mappings()
        insert_missing(connection, tables.annotation_edit, [from_row(AnnotationEdit, row) for row in rows])

    # ------------------------------------------------------------------ right answers
    def put_keys(self, keys: Iterable[AnswerKey]) -> None:
        """Remember the right answers of items."""
        for batch in batches(keys):
            with self._engine.begin() as connection:
                upsert(connection, tables.answer_key, batch)

    def keys(self) -> list[AnswerKey]:
        return self._all(AnswerKey, select(tables.answer_key).order_by(tables.answer_key.c.item_id))

    # ------------------------------------------------------------------ as they come in
    def per_day(self, since: str) -> list[tuple[str, str, int]]:
        """(queue, day as ``2026-11-22``, labels made that day) since a day, days in UTC; days without labels are not there."""
        item, note = tables.queue_item, tables.annotation
        day = func.substr(note.c.created_at, 1, 10)
        joined = note.join(item, item.c.item_id == note.c.item_id)
        query = select(item.c.queue, day, func.count()).select_from(joined).group_by(item.c.queue, day).order_by(item.c.queue, day)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(note.c.deleted.is_(False), note.c.created_at >= since[:10]))
            return [(row[0], row[1], row[2]) for row in rows]

    def latest(self, limit: int) -> list[Given]:
        """The newest labels, newest first."""
        item, note, who = tables.queue_item, tables.annotation, tables.annotator
        joined = note.join(item, item.c.item_id == note.c.item_id).join(who, who.c.annotator_id == note.c.annotator_id)
        columns = (note.c.created_at, who.c.name, who.c.simulated, item.c.queue, item.c.language, note.c.verdict)
        query = select(*columns).select_from(joined).where(note.c.deleted.is_(False))
        query = query.order_by(note.c.created_at.desc(), note.c.annotation_id).limit(limit)
        with self._engine.connect() as connection:
            return [Given(**row) for row in connection.execute(query).mappings()]

    # ------------------------------------------------------------------ joined
    def labels(
        self, *, run_id: str | None = None, case_id: str | None = None, rubric: str | None = None, feature: str | None = None
    ) -> list[Label]:
        """One row per living annotation, joined to item, case and product; all of them, or those that match."""
        item, note, kase = tables.queue_item, tables.annotation, tables.case
        joined = note.join(item, item.c.item_id == note.c.item_id).outerjoin(kase, kase.c.case_id == item.c.case_id)
        columns = [item.c[name] for name in _OF_ITEM] + [note.c[name] for name in _OF_NOTE] + [kase.c.product_id, kase.c.category]
        query = select(*columns).select_from(joined).where(note.c.deleted.is_(False))
        for column, wanted in ((item.c.run_id, run_id), (item.c.case_id, case_id), (item.c.rubric, rubric), (item.c.feature, feature)):
            query = query if wanted is None else query.where(column == wanted)
        return self._all(Label, query.order_by(item.c.case_id, item.c.subject_id, item.c.item_id, note.c.annotator_id))

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]
