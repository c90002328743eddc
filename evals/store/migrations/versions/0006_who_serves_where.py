"""Champions by marketplace with the way back, the audit log as a chain of hashes, and the outbox of webhooks."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'


def _word(name, *, nullable=False):
    return sa.Column(name, sa.String(length=128), nullable=nullable)


def upgrade() -> None:
    for table in ('promotion', 'audit_event'):
        op.execute(f'ALTER TABLE {table} RENAME COLUMN row_id TO number')
    with op.batch_alter_table('promotion') as batch:
        batch.add_column(sa.Column('marketplace', sa.String(length=128), nullable=False, server_default='all'))
        batch.add_column(sa.Column('action', sa.String(length=128), nullable=False, server_default='promote'))
        batch.add_column(sa.Column('before', sa.Integer(), nullable=True))
    with op.batch_alter_table('audit_event') as batch:
        batch.add_column(sa.Column('hash', sa.String(length=128), nullable=False, server_default=''))
    _name_promotions(op.get_bind())
    _chain_events(op.get_bind())
    for table, column in (('promotion', 'marketplace'), ('promotion', 'action'), ('audit_event', 'hash')):
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.String(length=128), existing_nullable=False, server_default=None)
    op.create_table('delivery',
    _word('delivery_id'), _word('endpoint'),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    _word('created_at'),
    sa.Column('attempts', sa.Integer(), nullable=False),
    _word('due_at'), _word('delivered_at', nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('delivery_id', name=op.f('pk_delivery'))
    )
    op.create_index('ix_delivery_due', 'delivery', ['delivered_at', 'due_at'], unique=False)


def _name_promotions(bind) -> None:
    """What each change was (the audit event of the same moment says it) and to which one a rollback from it goes."""
    said = sa.text('SELECT created_at, subject, action FROM audit_event')
    actions = {(row.created_at, row.subject): row.action for row in bind.execute(said)}
    before: dict[int, int | None] = {}
    served: dict[str, list] = {}
    for row in bind.execute(sa.text('SELECT number, feature, variant_id, created_at FROM promotion ORDER BY number')).all():
        earlier = served.setdefault(row.feature, [])
        action = actions.get((row.created_at, row.variant_id), 'promote' if earlier else 'install')
        restored = [one for one in earlier[:-1] if one.variant_id == row.variant_id] if action == 'rollback' else []
        back = before[restored[-1].number] if restored else earlier[-1].number if earlier else None
        before[row.number] = back
        bind.execute(
            sa.text('UPDATE promotion SET action = :action, before = :back WHERE number = :number'),
            {'action': action, 'back': back, 'number': row.number},
        )
        earlier.append(row)


def _chain_events(bind) -> None:
    """The hashes that the log would have had from the first day: `evals.records.decisions.chained` as of this revision."""
    event = sa.table('audit_event', *map(sa.column, ('number', 'created_at', 'actor', 'action', 'subject', 'hash')), sa.column('detail', sa.JSON))
    previous = ''
    for row in bind.execute(sa.select(event).order_by(event.c.number)).all():
        parts = ['audit', previous, row.number, row.created_at, row.actor, row.action, row.subject, row.detail]
        text = json.dumps(parts, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
        previous = hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()
        bind.execute(sa.update(event).where(event.c.number == row.number).values(hash=previous))


def downgrade() -> None:
    op.drop_index('ix_delivery_due', table_name='delivery')
    op.drop_table('delivery')
    with op.batch_alter_table('audit_event') as batch:
        batch.drop_column('hash')
    with op.batch_alter_table('promotion') as batch:
        for column in ('before', 'action', 'marketplace'):
            batch.drop_column(column)
    for table in ('promotion', 'audit_event'):
        op.execute(f'ALTER TABLE {table} RENAME COLUMN number TO row_id')
