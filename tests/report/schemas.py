"""What reports are held to, from where it is published, and written down where no package has it."""

from __future__ import annotations

import jsonschema

from tests.published import published

_TEXT = {"type": "string", "minLength": 1}
_IDENTIFIER = {
    "type": "object",
    "required": ["type", "name", "value"],
    "properties": {
        "type": _TEXT,
        "name": _TEXT,
        "value": _TEXT,
        "url": {"type": "string", "pattern": "^(https?|ftp)://.+"},
    },
}
_TOOL = {
    "type": "object",
    "required": ["id", "name", "version", "vendor"],
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "version": _TEXT,
        "vendor": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
    },
}
_SECOND = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
GITLAB = {
    "type": "object",
    "required": ["scan", "version", "vulnerabilities"],
    "properties": {
        "version": {"type": "string", "pattern": r"^15\.[0-9]+\.[0-9]+$"},
        "scan": {
            "type": "object",
            "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
            "properties": {
                "analyzer": _TOOL,
                "scanner": _TOOL,
                "start_time": _SECOND,
                "end_time": _SECOND,
                "status": {"enum": ["success", "failure"]},
                "type": {"const": "secret_detection"},
                "messages": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["level", "value"],
                        "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": _TEXT},
                    },
                },
            },
        },
        "vulnerabilities": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "identifiers", "location"],
                "properties": {
                    "id": _TEXT,
                    "name": {"type": "string", "maxLength": 255},
                    "description": {"type": "string", "maxLength": 1 << 20},
                    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                    "solution": {"type": "string", "maxLength": 7000},
                    "identifiers": {"type": "array", "minItems": 1, "items": _IDENTIFIER},
                    "location": {
                        "type": "object",
                        "required": ["commit"],
                        "properties": {
                            "file": {"type": "string"},
                            "start_line": {"type": "number"},
                            "end_line": {"type": "number"},
                            "commit": {
                                "type": "object",
                                "required": ["sha"],
                                "properties": {
                                    "sha": _TEXT,
                                    "author": {"type": "string"},
                                    "date": {"type": "string"},
                                    "message": {"type": "string"},
                                },
                            },
                        },
                    },
                    "raw_source_code_extract": {"type": "string"},
                },
            },
        },
    },
}
"""What GitLab's schema of secret detection reports, 15.0, demands. No Python package carries the schema itself."""


def sarif_validator() -> jsonschema.protocols.Validator:
    """The schema of SARIF 2.1.0 as OASIS publishes it."""
    return published("/sarif-2.1.0.json")


def gitlab_validator() -> jsonschema.protocols.Validator:
    return jsonschema.Draft7Validator(GITLAB)
