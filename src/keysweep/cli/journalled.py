"""What this machine's journal tells reports of keys."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.errors import KeysweepError
from keysweep.verdicts import Containment


def contained() -> tuple[Mapping[str, Containment], tuple[str, ...]]:
    """What was done about each key ID, and what a reader of the report has to know of the journal.

    A journal that cannot be read costs no report.
    """
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.containment.told import containments

    try:
        entries = tuple(Journal(directory()).read())
    except KeysweepError as error:
        return {}, (f"what was done about these keys is not told: {str(error).removesuffix('.')}",)
    broken = any(each.fault for each in entries)
    notes = ("the journal has lines that are not to be trusted, which were passed over: see keysweep log",)
    return containments(entries), notes if broken else ()
