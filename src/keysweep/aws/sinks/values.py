"""The value of a secret: a JSON object, in which only the two fields of the key are changed.

In an object that has no such fields they are `AccessKeyId` and `SecretAccessKey`, as CreateAccessKey, AssumeRole
and `credential_process` of AWS name them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from keysweep.aws.sinks.interface import KEY_ID, NO_KEY, Pair
from keysweep.errors import SinkError

_ID_NAMES = frozenset({"accesskeyid", "awsaccesskeyid", "accesskey", "awsaccesskey"})
_SECRET_NAMES = frozenset({"secretaccesskey", "awssecretaccesskey", "secretkey", "awssecretkey"})
_NOT_LETTERS = re.compile(r"[^a-z]")


def key_id_in(text: str, where: str) -> str:
    """The key ID in a value, or NO_KEY. Raises SinkError for a value that no pair can be put into."""
    held = _object(text, where)
    names = _fields(held, where)
    value = held[names[0]] if names else None
    return value if isinstance(value, str) and KEY_ID.fullmatch(value) else NO_KEY


def with_pair(text: str, pair: Pair, where: str) -> str:
    """The value with `pair` in it, and everything else as it was. Raises SinkError as `key_id_in` does."""
    held = _object(text, where)
    id_name, secret_name = _fields(held, where) or ("AccessKeyId", "SecretAccessKey")
    try:
        return json.dumps(
            {**held, id_name: pair.key_id, secret_name: pair.secret.reveal()}, ensure_ascii=False, allow_nan=False
        )
    except ValueError:
        pass  # its text, and the error it would be chained to, may quote the value
    raise SinkError(f"could not use {where}: it holds a number that JSON does not know; mend that first.")


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
        held = json.loads(text)
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise SinkError(
            f"could not use {where}: it holds something that is no JSON object, and that is not overwritten; hand "
            "the key to another place, or put {} there first."
        )
    if len(pairs) != len(held):
        raise SinkError(f"could not use {where}: its JSON has a name twice; mend that first.")
    return held


def _fields(held: dict[str, Any], where: str) -> tuple[str, str] | None:
    """The names of the fields for ID and secret; None where there are none."""
    ids = [name for name in held if _NOT_LETTERS.sub("", name.lower()) in _ID_NAMES]
    secrets = [name for name in held if _NOT_LETTERS.sub("", name.lower()) in _SECRET_NAMES]
    if len(ids) > 1 or len(secrets) > 1 or len(ids) != len(secrets):
        raise SinkError(
            f"could not use {where}: it has {len(ids)} fields for key IDs and {len(secrets)} for secrets, and not "
            "one of each; hand the key to another place."
        )
    return (ids[0], secrets[0]) if ids else None
