"""Leaked keys made harmless: planned, done, told in a journal that cannot be changed unseen, and undone."""
