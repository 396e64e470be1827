"""The credentials file as bytes: one pair changed, and nothing else, and back."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

import pytest

from keysweep.aws.sinks.interface import ABSENT, NO_KEY, Held, Pair
from keysweep.aws.sinks.profile import CredentialsProfile, credentials_file
from keysweep.aws.sinks.sections import pair_in, with_pair, without_pair
from keysweep.errors import SinkError
from keysweep.findings import Secret

OLD, NEW = "AKIAQNZGKIQYZZZZZZZZ", "AKIAQNZGKIQYYYYYYYYY"
PAIR = f"aws_access_key_id = {OLD}\naws_secret_access_key = old\n"
FILES = {
    "plain": f"[ci]\n{PAIR}",
    "without an end": f"[ci]\n{PAIR}".rstrip("\n"),
    "in the midst": f"# a\n\n[a]\nx = 1\n\n[ci]\nregion=y\n{PAIR}; c\n\n[b]\naws_access_key_id = {OLD}\n",
    "as Windows has it": f"[ci]\n{PAIR}[b]\nx=1\n".replace("\n", "\r\n"),
    "with odd spaces": f"[ci]\nAWS_Access_Key_Id :{OLD}\t\naws_secret_access_key=old  \n",
    "not UTF-8": f"[b]\nn = \udcff\udcfe\n[ci]\n{PAIR}",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_only_the_pair_changes_and_changes_back(text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    assert pair_in(content, "ci") == (OLD, b"old")
    changed = with_pair(content, "ci", NEW, b"new")
    assert changed == content.replace(OLD.encode(), NEW.encode(), 1).replace(b"old", b"new", 1)
    assert with_pair(changed, "ci", OLD, b"old") == content
    kept = with_pair(content, "kept", OLD, b"old")
    assert pair_in(kept, "kept") == (OLD, b"old")
    assert without_pair(kept, "kept").rstrip() == content.rstrip()


@pytest.mark.parametrize("text", ["", "# nothing\n", "[ci]", "[ci]\nregion = x\n\n[b]\nx = 1"])
def test_a_profile_or_a_pair_that_is_not_there_is_added_as_aws_reads_it(text: str) -> None:
    changed = with_pair(text.encode(), "ci", NEW, b"new")
    read = configparser.RawConfigParser(default_section="")
    read.read_string(changed.decode())
    assert (read["ci"]["aws_access_key_id"], read["ci"]["aws_secret_access_key"]) == (NEW, "new")
    if "[ci]\n" in text:
        assert without_pair(changed, "ci") == text.encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"[ci]\n{PAIR}[ci]\n{PAIR}", "2 times"),
        (f"[ci]\naws_access_key_id = {OLD}\n", "one half of a pair"),
        (f"[ci]\n{PAIR}aws_session_token = x\n", "a session token"),
        (f"[ci]\n{PAIR}  more\n", "goes on in the next"),
        (f"[ci]\n{PAIR}aws_access_key_id = {NEW}\n", "repeats an option"),
    ],
)
def test_what_would_be_read_otherwise_is_refused(text: str, why: str) -> None:
    with pytest.raises(SinkError, match=why):
        with_pair(text.encode(), "ci", NEW, b"new")


@pytest.mark.parametrize(
    "content",
    [
        f"[ci]\n  {PAIR}".replace("\naws_s", "\n  aws_s").encode(),
        f"  [ci]\n{PAIR}".encode(),
        f"\ufeff[ci]\n{PAIR}".encode(),
        f"[ci]\n{PAIR}".encode("utf-16"),
        b"[ci]\n  more\n",
        b"[a]\n[a]\n",
    ],
    ids=["indented", "indented name", "BOM", "UTF-16", "odd", "twice"],
)
def test_what_awss_tools_would_read_otherwise_or_not_at_all_is_refused_before_anything_is_written(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    sink = CredentialsProfile("ci", str(path))
    with pytest.raises(SinkError, match="could not use"):
        sink.held()
    with pytest.raises(SinkError, match="could not use"):
        sink.put(Pair(NEW, Secret("new")))
    assert path.read_bytes() == content


@pytest.mark.parametrize("pair", [("minio-admin", "s"), ("", "s"), ("ASIAQNZ", "s")])
def test_the_key_of_something_else_is_not_overwritten(tmp_path: Path, pair: tuple[str, str]) -> None:
    """Nothing would have kept it."""
    path = tmp_path / "c"
    path.write_text(f"[minio]\naws_access_key_id = {pair[0]}\naws_secret_access_key = {pair[1]}\n")
    with pytest.raises(SinkError, match="not overwritten"):
        CredentialsProfile("minio", str(path)).held()


def test_a_file_that_is_a_link_or_another_users_or_no_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(f"[ci]\n{PAIR}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(SinkError, match="could not use"):
            CredentialsProfile("ci", str(tmp_path / name)).held()
    assert (tmp_path / "real").read_text() == f"[ci]\n{PAIR}"


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c").write_text(f"[ci]\n{PAIR}")
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path / "c").st_uid + 1)
    with pytest.raises(SinkError, match="another user"):
        CredentialsProfile("ci", str(tmp_path / "c")).held()


def test_a_file_that_somebody_writes_meanwhile_is_left_as_they_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    path.write_text(f"[ci]\n{PAIR}")
    synced = os.fsync

    def other(descriptor: int) -> None:
        path.write_text("[else]\n")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", other)
    with pytest.raises(SinkError, match="somebody else has changed it"):
        CredentialsProfile("ci", str(path)).put(Pair(NEW, Secret("new")))
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("[else]\n", ["c"])


def test_a_profile_is_made_kept_put_back_and_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "aws" / "credentials"
    sink = CredentialsProfile("ci", str(path))
    assert sink.held() == Held(ABSENT)
    sink.put(Pair(NEW, Secret("new")))
    assert (sink.held(), path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (
        Held(NEW),
        0o600,
        0o700,
    )
    (path.parent / "credentials.keysweep-new").write_text("left by a crash")
    sink.put_back(Held(ABSENT), NEW)
    assert (path.read_bytes(), [each.name for each in path.parent.iterdir()]) == (b"", ["credentials"])
    path.write_text("[ci]\nregion = x\naws_access_key_id =\naws_secret_access_key =\n")
    assert sink.held() == Held(NO_KEY)
    path.write_text(f"[ci]\n{PAIR}")
    sink.put(Pair(NEW, Secret("new")))
    assert (sink.keeps(OLD), sink.forget(OLD), sink.forget(OLD), sink.keeps(OLD)) == (True, True, False, False)
    with pytest.raises(SinkError, match="has no profile ci-kept-"):
        sink.put_back(Held(OLD), NEW)


def test_the_file_is_where_awss_tools_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("WORK", "/w")
    for named, path in (("~/c", "/h/c"), ("$WORK/c", "/w/c"), ("/c", "/c")):
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", named)
        assert credentials_file() == path


def test_a_pair_that_could_not_be_put_there_is_seen_before_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text(f"[ci]\n{PAIR}[ci-kept-{OLD}]\naws_access_key_id = {OLD}\n")
    sink = CredentialsProfile("ci", str(path))
    assert sink.held() == Held(OLD)
    with pytest.raises(SinkError, match="one half of a pair"):
        sink.rehearse()


def test_a_file_that_is_mounted_by_itself_is_refused_before_a_key_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel tells of mounts is written out: mounting takes rights that not every user has."""
    path = tmp_path / "my files" / "credentials"
    path.parent.mkdir()
    path.write_text(f"[ci]\n{PAIR}")
    line = "36 35 98:0 /mnt1 {} rw,noatime master:1 - ext3 /dev/root rw\n"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(line.format(str(path.parent).replace(" ", "\\040")) + "odd\n")
    monkeypatch.setattr("keysweep.aws.sinks.profile._MOUNTS", str(mounts))
    sink = CredentialsProfile("ci", str(path))
    sink.rehearse()
    mounts.write_text("odd\n" + line.format(str(path).replace(" ", "\\040")))
    with pytest.raises(SinkError, match="it is mounted by itself"):
        sink.rehearse()
