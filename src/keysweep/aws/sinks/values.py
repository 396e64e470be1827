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
_TOKEN_NAMES = frozenset({"sessiontoken", "awssessiontoken", "securitytoken", "awssecuritytoken"})
_NOT_LETTERS = re.compile(r"[^a-z]")


def key_id_in(text: str, where: str) -> str:
    """The key ID in a value, or NO_KEY. Raises SinkError for a value that no pair can be put into."""
    held = _object(text, where)
    names = _fields(held, where)
    if names is None:
        if KEY_ID.search(text):
            raise SinkError(
                f"could not use {where}: it holds a key ID, but not in one of the fields known for that at the "
                "top of its JSON; call them access_key and secret_key, or hand the key to another place."
            )
        return NO_KEY
    if any(held[name] for name in held if _plain(name) in _TOKEN_NAMES):
        raise SinkError(
            f"could not use {where}: it has a session token, so its key is not a user's; take that out."
        )
    key_id, secret = (held[name] for name in names)
    if not key_id and not secret:
        return NO_KEY
    if not (isinstance(key_id, str) and KEY_ID.fullmatch(key_id)):
        raise SinkError(
            f"could not use {where}: its field {names[0]} holds something that is no ID of a user's key, and that "
            "is not overwritten; empty both fields first, or hand the key to another place."
        )
    return key_id


def with_pair(text: str, pair: Pair, where: str) -> str:
    """The value with `pair` in it, and everything else as it was. Raises SinkError as `key_id_in` does."""
    held = _object(text, where)
    id_name, secret_name = _fields(held, where) or ("AccessKeyId", "SecretAccessKey")
    return _written({**held, id_name: pair.key_id, secret_name: pair.secret.reveal()}, text, where)


def with_pair_of(text: str, before: str, where: str) -> str:
    """The value with the pair that it held `before`, and what was changed beside that since as it is now.

    It is `before` itself where nothing was. Raises SinkError as `key_id_in` does.
    """
    now, then = _object(text, where), _object(before, where)
    names, names_then = _fields(now, where) or (), _fields(then, where) or ()
    rest = {name: value for name, value in now.items() if name not in names}
    if rest == {name: value for name, value in then.items() if name not in names_then}:
        return before
    pair = dict(zip(names, (then[name] for name in names_then), strict=False))
    return _written(
        {name: pair.get(name, value) for name, value in now.items() if name in rest or pair}, text, where
    )


def refuse_longer(value: str, most_bytes: int, where: str) -> None:
    """Raise SinkError for a value that is longer than its place may be."""
    if len(value.encode()) > most_bytes:
        raise SinkError(
            f"could not use {where}: with the new key it would be longer than {most_bytes} bytes; take something "
            "out, or hand the key to another place."
        )


def _written(held: dict[str, Any], like: str, where: str) -> str:
    """As JSON, with as few spaces as the value `like` has: a place that it fills must not overflow."""
    separators = (",", ":") if '":' in like and '": ' not in like else (", ", ": ")
    for ensure_ascii in (False, True):
        try:
            value = json.dumps(held, ensure_ascii=ensure_ascii, allow_nan=False, separators=separators)
            value.encode()  # half of a surrogate pair can only be written escaped
        except UnicodeEncodeError:
            continue
        except ValueError:
            break  # its text, and the error it would be chained to, may quote the value
        return value
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
    ids = [name for name in held if _plain(name) in _ID_NAMES]
    secrets = [name for name in held if _plain(name) in _SECRET_NAMES]
    if len(ids) > 1 or len(secrets) > 1 or len(ids) != len(secrets):
        raise SinkError(
            f"could not use {where}: it has {len(ids)} fields for key IDs and {len(secrets)} for secrets, and not "
            "one of each; hand the key to another place."
        )
    return (ids[0], secrets[0]) if ids else None


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name.lower())
