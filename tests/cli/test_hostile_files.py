"""Files, trees, streams and repositories made to break a scan: never a traceback, never a false 'clean'."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_scan import document, keysweep
from tests.repositories import Repository, environment

RNG = random.Random(405)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
BROKEN_GZIP = gzip.compress(RNG.randbytes(500))[:200]


def without_override(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run keysweep so that permissions count, also where the tests run as root."""
    command = [sys.executable, "-m", "keysweep", *arguments]
    if os.geteuid() == 0:
        dropped = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", *command]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


def shell(cwd: Path, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script in which `$0 -m keysweep` is the program."""
    command = ["bash", "-c", script, sys.executable]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    return done


def test_cyclic_and_dangling_links_are_read_as_links(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "key.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "--format", "json")
    assert done.returncode == 1
    assert document(done)["scanned"]["items"] == 6
    assert len(document(done)["findings"]) == 1


def test_a_key_in_the_target_of_a_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(f"bucket?AWSAccessKeyId={ID}&secret={SECRET}".replace("/", "_"))
    assert ID in keysweep(tmp_path, "scan").stdout


def test_a_link_to_a_directory_is_followed_where_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "key.ini").write_text(PAIR)
    (tmp_path / "link").symlink_to("real")
    assert keysweep(tmp_path, "scan", "link").returncode == 1


def test_pipes_and_sockets_in_a_tree_do_not_stop_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a-pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("b-socket")
        (tmp_path / "key.ini").write_text(PAIR)
        assert keysweep(tmp_path, "scan").returncode == 1


def test_a_pipe_in_place_of_the_configuration_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keysweep.toml")
    done = keysweep(tmp_path, "scan")
    assert done.returncode == 2
    assert "keysweep.toml cannot be read" in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"a = " + b"[" * 50_000, b"a = 1" + b"0" * 50_000, b"\xff\xfe", b"\0" * 9, b"#" * 2_000_000],
    ids=["nested", "long number", "not UTF-8", "zeros", "large"],
)
def test_a_hostile_configuration_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keysweep.toml").write_bytes(content)
    done = keysweep(tmp_path, "scan")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_may_not_be_read_is_reported_and_the_rest_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "key.ini").write_text(PAIR)
    (tmp_path / "closed").chmod(0)
    (tmp_path / "closed.ini").write_text(PAIR)
    (tmp_path / "closed.ini").chmod(0)
    try:
        done = without_override(tmp_path, "scan")
        assert done.returncode == 3
        assert "closed cannot be listed" in done.stdout
        assert "closed.ini cannot be read" in done.stdout
        (tmp_path / "open.ini").write_text(PAIR)
        both = without_override(tmp_path, "scan", "--format", "json")
        assert both.returncode == 1
        assert document(both)["complete"] is False
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_path_longer_than_the_system_allows_is_reported(tmp_path: Path) -> None:
    inside = (
        'here=$PWD; for level in $(seq 25); do mkdir {name} && cd -P {name}; done; echo clean > file; cd "$here"'
    )
    shell(tmp_path, inside.format(name="d" * 200))
    try:
        done = keysweep(tmp_path, "scan", "--all-files")
        assert done.returncode == 3
        assert "cannot be listed (File name too long)" in done.stdout
    finally:
        shell(tmp_path, "rm -rf ./d*")


def test_deep_nesting_within_what_the_system_allows_is_scanned(tmp_path: Path) -> None:
    here = tmp_path
    for _ in range(1100):
        here /= "d"
        here.mkdir()
    (here / "key.ini").write_text(PAIR)
    try:
        done = keysweep(tmp_path, "scan", "--all-files")
        assert done.returncode == 1
        assert "d/d/d/key.ini" in done.stdout
    finally:
        shell(tmp_path, "rm -rf ./d")


def test_names_of_any_bytes_are_scanned_and_told_apart(tmp_path: Path) -> None:
    names = [b"\xff\xfe", b"a\nb", b"\x1b]0;x\x07", b"-", b"--help", b" ", b"\xe2\x80\xae", b"*", b"n" * 255]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as stream:
            stream.write(PAIR.encode())
    done = keysweep(tmp_path, "scan", "--format", "json")
    assert done.returncode == 1
    assert {os.fsencode(each["origin"]["path"]) for each in document(done)["findings"]} == set(names)
    shown = keysweep(tmp_path, "scan").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    repository = Repository(tmp_path)
    repository.git("add", "-A")
    staged = keysweep(tmp_path, "scan", "--staged", "--format", "json")
    assert {os.fsencode(each["origin"]["path"]) for each in document(staged)["findings"]} == set(names)


@pytest.mark.parametrize("form", ["text", "json"])
def test_member_names_reach_neither_the_terminal_nor_break_the_report(tmp_path: Path, form: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in ("\udcff\x1b[2J\nx", "/etc/../../passwd", "n" * 10_240):
            entry = tarfile.TarInfo(name)
            packed = gzip.compress(PAIR.encode())
            entry.size = len(packed)
            archive.addfile(entry, io.BytesIO(packed))
    (tmp_path / "names.tar.gz").write_bytes(gzip.compress(stream.getvalue()))
    done = keysweep(tmp_path, "scan", "--format", form)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    if form == "json":
        assert len(document(done)["findings"]) == 3


def test_a_file_that_grows_and_shrinks_meanwhile_is_read_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("x" * 50_000)
    over = threading.Event()

    def change() -> None:
        with path.open("r+b", buffering=0) as stream:
            while not over.is_set():
                stream.truncate(10)
                stream.seek(0)
                stream.write(b"y" * 90_000)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(3):
            assert keysweep(tmp_path, "scan", "--all-files").returncode == 0
    finally:
        over.set()
        thread.join()


def test_a_file_that_vanishes_meanwhile_is_reported_or_was_scanned(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number:04}.txt").write_text("clean\n")
    command = [sys.executable, "-m", "keysweep", "scan", "--all-files", "--format", "json"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE) as running:
        for path in sorted(tmp_path.iterdir(), reverse=True):
            path.unlink()
        printed, _ = running.communicate()
    told = json.loads(printed)
    assert running.returncode == (0 if told["complete"] else 3)
    assert {each["code"] for each in told["problems"]} <= {"vanished"}


def test_a_large_sparse_file_is_scanned_in_bounded_memory(tmp_path: Path) -> None:
    size = 400 << 20
    with (tmp_path / "sparse.bin").open("wb") as stream:
        stream.truncate(size)
        stream.seek(size)
        stream.write(b"\n" + PAIR.encode())
    limited = 'ulimit -v 700000; exec "$0" -m keysweep scan sparse.bin --jobs 1'
    done = shell(tmp_path, limited)
    assert done.returncode == 1
    assert ID.encode() in done.stdout


def test_a_file_that_takes_more_memory_than_there_is_is_reported_and_the_rest_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(("def main(argument):\n" * 1_600_000).encode("utf-16"))
    (tmp_path / "small.ini").write_text(PAIR)
    for jobs in (1, 2):
        done = shell(tmp_path, f'ulimit -v 190000; exec "$0" -m keysweep scan . --jobs {jobs}')
        assert done.returncode == 1
        assert ID.encode() in done.stdout
        assert b"large.txt" in done.stdout
        assert b"memory" in done.stdout


def test_a_line_of_hundreds_of_megabytes_on_standard_input_is_scanned_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    line = "{ head -c 200000000 /dev/zero | tr '\\0' a; echo; cat key.ini; }"
    done = shell(tmp_path, f'set -o pipefail; {line} | (ulimit -v 700000; exec "$0" -m keysweep scan -)')
    assert done.returncode == 1
    assert ID.encode() in done.stdout


def test_many_empty_files_are_scanned(tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / str(number)).touch()
    (tmp_path / "key.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "--format", "json", "--jobs", "2")
    assert done.returncode == 1
    assert document(done)["scanned"]["items"] == 5001


def test_a_full_device_for_standard_output_is_one_sentence_and_exit_3(tmp_path: Path) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    for form in ("text", "json"):
        done = shell(tmp_path, f'exec "$0" -m keysweep scan key.ini --format {form} > /dev/full')
        assert done.returncode == 3
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path: Path) -> None:
    for number in range(200):
        rng = random.Random(number)
        (tmp_path / f"{number}.ini").write_text(f"id = {key_id(rng)}\nsecret = {secret(rng)}\n")
    done = shell(tmp_path, '"$0" -m keysweep scan --all-files | head -1; exit ${PIPESTATUS[0]}')
    assert done.returncode in (1, 3)
    assert done.stderr == b""


def staged_repository(path: Path) -> Repository:
    repository = Repository(path)
    repository.stage("key.ini", PAIR)
    return repository


@pytest.mark.parametrize(
    "content", [BROKEN_GZIP, b"\xff\xfe" + b"\0\xd8" * 40 + b"x", b"secret" * 5000, bytes(9999)]
)
def test_hostile_staged_content_does_not_hide_the_key_beside_it(tmp_path: Path, content: bytes) -> None:
    repository = staged_repository(tmp_path)
    repository.stage("hostile.bin", content)
    done = keysweep(tmp_path, "scan", "--staged", "--format", "json")
    assert done.returncode == 1
    assert document(done)["complete"] is (content != BROKEN_GZIP)


def object_of(repository: Repository, name: str) -> Path:
    blob = repository.git("ls-files", "-s", "--", name).split()[1].decode()
    path = repository.path / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage")])
def test_a_staged_blob_that_is_gone_or_garbage_is_reported_beside_what_was_found(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    repository = staged_repository(tmp_path)
    repository.stage("other.txt", "clean\n")
    damage(object_of(repository, "other.txt"))
    for arguments in (("scan", "--staged"), ("hook", "pre-commit")):
        done = keysweep(tmp_path, *arguments)
        assert done.returncode == 1
        assert "other.txt its staged blob" in done.stdout + done.stderr
    repository.git("rm", "-q", "--cached", "key.ini")
    assert keysweep(tmp_path, "scan", "--staged").returncode == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [("HEAD", b"garbage"), ("index", b"garbage"), ("config", b"[core"), ("HEAD", b"")],
    ids=["HEAD", "index", "config", "empty HEAD"],
)
def test_a_broken_repository_is_one_sentence_and_never_clean(tmp_path: Path, name: str, content: bytes) -> None:
    repository = staged_repository(tmp_path)
    repository.commit()
    repository.stage("more.ini", PAIR.replace("default", "other"))
    (tmp_path / ".git" / name).write_bytes(content)
    done = keysweep(tmp_path, "scan", "--staged")
    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert keysweep(tmp_path, "scan", "key.ini").returncode == 1


@pytest.mark.parametrize("lines", [b"garbage\n", b"\xff\xfe\n", b"refs/heads/x " + b"1" * 40 + b"\n"])
def test_a_push_described_in_words_git_never_uses_is_refused(tmp_path: Path, lines: bytes) -> None:
    staged_repository(tmp_path)
    assert keysweep(tmp_path, "hook", "pre-push", "origin", "url", stdin=lines).returncode == 2


def test_pushing_a_commit_that_is_not_there_is_incomplete(tmp_path: Path) -> None:
    staged_repository(tmp_path)
    lines = b"refs/heads/main %s refs/heads/main %s\n" % (b"1" * 40, b"0" * 40)
    assert keysweep(tmp_path, "hook", "pre-push", "origin", "url", stdin=lines).returncode == 3


def test_an_unreadable_blob_in_a_push_does_not_hide_the_key_before_it(tmp_path: Path) -> None:
    repository = staged_repository(tmp_path)
    repository.commit()
    repository.stage("other.txt", "clean\n")
    head = repository.commit().encode()
    object_of(repository, "other.txt").write_bytes(b"garbage")
    lines = b"refs/heads/main %s refs/heads/main %s\n" % (head, b"0" * 40)
    done = keysweep(tmp_path, "hook", "pre-push", "origin", "url", stdin=lines)
    assert done.returncode == 1
    assert "other.txt" in done.stdout + done.stderr
    assert ID in done.stdout + done.stderr


def test_a_submodule_that_is_not_there_is_passed_over_and_what_stands_in_its_place_is_scanned(
    tmp_path: Path,
) -> None:
    repository = staged_repository(tmp_path)
    (tmp_path / "sub").mkdir()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    assert len(document(keysweep(tmp_path, "scan", "--format", "json"))["findings"]) == 1
    (tmp_path / "sub" / "left.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "--format", "json")
    assert [each["origin"]["path"] for each in document(done)["findings"]] == ["key.ini", "sub/left.ini"]


def test_a_thousand_garbage_blobs_do_not_stop_the_scan_of_the_staged_change(tmp_path: Path) -> None:
    repository = staged_repository(tmp_path)
    for number in range(1000):
        repository.write(f"{number}.txt", f"clean {number}\n")
    repository.git("add", "-A")
    key = object_of(repository, "key.ini")
    for path in (tmp_path / ".git" / "objects").glob("??/*"):
        if path != key:
            path.chmod(0o600)
            path.write_bytes(b"garbage")
    told = document(keysweep(tmp_path, "scan", "--staged", "--format", "json"))
    assert len(told["findings"]) == 1
    assert sum("its staged blob is not" in each["message"] for each in told["problems"]) == 1000
    done = keysweep(tmp_path, "hook", "pre-commit")
    assert done.returncode == 1
    assert done.stderr.count(".txt its staged blob is not in this repository") == 5
    assert "995 more" in done.stderr


def test_a_cut_off_blob_does_not_hide_the_key_beside_it(tmp_path: Path) -> None:
    repository = staged_repository(tmp_path)
    repository.stage("a-large.bin", RNG.randbytes(3_000_000))
    head = repository.commit().encode()
    path = object_of(repository, "a-large.bin")
    path.write_bytes(path.read_bytes()[:100_000])
    repository.git("update-ref", "-d", "HEAD")
    for arguments in (("scan", "--staged"), ("hook", "pre-commit")):
        done = keysweep(tmp_path, *arguments)
        assert done.returncode == 1
        assert "a-large.bin its staged blob" in done.stdout + done.stderr
    lines = b"refs/heads/main %s refs/heads/main %s\n" % (head, b"0" * 40)
    pushed = keysweep(tmp_path, "hook", "pre-push", "origin", "url", stdin=lines)
    assert pushed.returncode == 1
    assert "a-large.bin" in pushed.stderr


def test_a_damaged_tree_in_a_push_does_not_hide_the_key_in_another_commit(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.stage("clean.txt", "clean\n")
    repository.commit()
    tree = repository.git("rev-parse", "HEAD^{tree}").decode().strip()
    repository.git("rm", "-q", "--cached", "clean.txt")
    (tmp_path / "clean.txt").unlink()
    repository.commit("empty")
    repository.stage("key.ini", PAIR)
    head = repository.commit().encode()
    path = tmp_path / ".git" / "objects" / tree[:2] / tree[2:]
    path.chmod(0o600)
    path.write_bytes(b"garbage")
    lines = b"refs/heads/main %s refs/heads/main %s\n" % (head, b"0" * 40)
    done = keysweep(tmp_path, "hook", "pre-push", "origin", "url", stdin=lines)
    assert done.returncode == 1
    assert "git diff-tree failed" in done.stderr


@pytest.mark.parametrize("where", ["", "inner"])
def test_a_repository_with_a_garbage_index_is_searched_without_git_and_that_is_said(
    tmp_path: Path, where: str
) -> None:
    repository = staged_repository(tmp_path)
    broken = Repository(tmp_path / where) if where else repository
    broken.stage("other.ini", PAIR.replace(ID, key_id(RNG)))
    (tmp_path / where / ".git" / "index").write_bytes(b"garbage")
    done = keysweep(tmp_path, "scan", "--format", "json")
    told = document(done)
    assert done.returncode == 1
    assert {os.path.basename(each["origin"]["path"]) for each in told["findings"]} == {"key.ini", "other.ini"}
    assert ["searched without git" in each["message"] for each in told["problems"]] == [True]


@pytest.mark.parametrize("name", ["key.ini", "link", "<(cat key.ini)", "/dev/stdin < <(cat key.ini)", "pipe"])
def test_whatever_is_named_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    (tmp_path / "link").symlink_to("key.ini")
    os.mkfifo(tmp_path / "pipe")
    fill = "cat key.ini > pipe & " if name == "pipe" else ""
    done = shell(tmp_path, f'{fill}"$0" -m keysweep scan {name}')
    assert done.returncode == 1
    assert ID.encode() in done.stdout


@pytest.mark.parametrize("name", ["nowhere", "socket"])
def test_what_is_named_and_cannot_be_read_is_never_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "key.ini").write_text(PAIR)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert keysweep(tmp_path, "scan", name).returncode == 3
        assert keysweep(tmp_path, "scan", name, "key.ini").returncode == 1


def test_what_git_cannot_list_is_reported(tmp_path: Path) -> None:
    Repository(tmp_path).write("closed/key.ini", PAIR)
    (tmp_path / "closed").chmod(0)
    try:
        done = without_override(tmp_path, "scan")
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert done.returncode == 3
    assert "was not listed in full (could not open directory 'closed/'" in done.stdout


def test_directories_nested_too_deep_for_git_are_reported(tmp_path: Path) -> None:
    Repository(tmp_path)
    inside = 'here=$PWD; for level in $(seq 25); do mkdir {name} && cd -P {name}; done; echo x > file; cd "$here"'
    shell(tmp_path, inside.format(name="d" * 200))
    try:
        assert keysweep(tmp_path, "scan").returncode == 3
    finally:
        shell(tmp_path, "rm -rf ./d*")


@pytest.mark.parametrize("damage", [b"\xff", b"\xff" * 40, b"g" * 40, None])
def test_a_damaged_merge_hides_nothing(tmp_path: Path, damage: bytes | None) -> None:
    staged_repository(tmp_path)
    path = tmp_path / ".git" / "MERGE_HEAD"
    if damage is None:
        path.mkdir()
    else:
        path.write_bytes(damage)
    done = keysweep(tmp_path, "scan", "--staged")
    assert done.returncode == 1
    assert ID in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("scan - <&-", 3),
        ("scan key.ini >&-", 3),
        ("scan key.ini >&- 2>&- <&-", 3),
        ("scan nope 2>&-", 2),
        ("scan nope 2>/dev/full", 2),
        ("scan --nope 2>/dev/full", 2),
        ("scan key.ini >/dev/full 2>&1", 3),
        ("scan key.ini 2>&-", 1),
        ("hook nope 2>/dev/full", 2),
        ("hook pre-push <&-", 3),
    ],
)
def test_a_closed_or_full_stream_does_not_change_the_exit_code(tmp_path: Path, arguments: str, code: int) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    assert shell(tmp_path, f'"$0" -m keysweep {arguments}').returncode == code


def test_a_report_goes_into_a_pipe_and_through_a_link_without_replacing_them(tmp_path: Path) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    os.mkfifo(tmp_path / "pipe")
    done = shell(
        tmp_path, 'cat pipe > got & "$0" -m keysweep scan key.ini --output pipe; code=$?; wait; exit $code'
    )
    assert done.returncode == 1
    assert (tmp_path / "pipe").is_fifo()
    assert ID in (tmp_path / "got").read_text()
    (tmp_path / "real.txt").touch()
    (tmp_path / "link").symlink_to("real.txt")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("link", "null"):
        assert keysweep(tmp_path, "scan", "key.ini", "--output", name).returncode == 1
        assert (tmp_path / name).is_symlink()
    assert ID in (tmp_path / "real.txt").read_text()
    assert Path(os.devnull).is_char_device()


def test_a_directory_that_may_be_listed_but_not_entered_is_not_called_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "key.ini").write_text(PAIR)
    (tmp_path / "closed").chmod(0o444)
    try:
        refused = without_override(tmp_path, "scan", "closed")
        assert refused.returncode == 2
        assert "keysweep.toml cannot be looked for (Permission denied)" in refused.stderr
        done = without_override(tmp_path, "scan", "--no-config", "closed")
        assert done.returncode == 3
        assert "key.ini cannot be read" in done.stdout
    finally:
        (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize("arguments", ["", "--output x", "../key.ini --output x", "--staged"])
def test_in_a_directory_that_is_gone_nothing_is_called_clean(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    done = shell(tmp_path, f'mkdir gone; cd gone; rmdir ../gone; "$0" -m keysweep scan {arguments}')
    assert done.returncode in (2, 3)
    assert b"free some room" not in done.stderr


def test_a_large_stream_that_begins_as_a_container_is_never_called_clean(tmp_path: Path) -> None:
    content = gzip.compress(b"a") + bytes(64 << 20) + gzip.compress(PAIR.encode())
    (tmp_path / "large.gz").write_bytes(content)
    assert keysweep(tmp_path, "scan", "large.gz").returncode == 1
    (tmp_path / "keysweep.toml").write_text("limits.member-bytes = 1048576\n")
    done = keysweep(tmp_path, "scan", "large.gz")
    assert done.returncode == 3
    assert "containers of that size are opened only so far" in done.stdout
    assert keysweep(tmp_path, "scan", "-", stdin=content).returncode == 3
