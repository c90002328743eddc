"""Rollups of scores, judges' certificates, their bill, their preferences, and what people say of the rails' findings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'


def _word(name, *, nullable=False, size=128):
    return sa.Column(name, sa.String(length=size), nullable=nullable)


def upgrade() -> None:
    op.create_table('rollup',
    _word('run_id'), _word('metric'), _word('signature', size=256), _word('language'), _word('category'),
    sa.Column('measured', sa.Integer(), nullable=False),
    sa.Column('missing', sa.Integer(), nullable=False),
    sa.Column('total', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.run_id'], name=op.f('fk_rollup_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'metric', 'signature', 'language', 'category', name=op.f('pk_rollup'))
    )
    op.execute(
        'INSERT INTO rollup (run_id, metric, signature, language, category, measured, missing, total) '
        'SELECT s.run_id, s.metric, s.signature, c.language, c.category, COUNT(s.value), COUNT(*) - COUNT(s.value), COALESCE(SUM(s.value), 0) '
        'FROM score s JOIN eval_case c ON c.case_id = s.case_id GROUP BY s.run_id, s.metric, s.signature, c.language, c.category'
    )
    op.create_table('certificate',
    _word('certificate_id'), _word('judge'), _word('signature', size=256), _word('rubric'), _word('language'), _word('labels'),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('positives', sa.Integer(), nullable=False),
    sa.Column('groups', sa.Integer(), nullable=False),
    sa.Column('not_measured', sa.Integer(), nullable=False),
    _word('created_at'), _word('expires_at'),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('measures', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('certificate_id', name=op.f('pk_certificate'))
    )
    op.create_index('ix_certificate_judge', 'certificate', ['judge', 'language', 'created_at'], unique=False)
    op.create_table('retest',
    _word('retest_id'), _word('certificate_id'), _word('created_at'),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('measures', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificate.certificate_id'], name=op.f('fk_retest_certificate_id')),
    sa.PrimaryKeyConstraint('retest_id', name=op.f('pk_retest'))
    )
    op.create_index('ix_retest_certificate', 'retest', ['certificate_id', 'created_at'], unique=False)
    op.create_table('judge_call',
    _word('call_id'), _word('request'), _word('judge'), _word('purpose'), _word('created_at'),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.Column('prompt_tokens', sa.Integer(), nullable=True),
    sa.Column('completion_tokens', sa.Integer(), nullable=True),
    sa.Column('usd', sa.Float(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('call_id', name=op.f('pk_judge_call'))
    )
    op.create_index('ix_judge_call_judge', 'judge_call', ['judge', 'purpose', 'created_at'], unique=False)
    op.create_table('preference',
    _word('preference_id'), _word('judge'), _word('signature', size=256), _word('case_id'), _word('output_id'), _word('other_output_id'),
    _word('verdict', nullable=True), _word('created_at'),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['eval_case.case_id'], name=op.f('fk_preference_case_id')),
    sa.ForeignKeyConstraint(['output_id'], ['output.output_id'], name=op.f('fk_preference_output_id')),
    sa.ForeignKeyConstraint(['other_output_id'], ['output.output_id'], name=op.f('fk_preference_other_output_id')),
    sa.PrimaryKeyConstraint('preference_id', name=op.f('pk_preference'))
    )
    op.create_index('ix_preference_judge', 'preference', ['judge', 'signature'], unique=False)
    op.create_index('ix_preference_output', 'preference', ['output_id', 'other_output_id'], unique=False)
    op.create_table('finding_review',
    _word('finding_id'), _word('reviewer'),
    sa.Column('right', sa.Boolean(), nullable=False),
    _word('created_at'),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['finding_id'], ['finding.finding_id'], name=op.f('fk_finding_review_finding_id')),
    sa.PrimaryKeyConstraint('finding_id', 'reviewer', name=op.f('pk_finding_review'))
    )


def downgrade() -> None:
    for table in ('finding_review', 'preference', 'judge_call', 'retest', 'certificate', 'rollup'):
        op.drop_table(table)
