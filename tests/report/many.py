"""As many leaks as an organisation has: of several accounts, repositories and authors, in every standing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from fixtures.keys import key_id
from keysweep.findings import Commit, Exposure, Finding, Kind, Origin, ScanResult, Severity, Source, fingerprint
from keysweep.frozen import replace
from keysweep.verdicts import Contained, Containment, Status, Verdict
from tests.report.samples import HIDDEN, pair

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
REPOSITORIES = tuple(
    f"/srv/mirrors/{name}.git" for name in ("shop", "billing", "data-lake", "terraform-live", "mobile-app", "wiki")
)
_ACCOUNTS = ("111122223333", "222233334444", "333344445555", "444455556666")
_AUTHORS = ("Ada", "Bob", "Chiara", "Dmitri", "Esi", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena")
_PATHS = ("deploy/prod.env", "terraform/main.tf", "src/settings.py", "k8s/secret.yaml", "notebooks/Untitled.ipynb")
_STATUSES = (*Status, None, None)


def many(count: int, seed: int = 1) -> ScanResult:
    """So many leaks, the same for the same seed."""
    rng = random.Random(seed)
    return ScanResult(tuple(_finding(rng, number) for number in range(count)), scanned_items=count * 40)


def contained(result: ScanResult) -> dict[str, Containment]:
    """Every ninth key was switched off."""
    return {
        each.key_id: Containment(
            each.key_id,
            Contained.OFF,
            "20261127t045125z-3f9a1c",
            NOW,
            "arn:aws:iam::1:user/oncall",
            "AWS refuses it",
        )
        for each in result.findings[::9]
        if each.key_id
    }


def _finding(rng: random.Random, number: int) -> Finding:
    name, status = key_id(rng), rng.choice(_STATUSES)
    account, repository = rng.choice(_ACCOUNTS), rng.choice(REPOSITORIES)
    path = f"{repository}/{rng.choice(_PATHS)}"
    who = rng.choice(_AUTHORS)
    entered = NOW - timedelta(days=rng.randrange(1, 1500), hours=rng.randrange(24))
    left = entered + timedelta(days=rng.randrange(0, 400))
    gone = rng.random() < 0.5 and left < NOW
    brought = Commit(f"{number:040x}", who, f"{who.lower()}@example.net", entered, "Add deployment settings")
    removed = Commit(f"{number + 1:040x}", "Bob", "bob@example.net", left, "Remove them again")
    severity = Severity.CRITICAL if status is Status.LIVE else rng.choice((Severity.HIGH, Severity.MEDIUM))
    arn = f"arn:aws:iam::{account}:user/{rng.choice(('deploy', 'ci', 'backup'))}"
    shape = pair(key_id=name)
    key, value = shape.parts
    return replace(
        shape,
        kind=Kind.PAIR,
        severity=severity,
        fingerprint=fingerprint(Kind.PAIR, name, HIDDEN),
        account_id=account,
        origin=Origin(path, Source.HISTORY, brought.id, f"{number:040x}"),
        parts=(
            replace(key, place=replace(key.place, snippet=f"aws_access_key_id = {name}", mark=(20, 40))),
            value,
        ),
        exposures=(
            Exposure(
                path,
                (brought,),
                (removed,) if gone else (),
                () if gone else ("refs/heads/main", "refs/tags/v1.2.0"),
            ),
        ),
        verdict=Verdict(
            name,
            status,
            "STS answered",
            NOW - timedelta(hours=1),
            "aws",
            account,
            arn if status is Status.LIVE else None,
        )
        if status
        else None,
    )
