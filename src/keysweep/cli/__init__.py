"""The command line: one file per command, registered lazily in `main.py`."""
