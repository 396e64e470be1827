"""How the schema came to be what it is, step by step; run by Alembic."""
