"""Rotations as an operator runs them, on ministack: places for new keys, and a server that kills who asks it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.loaders import create_loader

from keysweep.aws.containment.journal import START, Journal
from keysweep.cli.main import main
from tests.cli.containing import HERE, Operator
from tests.emulators.accounts import Account
from tests.emulators.clients import refusal
from tests.emulators.keys import AccessKey
from tests.emulators.ministack import Ministack
from tests.emulators.wire import Drop, Given, Request, serve

ALLOWED = ("--allow-account", HERE)
PLACES = ("secretsmanager:ci/key", "ssm:/ci/key", "profile:ci")


@cache
def _models(_: str | None = None) -> Any:
    """What botocore knows of services, read once: a third of the time that a command in this process takes."""
    return create_loader()


class Desk:
    """Somebody who rotates the key `old` of user `ci`."""

    def __init__(self, ministack: Ministack, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        """All in a new account, with both services empty."""
        self.emulator = ministack
        self.account = Account(ministack, ministack.root(HERE))
        self.old = self.account.user("ci")
        self.account.allow("ci", "iam:*")
        own = self.account.user("oncall")
        self.account.allow("oncall", "iam:*", "sts:*", "cloudtrail:*", "secretsmanager:*", "ssm:*")
        self.operator = Operator(home, ministack, own)
        self.credentials = home / ".aws" / "credentials"
        self._capture = capture

    def service(self, name: str) -> Any:
        """A client of who may do everything."""
        return self.emulator.client(name, self.account.key)

    def fill(self, place: str, key: AccessKey | None = None, **more: Any) -> None:
        """Have a place hold a key, and more beside it."""
        key = key or self.old
        text = json.dumps({"note": "kept", "access_key": key.key_id, "secret_key": key.secret, **more})
        kind, _, name = place.partition(":")
        if kind == "secretsmanager":
            self.service(kind).create_secret(Name=name, SecretString=text)
        elif kind == "ssm":
            self.service(kind).put_parameter(Name=name, Value=text, Type="SecureString")
        elif kind == "profile":
            self.credentials.parent.mkdir(mode=0o700, exist_ok=True)
            pair = f"aws_access_key_id={key.key_id}\naws_secret_access_key = {key.secret}\n"
            self.credentials.write_text(f"# mine\n[{name}]\n{pair}region = eu-west-1\n\n[other]\nregion = x\n")

    def holds(self, place: str) -> AccessKey:
        """The pair that a place holds."""
        kind, _, name = place.partition(":")
        if kind == "profile":
            lines = self.credentials.read_text().partition(f"[{name}]\n")[2].partition("\n[")[0].splitlines()
            values = {
                line.partition("=")[0].strip(): line.partition("=")[2].strip() for line in lines if "=" in line
            }
            return AccessKey(values["aws_access_key_id"], values["aws_secret_access_key"], HERE)
        held = self.value(place)
        assert held["note"] == "kept"
        return AccessKey(held["access_key"], held["secret_key"], HERE)

    def value(self, place: str) -> Any:
        """The whole of what a secret or parameter holds."""
        kind, _, name = place.partition(":")
        if kind == "secretsmanager":
            return json.loads(self.service(kind).get_secret_value(SecretId=name)["SecretString"])
        return json.loads(self.service(kind).get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def change(self, place: str, **more: Any) -> None:
        """Have somebody else change it."""
        text = json.dumps({**self.value(place), **more})
        kind, _, name = place.partition(":")
        if kind == "secretsmanager":
            self.service(kind).put_secret_value(SecretId=name, SecretString=text)
        else:
            self.service(kind).put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)

    def key_states(self) -> dict[str, str]:
        """The keys of the user, with their states."""
        listed = self.account.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
        return {each["AccessKeyId"]: each["Status"] for each in listed}

    def is_accepted(self, key: AccessKey) -> bool:
        """Whether STS takes it."""
        return refusal(self.emulator.client("sts", key).get_caller_identity) == (200, "")

    def use(self, key: AccessKey) -> None:
        """Use it for something, as whatever it was made for does."""
        self.emulator.client("iam", key).get_user()

    def runs(self, *arguments: str, endpoint: str | None = None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command, in this process."""
        self._capture.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in self.operator.environment.items():
                patch.setenv(name, value)
            patch.setattr("botocore.loaders.create_loader", _models)
            patch.setattr("keysweep.aws.rotation.run.time", SimpleNamespace(sleep=lambda _: None))
            asks = [] if arguments[0] == "log" else ["--aws-endpoint", endpoint or self.emulator.endpoint]
            code = main([*arguments, *asks])
        out, err = self._capture.readouterr()
        assert "Traceback" not in err, err
        return code, out, err

    def told(self, *arguments: str, endpoint: str | None = None) -> Any:
        """The same in JSON, with the exit code as `code`."""
        code, out, err = self.runs(*arguments, "--format", "json", endpoint=endpoint)
        assert out, err
        return {**json.loads(out), "code": code}

    def rotates(self, *more: str, endpoint: str | None = None) -> Any:
        """`keysweep rotate --apply`, agreed to."""
        agreed = ("--apply", "--confirm", self.old.key_id, *ALLOWED)
        return self.told("rotate", self.old.key_id, *agreed, *more, endpoint=endpoint)

    def rotated(self, place: str) -> tuple[str, AccessKey]:
        """The run of a rotation that is done, and the new key."""
        run = self.rotates("--to", place)["run"]
        new = self.holds(place)
        self.use(new)
        assert self.rotates("--quiet-hours", "0")["status"] == "rotated"
        return run, new

    def long_ago(self, run: str) -> None:
        """Have the journal say that a run was half a year ago."""
        path, lines = self.operator.state / "journal.jsonl", list[bytes]()
        for line in path.read_bytes().splitlines():
            values = json.loads(line)
            values["prev"] = sha256(lines[-1]).hexdigest() if lines else START
            if values["run"] == run:
                values["time"] = "2026-05-01T00:00:00.000Z"
            lines.append(json.dumps(values).encode())
        path.write_bytes(b"\n".join(lines) + b"\n")

    def faults(self) -> list[str]:
        """What is wrong with lines of the journal, and what no line tells the outcome of."""
        from keysweep.cli.log import dangling

        entries = list(Journal(self.operator.state).read())
        return [each.fault for each in entries if each.fault] + [str(each.values) for each in dangling(entries)]

    def dies(
        self, *arguments: str, action: str, after: bool, by: signal.Signals = signal.SIGKILL
    ) -> tuple[int, str]:
        """Run a command in a process that gets a signal at the first request for `action`, before or after AWS
        has done it; exit code and standard output.
        """
        started: list[subprocess.Popen[str]] = []

        def hit(answer: Callable[[], Given], _: Request) -> Given:
            given = answer() if after else None
            started[0].send_signal(by)
            if by is not signal.SIGKILL:
                return given or answer()
            started[0].wait()
            return Drop()

        with self.between(action, hit) as endpoint:
            command = [sys.executable, "-m", "keysweep", *arguments, "--aws-endpoint", endpoint]
            environment = self.operator.environment
            pipe = subprocess.PIPE
            started.append(
                subprocess.Popen(
                    command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
                )
            )
            out, err = started[0].communicate()
        assert "Traceback" not in err, err
        return started[0].returncode, out

    @contextmanager
    def between(
        self, action: str, hit: Callable[[Callable[[], Given], Request], Given], times: int = 1
    ) -> Iterator[str]:
        """The address of a server in front of AWS that has `hit` answer the first requests for `action`."""
        seen = 0

        def answer(request: Request) -> Given:
            nonlocal seen
            if request.action != action or seen == times:
                return self.emulator.answer(request)
            seen += 1
            return hit(lambda: self.emulator.answer(request), request)

        with serve(answer) as endpoint:
            yield endpoint
        assert seen, f"nobody asked for {action}"
