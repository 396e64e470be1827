"""What a scanned tree may not say about itself: with --strict nothing, or only what a base commit says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from keysweep import git
from keysweep.config import load_committed
from keysweep.detect.pragmas import allowing
from keysweep.detect.scanner import scan
from keysweep.errors import GitError, UsageError
from keysweep.findings import Finding, Origin, Pragma
from keysweep.frozen import fields
from keysweep.settings import Settings
from keysweep.suppress.baseline import FILE_NAME, Entry, parse
from keysweep.suppress.policy import Heeds, seen_from


def strictly(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Of a tree's settings those that can only add findings, and the names of the others that were set."""
    kept = Settings(
        fail_on=min(settings.fail_on, Settings().fail_on),
        report_placeholders=settings.report_placeholders,
        rules=settings.rules,
    )
    dropped = (name for name in fields(Settings) if getattr(settings, name) != getattr(kept, name))
    return kept, tuple(name.replace("_", "-") for name in dropped)


def heeds_none(_: Finding, __: Pragma) -> bool:
    """Take no pragma for what it says."""
    return False


def base_commit(ref: str, repository: str) -> str | None:
    """The commit that `ref` names; UsageError where it names none.

    None for a whole ID that is not here. CI systems give those: zeros as the base of a new branch, and after a
    forced push what was pushed over.
    """
    if git.is_object_id(ref) and git.answer(("cat-file", "-e", ref), repository) is None:
        return None
    try:
        return git.object_id(f"{ref}^{{commit}}", repository)
    except GitError as error:
        raise UsageError(
            f"--strict-base {ref} names no commit of this repository: fetch it, or name another one."
        ) from error


def settings_at(commit: str, repository: str, ref: str) -> tuple[Settings, dict[str, Entry]]:
    """The configuration and the baseline as a commit has them; ConfigError where they are damaged there."""
    read = _reader(commit, repository)
    settings = load_committed(read, ref)
    name = (settings.baseline or FILE_NAME).removeprefix("./")
    content = read(name)
    return settings, parse(content, f"{ref}:{name}") if content is not None else {}


def heeds_of(commit: str, repository: str, settings: Settings) -> Heeds:
    """Take a pragma for what it says only where the same one allowed the same credential in `commit`."""
    read = _reader(commit, repository)

    @cache
    def stood(path: str) -> frozenset[tuple[str, Pragma | None]]:
        content = read(path)
        if content is None:
            return frozenset()
        found = scan(content, Origin(path), settings.limits, settings.options()).findings
        return frozenset((each.fingerprint, allowing(each)) for each in found)

    def heeds(finding: Finding, pragma: Pragma) -> bool:
        path = seen_from(repository, finding.origin).removeprefix("./")
        return (finding.fingerprint, pragma) in stood(path)

    return heeds


def _reader(commit: str, repository: str) -> Callable[[str], bytes | None]:
    def read(path: str) -> bytes | None:
        return None if "\0" in path else git.answer(("cat-file", "blob", f"{commit}:{path}"), repository)

    return read
