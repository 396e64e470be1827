"""What `contain` and `undo` share while they act: who is asked to confirm, what is shown, and who is named."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from keysweep import __version__
from keysweep.report.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.plan import Item
    from keysweep.aws.mandate import Mandate


class Confirmation:
    """Asks a person to type the key ID, unless it was confirmed beforehand or the policy lets nobody be asked."""

    def __init__(self, confirmed: Sequence[str], *, is_auto: bool) -> None:
        """`confirmed` are key IDs from the command line."""
        self._confirmed = frozenset(confirmed)
        self._is_auto = is_auto

    def __call__(self, item: Item) -> Item:
        """The item as it is, or refused."""
        from keysweep.aws.containment.refusals import refuse
        from keysweep.cli.contained import as_lines
        from keysweep.frozen import replace

        key_id = item.target.key_id
        if self._is_auto or key_id in self._confirmed:
            return item
        style = Style.detect(sys.stderr, os.environ)
        if self.is_asked(
            key_id, as_lines(item, style), "Type the key ID to switch it off, or anything else to leave it"
        ):
            return item
        return replace(item, actions=(), refusal=refuse("unconfirmed", keyid=key_id))

    def is_asked(self, name: str, lines: Sequence[str], prompt: str) -> bool:
        """Whether a person at the terminal types `name`; no where there is no terminal."""
        if name in self._confirmed:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        click.echo("\n".join(("", *lines)), err=True)
        typed: str = click.prompt(prompt, default="", show_default=False, err=True)
        return typed.strip() == name


def watch(text: str) -> None:
    """Say on standard error what is being done."""
    with suppress(OSError):
        click.echo(Style().safe(f"keysweep: {text}"), err=True)


def circumstances(operator: str, mandate: Mandate, endpoint: str | None) -> dict[str, Any]:
    """Who acts, from where and within what, for the journal."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in many containers
        user = str(os.getuid()) if hasattr(os, "getuid") else ""
    return {
        "version": __version__,
        "operator": operator or None,
        "local_user": f"{user}@{socket.gethostname()}",
        "role": mandate.role,
        "allow_accounts": sorted(mandate.allow_accounts),
        "endpoint": endpoint,
    }
