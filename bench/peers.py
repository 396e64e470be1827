"""Runs other scanners over a directory and says what each reported where."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


class PeerMissingError(Exception):
    """The peer's program is neither in the directory of peers nor on the PATH."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One finding of a peer."""

    file: str
    """Relative to the scanned directory; a member of an archive counts as the archive."""
    line: int | None
    texts: tuple[str, ...]
    """Everything the tool says it matched: values, snippets, lines."""
    digests: frozenset[str] = frozenset()
    """SHA-1 of what it matched, from tools that report nothing else."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one tool made of a directory."""

    tool: str
    hits: tuple[Hit, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool in one setting."""

    name: str
    setting: str
    scan: Callable[[Path, Path], Iterable[Hit]]
    """Takes the directory to scan and the directory of peers."""


def run(peer: Peer, directory: Path, programs: Path) -> Run:
    """Scan `directory`; wall-clock seconds include the tool's start and its writing of a report.

    Raises PeerMissingError where the tool is not installed.
    """
    start = time.perf_counter()
    hits = tuple(peer.scan(directory, programs))
    return Run(f"{peer.name} ({peer.setting})", hits, time.perf_counter() - start)


def program(name: str, programs: Path) -> str:
    """Where a peer's program is; raises PeerMissingError where it is not installed."""
    for candidate in (programs / "bin" / name, programs / name, *programs.glob(f"*/usr/bin/{name}")):
        if candidate.is_file():
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise PeerMissingError(f"{name} is not installed: see bench/README.md")
    return found


def _kingfisher(*options: str) -> Callable[[Path, Path], Iterator[Hit]]:
    """Runs with AWS rules at the lowest confidence, archives to any depth, nothing verified."""

    def scan(directory: Path, programs: Path) -> Iterator[Hit]:
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.jsonl"
            command = [
                program("kingfisher", programs),
                "scan",
                ".",
                "--no-validate",
                "--rule",
                "aws",
                "-c",
                "low",
            ]
            command += ["--no-update-check", "-q", "--no-dedup", "--extraction-depth", "0", *options]
            _execute([*command, "--format", "jsonl", "-o", str(report)], directory)
            for line in report.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                if "rule" in entry:
                    found = entry["finding"]
                    texts = (found["snippet"], *(found.get("dependent_captures") or {}).values())
                    yield Hit(_file(found["path"]), found.get("line"), texts)

    return scan


def _betterleaks(directory: Path, programs: Path) -> Iterator[Hit]:
    """Runs with every AWS rule that can be selected; the secret comes as a component of the pair's rule."""
    rules = (
        "aws-access-token",
        "aws-amazon-bedrock-api-key-long-lived",
        "aws-amazon-bedrock-api-key-short-lived",
    )
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [program("betterleaks", programs), "fs", ".", "--no-banner", "-s", "-o", str(report)]
        _execute([*command, *(f"--isolate-rule={rule}" for rule in rules)], directory)
        for entry in json.loads(report.read_text(encoding="utf-8"))["findings"]:
            components = [part for group in entry.get("component_sets", ()) for part in group["components"]]
            texts = tuple(part["match"]["full"] for part in (entry, *components))
            yield Hit(_file(entry["location"]["path"]), entry["location"]["start_line"], texts)


def _detect_secrets(*plugins: str) -> Callable[[Path, Path], Iterator[Hit]]:
    """Runs with only these plugins; the report has line numbers and SHA-1 digests of the secrets."""

    def scan(directory: Path, programs: Path) -> Iterator[Hit]:
        tool = program("detect-secrets", programs)
        listed = _execute([tool, "scan", "--list-all-plugins"], directory).split()
        unwanted = [f"--disable-plugin={name}" for name in listed if name not in plugins]
        report = _execute([tool, "scan", "--all-files", "--no-verify", *unwanted], directory)
        for file, entries in json.loads(report)["results"].items():
            for entry in entries:
                yield Hit(_file(file), entry["line_number"], (), frozenset((entry["hashed_secret"],)))

    return scan


def _git_secrets(directory: Path, programs: Path) -> Iterator[Hit]:
    """Runs `--scan --no-index` with the patterns of `--register-aws`; it reports on standard error."""
    tool = Path(program("git-secrets", programs))
    with tempfile.TemporaryDirectory() as scratch:
        environment = {"HOME": scratch, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
        environment["PATH"] = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
        _execute(["git", "secrets", "--register-aws", "--global"], directory, environment)
        output = _execute(
            ["git", "secrets", "--scan", "--no-index", "."], directory, environment, subprocess.STDOUT
        )
    for line in output.splitlines():
        name, _, rest = line.partition(":")
        number, _, text = rest.partition(":")
        if number.isdigit() and "/" in name:
            yield Hit(_file(name), int(number), (text,))


def _file(reported: str) -> str:
    """Without the quotes git puts round unusual names, and without the member of an archive."""
    return reported.lstrip('"').removeprefix("./").partition("!")[0]


def _execute(
    command: list[str],
    directory: Path,
    environment: dict[str, str] | None = None,
    errors: int = subprocess.DEVNULL,
) -> str:
    """Standard output of a run, whatever its exit code: with that, scanners say that they found something."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def sha1(text: str) -> str:
    """The digest that detect-secrets reports."""
    return hashlib.sha1(text.encode()).hexdigest()


PEERS: tuple[Peer, ...] = (
    Peer("kingfisher", "AWS rules", _kingfisher()),
    Peer("kingfisher", "AWS rules, helper rules too", _kingfisher("--include-hidden-findings", "--no-ignore")),
    Peer("betterleaks", "AWS rules", _betterleaks),
    Peer("detect-secrets", "AWS", _detect_secrets("AWSKeyDetector")),
    Peer("detect-secrets", "AWS, keywords", _detect_secrets("AWSKeyDetector", "KeywordDetector")),
    Peer("git-secrets", "AWS patterns", _git_secrets),
)
"""Every peer in the settings that serve it best."""
