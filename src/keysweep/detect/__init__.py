"""Bytes in, findings out: pure, with no I/O."""
