"""What a person is told where git failed; loaded only then."""

from __future__ import annotations


def explain(command: str, code: int, message: bytes) -> str:
    """One sentence for a person: git's own words without control characters, and what to do."""
    text = message.decode("utf-8", "replace").split("\n")[0]
    if "no-index" in message.decode("utf-8", "replace"):
        text = "not a git repository"  # what `git diff` means when it offers to compare two plain files
    said = "".join(each if each.isprintable() else "?" for each in text).removeprefix("fatal: ").rstrip(".")
    if "not a git repository" in said:
        return "this is not a git repository: run keysweep inside one, or name the files to scan."
    if "dubious ownership" in said:
        path = said.partition("'")[2].rpartition("'")[0] or "PATH"
        return (
            "git refuses this repository because another user owns it: if you trust it, run "
            f"`git config --global --add safe.directory {_quoted(path)}`."
        )
    if code < 0:
        return f"git {command} was ended by signal {-code} before it finished: run the scan again."
    return f"git {command} failed ({said or f'exit code {code}'}): check the repository with `git fsck`."


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)
