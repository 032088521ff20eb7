"""Alembic's entry point: run the migrations on the connection that run.py opens."""

from alembic import context

from app.migrations.declared_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
