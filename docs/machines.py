"""The tables and the example about scans of a machine."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.markdown import table
from fixtures.keys import key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import Origin, Severity, Source
from keysweep.frozen import replace
from keysweep.report import text
from keysweep.report.style import Style
from keysweep.sources.machine.places import PLACES, PRACTICE, Nature
from keysweep.sources.machine.processes import Environments, Inherited
from keysweep.sources.machine.scan import scan_machine
from keysweep.sources.machine.weak import RULES as OF_MACHINES
from keysweep.sources.machine.worth import WORTH


def places() -> str:
    """Where `keysweep scan --machine` looks."""
    rows = [
        (
            each.what,
            " ".join(f"`{glob}`" for glob in each.globs),
            " ".join(f"`{name}`" for name in each.variables) or "–",
            str(PRACTICE[each.nature]),
            each.instead,
        )
        for each in PLACES
    ]
    return table(("place", "where", "also what these name", "practice", "what would take its place"), rows)


def place_worth() -> str:
    """What a key is worth by where it stands."""
    rows = []
    for nature in Nature:
        its, listed = WORTH[nature], [each.what for each in PLACES if each.nature is nature]
        named = f"{nature.value}: {', '.join(listed)}" if listed else nature.value
        rows.append((named, _at_most(its.long_term), _at_most(its.temporary), its.why))
    return table(("where", "a long-term key", "one that expires", "why"), rows)


def _at_most(severity: Severity) -> str:
    return "as a leak" if severity is Severity.CRITICAL else severity.label


def weak_places() -> str:
    """Every rule for places."""
    rows = [
        (
            f"`{each.id}`",
            ", ".join(level.label for level in each.severities),
            each.title,
            each.when,
            ", ".join(map(str, each.practices)),
        )
        for each in OF_MACHINES
    ]
    return table(("rule", "severity", "what is wrong", "which of them", "practices"), rows)


def machine_example() -> str:
    """A home that is scanned while this page is made, and what people read of it."""
    chance = random.Random(11)

    def pair(equals: str = " = ", between: str = "\n") -> str:
        return between.join(
            (f"aws_access_key_id{equals}{key_id(chance)}", f"aws_secret_access_key{equals}{secret(chance)}")
        )

    with TemporaryDirectory() as directory:
        home = Path(directory).resolve()
        for name, content in (
            (".aws/config", "[default]\nregion = eu-west-1\n"),
            (".aws/credentials", f"[default]\n{pair()}\n"),
            (".bash_history", f"git status\nexport {pair('=', ' ').upper()}\n"),
        ):
            path = home / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
        running = f"{pair('=').upper()}\n".encode()
        (found,) = scan(running, Origin("(environment of pid 4711 node)", Source.PROCESS)).findings
        inherited = Inherited(found, ("pid 4711 node",), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        result = scan_machine(str(home), {}, Environments((inherited,)), jobs=1)
        result = replace(result, scanned_items=212, scanned_bytes=1_840_000)
    stream = io.StringIO()
    text.render(result, stream, style=Style(width=115))
    return f"```text\n{stream.getvalue().replace(str(home), '/home/ana')}```\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "places": places,
    "place_worth": place_worth,
    "weak_places": weak_places,
    "machine_example": machine_example,
}
