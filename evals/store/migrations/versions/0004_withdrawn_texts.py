"""A reported text that was wrong stays hidden after its escalation is resolved; what is published is found by product and language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    with op.batch_alter_table('escalation') as batch:
        batch.add_column(sa.Column('withdrawn', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('escalation') as batch:
        batch.alter_column('withdrawn', existing_type=sa.Boolean(), server_default=None)
    op.create_index('ix_eval_case_product_language', 'eval_case', ['product_id', 'language'], unique=False)
    op.create_index('ix_output_case', 'output', ['case_id'], unique=False)
    op.create_index('ix_escalation_case', 'escalation', ['case_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_escalation_case', table_name='escalation')
    op.drop_index('ix_output_case', table_name='output')
    op.drop_index('ix_eval_case_product_language', table_name='eval_case')
    with op.batch_alter_table('escalation') as batch:
        batch.drop_column('withdrawn')
