"""A store written as JSON Lines, and read into another one: rows by names that every store has in common."""
