"""Sizes as people write them on the command line: `500MB`, `5GB`, `2TiB`."""

from __future__ import annotations

import re

import click

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class _Size(click.ParamType[int]):
    """Bytes."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How many bytes are meant."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value} is no size: write it like 500MB or 5GB.", param, ctx)
        number, power, is_binary = found.groups()
        return int(float(number) * (1024 if is_binary else 1000) ** _POWERS[power.lower()])


SIZE = _Size()
