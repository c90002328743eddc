"""The experiment programme: what is tried, how it ended, and the cases that are kept sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'


def _word(name, *, nullable=False):
    return sa.Column(name, sa.String(length=128), nullable=nullable)


def _text(name, *, nullable=False):
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table('experiment',
    _word('experiment_id'), _word('feature'), _text('hypothesis'), _word('dataset_id'), _word('champion_run_id'),
    sa.Column('policy', sa.JSON(), nullable=False),
    _word('policy_sha256'), _word('looks'),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('exploratory', sa.Boolean(), nullable=False),
    sa.Column('alpha', sa.Float(), nullable=False),
    sa.Column('level', sa.Float(), nullable=False),
    _text('actor'), _word('created_at'),
    sa.ForeignKeyConstraint(['champion_run_id'], ['run.run_id'], name=op.f('fk_experiment_champion_run_id')),
    sa.ForeignKeyConstraint(['dataset_id'], ['dataset.dataset_id'], name=op.f('fk_experiment_dataset_id')),
    sa.PrimaryKeyConstraint('experiment_id', name=op.f('pk_experiment'))
    )
    op.create_index('ix_experiment_feature', 'experiment', ['feature', 'created_at'], unique=False)
    op.create_table('experiment_arm',
    _word('experiment_id'),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    _word('run_id'),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiment.experiment_id'], name=op.f('fk_experiment_arm_experiment_id')),
    sa.ForeignKeyConstraint(['run_id'], ['run.run_id'], name=op.f('fk_experiment_arm_run_id')),
    sa.PrimaryKeyConstraint('experiment_id', 'position', name=op.f('pk_experiment_arm'))
    )
    op.create_index('ix_experiment_arm_run', 'experiment_arm', ['run_id'], unique=False)
    op.create_table('experiment_end',
    _word('experiment_id'), _word('outcome'),
    sa.Column('promoted', sa.Integer(), nullable=False),
    sa.Column('labels', sa.Integer(), nullable=False),
    _text('actor'), _text('reason'), _word('created_at'),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiment.experiment_id'], name=op.f('fk_experiment_end_experiment_id')),
    sa.PrimaryKeyConstraint('experiment_id', name=op.f('pk_experiment_end'))
    )
    op.create_table('sealed_set',
    _word('sealed_id'), _word('feature'), _text('name'), _word('commitment'),
    sa.Column('cases', sa.Integer(), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    _text('actor'), _word('created_at'), _word('opened_at', nullable=True),
    _text('opened_by', nullable=True), _text('opened_because', nullable=True), _word('dataset_id', nullable=True),
    sa.ForeignKeyConstraint(['dataset_id'], ['dataset.dataset_id'], name=op.f('fk_sealed_set_dataset_id')),
    sa.PrimaryKeyConstraint('sealed_id', name=op.f('pk_sealed_set'))
    )


def downgrade() -> None:
    for table in ('sealed_set', 'experiment_end', 'experiment_arm', 'experiment'):
        op.drop_table(table)
