"""What Alembic runs: the steps go through the connection, and the transaction, of whoever opened the store."""

from __future__ import annotations

from alembic import context

from keysweep.store.schema import metadata
from keysweep.store.views import drop_views, make_views

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
drop_views(connection)
context.run_migrations()
make_views(connection)
