"""Tests that leak, each in one way: `test_net.py` runs them under the net. Not collected with the suite."""

from __future__ import annotations

import base64
import logging
import os
import random
import subprocess
import sys
from contextlib import redirect_stderr
from multiprocessing import get_context
from pathlib import Path

import pytest

from fixtures.keys import bedrock_long, key_id, secret, session_token
from keysweep import cache
from keysweep.errors import KeysweepError
from tests.repositories import Repository, environment

RNG = random.Random(90_210)
ID, SECRET, TOKEN, API_KEY = key_id(RNG), secret(RNG), session_token(RNG), bedrock_long(RNG)
IN_BASE64 = base64.b64encode(f"x{SECRET}".encode()).decode()
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


def python(code: str, cwd: Path, stdin: str, *options: str) -> None:
    """Run code that gets its secret from standard input, where there is none to see."""
    code = f"import sys; it = sys.stdin.read()\n{code}"
    subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=cwd,
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )


def test_printed(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, SECRET)


def test_printed_in_part(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, SECRET[9:21])


def test_four_characters_printed(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, f"{ID} {SECRET[:4]}…")


@pytest.mark.parametrize(
    "form",
    [IN_BASE64, SECRET.encode().hex(), "".join(f"%{ord(each):02x}" for each in SECRET)],
    ids=["base64", "hexadecimal", "percent"],
)
def test_printed_encoded(tmp_path: Path, form: str) -> None:
    python("print('see', it)", tmp_path, form)


@pytest.mark.parametrize("value", [TOKEN, API_KEY], ids=["token", "key"])
def test_token_or_key_printed(tmp_path: Path, value: str) -> None:
    python("print('see', it)", tmp_path, value)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_printed_to_nobody(stream: str) -> None:
    command = [sys.executable, "-c", f"import sys; sys.{stream}.write(sys.stdin.read())"]
    nobody = subprocess.DEVNULL
    subprocess.run(command, input=SECRET.encode(), stdout=nobody, stderr=nobody, check=True)


@pytest.mark.shows_secrets("stdout", "it would have")
def test_allowed_and_skipped() -> None:
    pytest.skip("a marker is not in vain for that")


def test_printed_without_site(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, SECRET, "-I", "-S")


def test_printed_by_a_worker(tmp_path: Path) -> None:
    code = "from multiprocessing import get_context as c\np = c('fork').Process(target=print, args=(it,)); p.start(); p.join()"
    python(code, tmp_path, SECRET)


def test_printed_here(capsys: pytest.CaptureFixture[str]) -> None:
    print(SECRET)
    assert capsys.readouterr().out


def test_printed_here_and_not_looked_at() -> None:
    print(SECRET, file=sys.stderr)


def test_passed_as_an_argument(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", "pass", SECRET], check=True)


def test_passed_as_an_argument_by_keysweep(tmp_path: Path) -> None:
    code = "from keysweep import git\ntry: git.run('rev-parse', it)\nexcept Exception: pass"
    python(code, tmp_path, SECRET)


def test_written_into_the_cache(tmp_path: Path) -> None:
    python("from keysweep import cache; cache.write('x', it.encode())", tmp_path, SECRET)


def test_written_into_the_cache_here() -> None:
    assert cache.write("leak", SECRET.encode())


def test_written_into_a_file_that_is_removed(tmp_path: Path) -> None:
    code = "from keysweep import cache; cache.write('x', it.encode()); cache.remove('x')"
    python(code, tmp_path, SECRET)


def test_written_into_a_report(tmp_path: Path) -> None:
    code = "from keysweep.cli.output import write_report; write_report('out', lambda stream: stream.write(it) and None)"
    python(code, tmp_path, SECRET)
    (tmp_path / "out").unlink()


def test_logged(tmp_path: Path) -> None:
    logging.getLogger("x").error("%s is wrong", SECRET)


def test_logged_by_a_child(tmp_path: Path) -> None:
    code = "import logging, tomllib; log = logging.getLogger('x'); log.propagate = False; log.error(it)"
    python(code, tmp_path, SECRET)


def test_raised_in_a_child(tmp_path: Path) -> None:
    code = "import keysweep.cli.main as m, keysweep.errors as e\ntry: raise e.UsageError(it)\nexcept e.UsageError: pass"
    python(code, tmp_path, SECRET)


def test_raised_here() -> None:
    with pytest.raises(KeysweepError):
        raise KeysweepError(f"{SECRET} is wrong")


def raise_it(secret: str) -> None:
    raise KeysweepError(secret)


def test_raised_in_a_worker_forked_from_here() -> None:
    worker = get_context("fork").Process(target=raise_it, args=(SECRET,))
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        worker.start()
    worker.join()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python cannot tell before 3.12")
def test_raised_by_anything_within_keysweep(tmp_path: Path) -> None:
    code = (
        "from keysweep.cli.output import write_report\ndef fail(_stream): raise ValueError(it)\n"
        "try: write_report(None, fail)\nexcept ValueError: pass"
    )
    python(code, tmp_path, SECRET)


def test_shown_in_a_traceback(tmp_path: Path) -> None:
    python("raise ValueError(it)", tmp_path, SECRET)


@pytest.mark.shows_secrets("stdout", "this is what it is about")
def test_allowed(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, SECRET)


@pytest.mark.shows_secrets("stdout", "this is what it is about")
def test_allowed_elsewhere(tmp_path: Path) -> None:
    python("print('see', it); print(it, file=sys.stderr)", tmp_path, SECRET)


@pytest.mark.shows_secrets("stdout", "this was so once")
def test_allowed_for_nothing(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, ID)


@pytest.mark.shows_secrets("stdout")
def test_allowed_without_a_reason(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, SECRET)


def test_staged_found_and_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", PAIR)
    assert SECRET in repository.git("diff", "--cached").decode()
    command = [sys.executable, "-m", "keysweep", "hook", "pre-commit"]
    done = subprocess.run(command, cwd=repository.path, env=environment(), capture_output=True, check=False)
    assert done.returncode == 1
    repository.git("commit", "-q", "--no-verify", "-m", f"with {SECRET}")


def test_that_leaks_nothing_after_all_of_these(tmp_path: Path) -> None:
    python("print('see', it)", tmp_path, ID)
