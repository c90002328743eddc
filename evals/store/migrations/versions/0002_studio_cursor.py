"""How far each labelling project has been collected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('studio_cursor',
    sa.Column('server_url', sa.String(length=128), nullable=False),
    sa.Column('project_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('updated_at', sa.String(length=128), nullable=False),
    sa.PrimaryKeyConstraint('server_url', 'project_id', name=op.f('pk_studio_cursor'))
    )


def downgrade() -> None:
    op.drop_table('studio_cursor')
