"""Keys in every form taken out of history by the commands of a plan, with the real git filter-repo."""

from __future__ import annotations

import base64
import io
import os
import random
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fixtures.keys import bedrock_long, key_id, secret
from tests.cli.test_scan import keysweep
from tests.e2e.purging import carried_out, commands, everything_in, leaks_in, plan_of, shell
from tests.repositories import Repository

pytestmark = [
    pytest.mark.shows_secrets(
        "content", "the files for git filter-repo hold the secrets: that is what they are for"
    ),
]


class Keys:
    """Key pairs that were put somewhere, with their secrets."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.secrets: list[str] = []

    def pair(self, seam: str = "\n") -> str:
        self.secrets.append(secret(self.rng))
        return f"aws_access_key_id = {key_id(self.rng)}{seam}aws_secret_access_key = {self.secrets[-1]}{seam}"


def zipped(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("key.ini", text)
    return stream.getvalue()


def split(keys: Keys) -> str:
    value = secret(keys.rng)
    keys.secrets.append(value)
    return f"key = '{key_id(keys.rng)}'\naws_secret_access_key = '{value[:20]}' + \\\n    '{value[20:]}'\n"


FORMS: dict[str, Callable[[Keys], str | bytes]] = {
    "plain.ini": Keys.pair,
    "crlf.ini": lambda keys: keys.pair("\r\n"),
    "base64.yaml": lambda keys: f"data: {base64.b64encode(keys.pair().encode()).decode()}\n",
    "wrapped.pem": lambda keys: base64.encodebytes((keys.pair() * 2).encode()),
    "percent.url": lambda keys: f"?q={quote(keys.pair(), safe='')}\n",
    "hex.txt": lambda keys: keys.pair().encode().hex() + "\n",
    "split.py": split,
    "escaped.json": lambda keys: '{"k": "%s"}\n' % keys.pair("\\n").replace("/", "\\/"),
    "windows.reg": lambda keys: keys.pair().encode("utf-16"),
    "archive.zip": lambda keys: zipped(keys.pair()),
    "binary.bin": lambda keys: b"\0\1\2" + keys.pair().encode(),
    "in text.b64": lambda keys: base64.encodebytes(zipped(keys.pair())),
}
WHOLE = {"windows.reg", "archive.zip", "binary.bin"}
"""Those that git filter-repo cannot edit."""


def laden(path: Path, keys: Keys) -> Repository:
    """A repository with keys in every form, place and kind of ref."""
    repository = Repository(path)
    repository.stage("README", "nothing\n")
    repository.commit("begin")
    for name, form in FORMS.items():
        repository.stage(name, form(keys))
        repository.commit(f"add {name}")
    repository.commit(f"by mistake\n\n{keys.pair()}")
    value = secret(keys.rng).replace("/", "+")
    keys.secrets.append(value)
    repository.stage(f"dir/{key_id(keys.rng)}:{value}", "x\n")
    repository.commit("a name")
    repository.git("tag", "-a", "v1", "-m", f"release\n\n{keys.pair()}")
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("plain.ini", f"# moved\n{keys.pair()}")
    repository.commit("another branch")
    repository.git("checkout", "-q", "main")
    for name in FORMS:
        repository.git("rm", "-q", "--", name)
    repository.commit("remove them")
    repository.git("notes", "add", "-m", f"note\n\n{keys.pair()}", "HEAD")
    repository.write("README", keys.pair())
    repository.git("stash")
    return repository


@pytest.fixture
def keys() -> Keys:
    return Keys(7)


def ways(plan: dict[str, Any]) -> dict[str, set[str]]:
    """How each path is taken out."""
    found: dict[str, set[str]] = {}
    for leak in plan["leaks"]:
        for copy in leak["copies"]:
            for path in copy["paths"] or [copy["stands"]]:
                found.setdefault(path, set()).add(copy["way"])
    return found


def test_the_commands_of_a_plan_take_out_every_key_in_every_form(tmp_path: Path, keys: Keys) -> None:
    repository = laden(tmp_path / "app", keys)
    before = leaks_in(repository.path)
    plan = plan_of(tmp_path, "app")
    assert {leak["fingerprint"] for leak in plan["leaks"]} == before
    told = ways(plan)
    assert {name for name, way in told.items() if way == {"strip-blob"}} == WHOLE
    assert {name for name, way in told.items() if way == {"replace-text"}} >= FORMS.keys() - WHOLE
    assert told["commit-message"] == told["tag-message"] == {"replace-message"}
    assert {"refs/heads/main", "refs/heads/side", "refs/notes/commits", "refs/stash", "refs/tags/v1"} <= set(
        plan["refs"]
    )
    assert all(leak["refs"] for leak in plan["leaks"])

    carried_out(plan, tmp_path, "mirror", "rewrite")
    mirror = tmp_path / "app-purge" / "app.git"
    assert not leaks_in(mirror) & before
    assert "nothing to take out" in keysweep(tmp_path, "purge-plan", os.fspath(mirror)).stdout
    assert "none of them severe enough" in carried_out(plan, tmp_path, "check")
    left = everything_in(mirror)
    assert [value for value in keys.secrets if value.encode() in left] == []
    files = repository.git("--git-dir", os.fspath(mirror), "ls-tree", "-r", "--name-only", "main").decode().split()
    assert any(name.startswith(('"dir/', "dir/")) and "REMOVED" in name for name in files)
    assert b"***REMOVED***" in left
    carried_out(plan, tmp_path, "publish", "reclone")
    assert (tmp_path / "app-purge" / "clean" / "README").read_text() == "nothing\n"
    assert not (tmp_path / "app-purge" / "replacements.txt").exists()


def test_without_the_blobs_of_the_plan_what_it_says_goes_as_a_whole_is_still_there(
    tmp_path: Path, keys: Keys
) -> None:
    """The plan is right about what cannot be replaced: each word of its command is needed."""
    repository = Repository(tmp_path / "app")
    for name, form in FORMS.items():
        repository.stage(name, form(keys))
    repository.commit()
    plan = plan_of(tmp_path, "app")
    whole = {
        leak["fingerprint"] for leak in plan["leaks"] for copy in leak["copies"] if copy["way"] == "strip-blob"
    }
    carried_out(plan, tmp_path, "mirror")
    (command,) = commands(plan, "rewrite")
    words, _, blobs = command.partition(" --strip-blobs-with-ids ")
    shell(words, tmp_path)
    mirror = tmp_path / "app-purge" / "app.git"
    assert len(whole) == len(WHOLE)
    assert leaks_in(mirror) == whole
    shell(f"git -C {mirror} filter-repo --strip-blobs-with-ids {blobs}", tmp_path)
    assert leaks_in(mirror) == set()


def test_what_was_pushed_is_rewritten_on_the_server(tmp_path: Path, keys: Keys) -> None:
    server = tmp_path / "server.git"
    repository = Repository(tmp_path / "app")
    repository.git("init", "-q", "--bare", "-b", "main", os.fspath(server))
    repository.git("remote", "add", "origin", os.fspath(server))
    repository.stage("key.ini", keys.pair())
    repository.commit()
    repository.git("rm", "-q", "key.ini")
    repository.commit("remove it")
    repository.git("tag", "v1")
    repository.git("push", "-q", "origin", "main", "v1", "main:refs/heads/-odd\u00fc", "main:refs/pull/7/head")
    plan = plan_of(tmp_path, "app")
    carried_out(plan, tmp_path, "mirror", "rewrite", "check", "publish")
    assert leaks_in(tmp_path / "app-purge" / "app.git") == set()
    for ref in ("main", "v1", "refs/heads/-odd\u00fc", "refs/pull/7/head"):
        log = repository.git("--git-dir", os.fspath(server), "log", "-p", "--end-of-options", ref).decode()
        assert keys.secrets[0] not in log
        assert "***REMOVED***" in log


@pytest.mark.parametrize(
    "name",
    [
        "-dash.ini",
        "two\nlines 'and' \"quotes\".ini",
        "\x1b[31m::error::.ini",
        b"no utf-8 \xff.ini",
        "$(touch gone)/`x`.ini",
        "a==>b.ini",
        "#comment.ini",
    ],
)
def test_odd_names_of_files_directories_and_refs_do_no_harm(tmp_path: Path, keys: Keys, name: str | bytes) -> None:
    above = tmp_path / "it's $(touch gone) -x"
    repository = Repository(above / "-app \x1b[31m")
    repository.stage(name, keys.pair())
    other = b"zipped " + (name if isinstance(name, bytes) else name.encode())
    repository.stage(other, zipped(keys.pair()))
    repository.commit()
    repository.git("update-ref", "refs/heads/--upload-pack=x;\u202e", "HEAD")
    text = keysweep(tmp_path, "purge-plan", os.fspath(repository.path))
    assert "\x1b" not in text.stdout
    assert "\u202e" not in text.stdout
    plan = plan_of(tmp_path, os.fspath(repository.path))
    carried_out(plan, tmp_path, "mirror", "rewrite", "check")
    (mirror,) = above.glob("*-purge/*.git")
    assert leaks_in(mirror) == set()
    assert not list(tmp_path.rglob("gone"))


def test_a_secret_with_the_words_of_the_file_of_expressions_in_it_is_taken_out(tmp_path: Path, keys: Keys) -> None:
    """Its neighbours are what can be chosen: base64 of anything, with what stands before and behind it."""
    repository = Repository(tmp_path / "app")
    repository.stage("a.ini", f"regex:.*==>{keys.pair()}==>x\nliteral:{keys.pair()}")
    repository.stage("b.env", f"export AWS_BEARER_TOKEN_BEDROCK={bedrock_long(keys.rng)}\n")
    repository.commit()
    before = leaks_in(repository.path)
    assert len(before) == 3
    carried_out(plan_of(tmp_path, "app"), tmp_path, "mirror", "rewrite")
    mirror = tmp_path / "app-purge" / "app.git"
    assert leaks_in(mirror) == set()
    content = repository.git("--git-dir", os.fspath(mirror), "show", "main:a.ini").decode()
    assert content.startswith("regex:.*==>aws_access_key_id")
    assert content.count("***REMOVED***") == 2


def test_the_files_are_for_their_user_alone(tmp_path: Path, keys: Keys) -> None:
    laden(tmp_path / "app", keys)
    (tmp_path / "out").mkdir()
    old = os.umask(0)
    try:
        done = keysweep(tmp_path, "purge-plan", "app", "--write-replacements", "out/r.txt")
    finally:
        os.umask(old)
    assert done.returncode == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["r.txt", "r.txt.blobs", "r.txt.names"]
    for path in (tmp_path / "out").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(value in (tmp_path / "out" / "r.txt").read_text("latin-1") for value in keys.secrets)
    assert "hold" in done.stdout.replace("\n", " ") or "secrets" in done.stdout
    assert not any(value in done.stdout + done.stderr for value in keys.secrets)
