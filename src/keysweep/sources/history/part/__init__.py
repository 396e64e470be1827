"""The part of history that was asked for: a range, a date, refs, paths."""
