"""The history of a repository: every object that was ever written, or the part of it that was asked for."""
