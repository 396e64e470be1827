"""A key rotated, step by step over hours and days, and its old one deleted in the end."""
