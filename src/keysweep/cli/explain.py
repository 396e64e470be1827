"""`keysweep explain`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from keysweep.detect.keyid import KeyId, describe
from keysweep.detect.placeholders import placeholder_key_id
from keysweep.errors import ExitCode, UsageError

_LEAK = {
    "AKIA": "It works until somebody disables it. With its secret, whoever has it acts as that user.",
    "ASIA": "It expires by itself, within 36 hours at most, and is useless without secret and session token.",
    "ABIA": "A bearer token: whoever has it can use it until it expires.",
    "ACCA": "Treat it as a long-term key until AWS tells you otherwise.",
    "A3T": "Treat it as a long-term key until AWS tells you otherwise.",
}
_NEXT = (
    "Look whether it exists and when it was last used: `aws iam get-access-key-last-used --access-key-id {key}` "
    "with credentials of its account; disable it there if its secret may be known."
)


@click.command()
@click.argument("key_ids", nargs=-1, required=True, metavar="KEYID...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(key_ids: tuple[str, ...], form: str) -> int:
    """Say everything that an AWS key ID tells offline: kind, account, whether it is bait or an example.

    No request leaves this machine. Give key IDs only: what is on the command line, other users can see.

    \b
    Why it matters:
      the ID      is no secret, and names the account that a leak concerns, without asking anybody
      the secret  alone signs requests, and AWS shows it once: nobody can look it up, only replace it

    \b
    Example:
      keysweep explain AKIASP2TPHJSQH3FJRUX
    """
    described = [_describe(each) for each in key_ids]
    if form == "json":
        json.dump([_as_json(each) for each in described], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        click.echo("\n\n".join("\n".join(_as_text(each)) for each in described))
    return ExitCode.CLEAN


def _describe(key_id: str) -> KeyId:
    described = describe(key_id.strip())
    if described is not None:
        return described
    if len(key_id) >= 40:
        raise UsageError(
            "that has the length of a secret, not of a key ID: it may now be in your shell's history, so rotate "
            "the key it belongs to, and give `keysweep explain` the key ID that begins with AKIA or ASIA."
        )
    raise UsageError("that is no AWS key ID: one has a prefix such as AKIA or ASIA and 16 more characters.")


def _as_json(key: KeyId) -> dict[str, Any]:
    return {
        "key_id": key.text,
        "prefix": key.prefix,
        "meaning": key.meaning,
        "is_credential": key.is_credential,
        "account_id": key.account_id,
        "new_generation": key.new_generation,
        "canary": key.canary,
        "placeholder": placeholder_key_id(key.text) if key.is_credential else None,
    }


def _as_text(key: KeyId) -> list[str]:
    rows = [("is", key.meaning), ("account", _account(key))]
    placeholder = placeholder_key_id(key.text) if key.is_credential else None
    if placeholder:
        rows.append(("placeholder", f"{placeholder}; no real key"))
    if key.canary:
        rows.append(("canary", f"bait laid by {key.canary}: trying it raises an alarm, so never call AWS with it"))
    if not key.is_credential:
        rows.append(("a leak", "An identifier, not a credential: it opens nothing and is never a finding."))
    elif not placeholder:
        rows.append(("a leak", _LEAK[key.prefix]))
        if not key.canary:
            rows.append(("next", _NEXT.format(key=key.text)))
    return [key.text, *(f"  {label:12} {text}" for label, text in rows)]


def _account(key: KeyId) -> str:
    if key.account_id:
        return f"{key.account_id} (decoded from the key ID)"
    if len(key.text) != 20:
        return "cannot be decoded: only 20-character IDs carry one"
    if not key.new_generation:
        return "cannot be decoded: issued before about 2019, when IDs did not carry one yet"
    return "cannot be decoded: the number in it is no account ID, so this may not be a real key"
