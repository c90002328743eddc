"""Alembic's entry: the connection is handed over by `evals.store.migrate`."""

from alembic import context

from evals.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
