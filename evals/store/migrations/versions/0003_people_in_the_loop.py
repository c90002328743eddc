"""People in the loop: items of any rubric, answer keys, reservations, edits, escalations. There is no way back: items without a claim
would be lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    with op.batch_alter_table('annotator') as batch:
        batch.add_column(sa.Column('expert', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column('daily_limit', sa.Integer(), nullable=True))
        batch.add_column(sa.Column('paused_because', sa.Text(), nullable=True))

    with op.batch_alter_table('queue_item') as batch:
        batch.add_column(sa.Column('subject_id', sa.String(length=128), nullable=True))
        batch.add_column(sa.Column('other_output_id', sa.String(length=128), nullable=True))
        batch.add_column(sa.Column('first', sa.String(length=128), nullable=True))
        batch.add_column(sa.Column('origin_id', sa.String(length=128), nullable=True))
        batch.create_foreign_key('fk_queue_item_other_output_id', 'output', ['other_output_id'], ['output_id'])
    op.execute('UPDATE queue_item SET subject_id = claim_id')
    with op.batch_alter_table('queue_item') as batch:
        batch.alter_column('subject_id', existing_type=sa.String(length=128), nullable=False)
        for name in ('run_id', 'case_id', 'output_id', 'claim_id'):
            batch.alter_column(name, existing_type=sa.String(length=128), nullable=True)
        batch.create_index('ix_queue_item_subject', ['subject_id', 'rubric'], unique=False)
        batch.create_index('ix_queue_item_case', ['case_id'], unique=False)
        batch.create_index('ix_queue_item_language', ['language', 'created_at', 'item_id', 'why', 'overlap'], unique=False)
        batch.create_index('ix_queue_item_why', ['why', 'language', 'created_at', 'item_id'], unique=False)

    op.execute("UPDATE studio_project SET rubric_sha256 = ''")  # what was asked is named in another way now

    with op.batch_alter_table('annotation') as batch:
        batch.add_column(sa.Column('detail', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch.alter_column('verdict', existing_type=sa.String(length=128), type_=sa.String(length=256), existing_nullable=False)
        batch.drop_index('ix_annotation_item')
        batch.create_index('ix_annotation_item', ['item_id', 'deleted', 'annotator_id'], unique=False)
        batch.create_index('ix_annotation_annotator', ['annotator_id', 'created_at'], unique=False)
    with op.batch_alter_table('annotator') as batch:
        batch.alter_column('expert', existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table('annotation') as batch:
        batch.alter_column('detail', existing_type=sa.JSON(), server_default=None)

    op.create_table('answer_key',
    sa.Column('item_id', sa.String(length=128), nullable=False),
    sa.Column('verdict', sa.String(length=256), nullable=False),
    sa.Column('origin', sa.String(length=128), nullable=False),
    sa.Column('created_at', sa.String(length=128), nullable=False),
    sa.Column('worse_than', sa.String(length=128), nullable=True),
    sa.Column('practice', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['item_id'], ['queue_item.item_id'], name=op.f('fk_answer_key_item_id')),
    sa.ForeignKeyConstraint(['worse_than'], ['queue_item.item_id'], name=op.f('fk_answer_key_worse_than')),
    sa.PrimaryKeyConstraint('item_id', name=op.f('pk_answer_key'))
    )
    op.create_table('reservation',
    sa.Column('item_id', sa.String(length=128), nullable=False),
    sa.Column('annotator_id', sa.String(length=128), nullable=False),
    sa.Column('reserved_at', sa.String(length=128), nullable=False),
    sa.Column('expires_at', sa.String(length=128), nullable=False),
    sa.Column('outcome', sa.String(length=128), nullable=True),
    sa.ForeignKeyConstraint(['annotator_id'], ['annotator.annotator_id'], name=op.f('fk_reservation_annotator_id')),
    sa.ForeignKeyConstraint(['item_id'], ['queue_item.item_id'], name=op.f('fk_reservation_item_id')),
    sa.PrimaryKeyConstraint('item_id', 'annotator_id', name=op.f('pk_reservation'))
    )
    op.create_index('ix_reservation_annotator', 'reservation', ['annotator_id', 'expires_at'], unique=False)
    op.create_table('annotation_edit',
    sa.Column('annotation_id', sa.String(length=128), nullable=False),
    sa.Column('updated_at', sa.String(length=128), nullable=False),
    sa.Column('verdict', sa.String(length=256), nullable=False),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('deleted', sa.Boolean(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['annotation_id'], ['annotation.annotation_id'], name=op.f('fk_annotation_edit_annotation_id')),
    sa.PrimaryKeyConstraint('annotation_id', 'updated_at', name=op.f('pk_annotation_edit'))
    )
    op.create_table('escalation',
    sa.Column('escalation_id', sa.String(length=128), nullable=False),
    sa.Column('feature', sa.String(length=128), nullable=False),
    sa.Column('case_id', sa.String(length=128), nullable=False),
    sa.Column('output_id', sa.String(length=128), nullable=False),
    sa.Column('report', sa.Text(), nullable=False),
    sa.Column('reporter', sa.Text(), nullable=False),
    sa.Column('created_at', sa.String(length=128), nullable=False),
    sa.Column('resolved_at', sa.String(length=128), nullable=True),
    sa.Column('resolution', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['eval_case.case_id'], name=op.f('fk_escalation_case_id')),
    sa.ForeignKeyConstraint(['output_id'], ['output.output_id'], name=op.f('fk_escalation_output_id')),
    sa.PrimaryKeyConstraint('escalation_id', name=op.f('pk_escalation'))
    )
    op.create_index('ix_escalation_output', 'escalation', ['output_id'], unique=False)
