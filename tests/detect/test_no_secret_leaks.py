"""No secret leaves a scan unless it was asked for: not in a report, an error, a file, or behind an encoding.

The redaction shows four characters of a secret and its length. So eight in a row, anywhere in what a run
printed or wrote, plain or still in base64, hexadecimal, UTF-16 or escapes, are a leak.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep import Origin, scan
from keysweep.detect.encodings import unescape
from keysweep.findings import Kind
from tests.repositories import Repository, environment

WINDOW = 8
RNG = random.Random(101)
ID, SECRET = key_id(RNG), secret(RNG)
LONELY = secret(RNG)
TEMPORARY, TEMPORARY_SECRET, TOKEN = key_id(RNG, "ASIA"), secret(RNG), session_token(RNG)
LONELY_TOKEN = session_token(RNG)
BEDROCK, BEDROCK_SHORT = bedrock_long(RNG), bedrock_short(RNG)
MAIL_ID, MAIL = key_id(RNG), smtp_password(RNG)
OWN = "INT-" + "".join(RNG.choices("0123456789abcdef", k=24))
SIGNER = key_id(RNG)

PAIR = f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
TRIPLE = (
    f"export AWS_ACCESS_KEY_ID={TEMPORARY}\nexport AWS_SECRET_ACCESS_KEY={TEMPORARY_SECRET}\n"
    f"export AWS_SESSION_TOKEN={TOKEN}\n"
)
KINDS: dict[Kind, str] = {
    Kind.PAIR: PAIR,
    Kind.TEMPORARY: TRIPLE,
    Kind.ACCESS_KEY_ID: f"see {SIGNER} in the console\n",
    Kind.SECRET_ACCESS_KEY: f"aws_secret_access_key: {LONELY}\n",
    Kind.SESSION_TOKEN: f"AWS_SESSION_TOKEN={LONELY_TOKEN}\n",
    Kind.BEDROCK_LONG: f"AWS_BEARER_TOKEN_BEDROCK={BEDROCK}\n",
    Kind.BEDROCK_SHORT: f"token: {BEDROCK_SHORT}\n",
    Kind.SES_SMTP: f"SMTP_HOST=email-smtp\nSMTP_USER={MAIL_ID}\nSMTP_PASSWORD={MAIL}\n",
    Kind.SIGNED_REQUEST: f"https://b/o?X-Amz-Credential={SIGNER}%2F20190101%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20190101T000000Z&X-Amz-Expires=60\n",
    Kind.CUSTOM: f"internal token={OWN}\n",
}
CONFIGURATION = "[[rules]]\nname = 'internal'\npattern = 'token=(INT-[0-9a-f]{24})'\n"

SECRETS = (SECRET, LONELY, TEMPORARY_SECRET, TOKEN, LONELY_TOKEN, BEDROCK[4:], BEDROCK_SHORT[60:], MAIL, OWN)
"""Without what every Bedrock key begins with, which is no secret and the name of its kind."""
_BEDROCK_SECRET = base64.b64decode(BEDROCK[4:]).decode().split(":")[1]


def _windows(values: Iterable[str]) -> frozenset[bytes]:
    return frozenset(value[at : at + WINDOW].encode() for value in values for at in range(len(value) - WINDOW + 1))


_SIGNED = KINDS[Kind.SIGNED_REQUEST].encode()
_WINDOWS = _windows((*SECRETS, _BEDROCK_SECRET)) - _windows(
    base64.b64encode(bytes(skip) + _SIGNED).decode() for skip in range(3)
)
"""A short Bedrock key is a signed request in base64; its words are those of any other, and no secret."""


def _readings(text: bytes, depth: int = 2) -> Iterator[bytes]:
    """The text, and everything that its encoded runs decode to at every alignment."""
    yield text
    yield text.replace(b"\0", b"")
    if depth == 0:
        return
    plain = unescape(text)[0]
    if plain != text:
        yield from _readings(plain, depth - 1)
    for run in re.findall(rb"[A-Za-z0-9+/_\-]{10,}", text):
        run = run.translate(bytes.maketrans(b"-_", b"+/"))
        for skip in range(4):
            yield from _readings(binascii.a2b_base64(run[skip : skip + (len(run) - skip) // 4 * 4]), depth - 1)
    for run in re.findall(rb"[0-9A-Fa-f]{16,}", text):
        for skip in range(2):
            yield from _readings(binascii.a2b_hex(run[skip : skip + (len(run) - skip) // 2 * 2]), depth - 1)


def leaks(output: bytes) -> list[bytes]:
    """The stretches of secrets in `output`, in any reading of it."""
    found = {
        reading[at : at + WINDOW]
        for reading in _readings(output)
        for at in range(len(reading) - WINDOW + 1)
        if reading[at : at + WINDOW] in _WINDOWS
    }
    return sorted(found)


def keysweep(cwd: Path, *arguments: str, stdin: bytes = b"", **variables: str) -> tuple[int, bytes]:
    """Exit code, and everything that was printed."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "keysweep", *arguments],
        cwd=cwd,
        env=environment() | {"PYTHONUTF8": "1"} | variables,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout + b"\n" + done.stderr


def wide(text: bytes) -> bytes:
    return text.decode().encode("utf-16-le")


def wrapped(text: bytes) -> bytes:
    return b"Content:\n\n" + base64.encodebytes(b"# some words before it\n" + text)


def tar(text: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("inner.env")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return stream.getvalue()


def zipped(text: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("inner.env", text)
    return stream.getvalue()


ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "base64": base64.b64encode,
    "base64 one byte on": lambda text: b"x: " + base64.b64encode(b"#" + text),
    "base64 two bytes on": lambda text: b"x: " + base64.b64encode(b"##" + text),
    "base64url": base64.urlsafe_b64encode,
    "base64 twice": lambda text: base64.b64encode(b"#" + base64.b64encode(text)),
    "base64 wrapped": wrapped,
    "base64 of utf-16": lambda text: b"-enc " + base64.b64encode(wide(text)),
    "hex": lambda text: text.hex().encode(),
    "hex of base64": lambda text: base64.b64encode(text).hex().encode(),
    "percent": lambda text: b"".join(b"%%%02X" % byte for byte in text),
    "backslash u": lambda text: b"".join(b"\\u%04x" % byte for byte in text),
    "backslash x": lambda text: b"".join(b"\\x%02x" % byte for byte in text),
    "entities": lambda text: b"".join(b"&#%d;" % byte for byte in text),
    "one line": lambda text: text.replace(b"\n", b" "),
    "string in json": lambda text: json.dumps(text.decode()).encode(),
    "utf-16": lambda text: text.decode().encode("utf-16"),
    "utf-16 without its mark": wide,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "tar": tar,
    "zip": zipped,
    "zip stored": lambda text: zipped(text, zipfile.ZIP_STORED),
    "gzip in base64": lambda text: b"release: " + base64.b64encode(gzip.compress(text)),
    "zip in tar in gzip": lambda text: gzip.compress(tar(zipped(text))),
}


def damaged() -> dict[str, bytes]:
    """Containers that break while they are read, each with a pair inside."""
    text = (PAIR + TRIPLE).encode() + RNG.randbytes(3000)
    archive = bytearray(zipped(text))
    archive[len(archive) // 2] ^= 0xFF
    encrypted = bytearray(zipped(text, zipfile.ZIP_STORED))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    encrypted[6] |= 1
    whole = zipped(text, zipfile.ZIP_STORED)
    return {
        "truncated.gz": gzip.compress(text)[:-20],
        "checksum.gz": gzip.compress(text)[:-8] + b"\0" * 8,
        "truncated.xz": lzma.compress(text)[:-30],
        "truncated.tar": tar(text)[:2000],
        "flipped.zip": bytes(archive),
        "encrypted.zip": bytes(encrypted),
        "headless.zip": whole[: whole.index(b"PK\x01\x02")],
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind in every encoding, broken containers, and a file that only root can read."""
    root = tmp_path_factory.mktemp("leaks") / "tree"
    root.mkdir()
    (root / "keysweep.toml").write_text(CONFIGURATION)
    for name, encode in ENCODINGS.items():
        folder = root / name.replace(" ", "-")
        folder.mkdir()
        for kind, text in KINDS.items():
            (folder / f"{kind.value}.txt").write_bytes(encode(text.encode()))
        (folder / "all.txt").write_bytes(encode("\n".join(KINDS.values()).encode()))
    (root / "damaged").mkdir()
    for name, content in damaged().items():
        (root / "damaged" / name).write_bytes(content)
    (root / "link").symlink_to("plain/key-pair.txt")
    (root / "closed.txt").write_text(PAIR)
    (root / "closed.txt").chmod(0)
    return root


def test_the_search_for_leaks_finds_them_in_every_encoding() -> None:
    for name in ("plain", "base64", "base64 one byte on", "base64 twice", "hex", "percent", "utf-16", "entities"):
        for value in (SECRET, TOKEN, MAIL, OWN):
            assert leaks(b'{"x": "' + ENCODINGS[name](b"a: " + value.encode()) + b'"}'), name
    assert leaks(f"see {ID}, {SECRET[:4]}… (40 characters)".encode()) == []


def test_every_kind_is_in_the_tree_and_found() -> None:
    for kind, text in KINDS.items():
        if kind is not Kind.CUSTOM:
            (finding,) = scan(text.encode(), Origin("x")).findings
            assert finding.kind is kind


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_report_of_everything_gives_nothing_away(tree: Path, form: str) -> None:
    code, printed = keysweep(tree.parent, "scan", "tree", "--config", "tree/keysweep.toml", "--format", form)
    assert code == 1
    assert ID.encode() in printed
    assert form == "text" or printed.count(ID.encode()) > len(ENCODINGS)
    assert b"damaged" in printed
    assert leaks(printed) == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_report_in_a_file_gives_nothing_away_and_leaves_nothing_behind(
    tree: Path, form: str, tmp_path: Path
) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    arguments = ("scan", "tree", "--config", "tree/keysweep.toml", "--format", form, "--report-placeholders")
    code, printed = keysweep(tree.parent, *arguments, "--output", str(out / "report"), TMPDIR=str(scratch))
    assert code == 1
    assert os.listdir(out) == ["report"]
    assert os.listdir(scratch) == []
    written = (out / "report").read_bytes()
    assert ID.encode() in written
    assert leaks(written) == []
    assert leaks(printed) == []


def test_workers_give_nothing_away(tree: Path) -> None:
    (tree.parent / "large").mkdir(exist_ok=True)
    (tree.parent / "large" / "filler.bin").write_bytes(b"nothing at all\n" * (40 << 16))
    (tree.parent / "large" / "pair.ini").write_text(PAIR)
    code, printed = keysweep(tree.parent, "scan", "large", "--jobs", "2")
    assert code == 1
    assert leaks(printed) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_standard_input_gives_nothing_away(encoding: str, tmp_path: Path) -> None:
    content = ENCODINGS[encoding]("\n".join(KINDS.values()).encode())
    code, printed = keysweep(tmp_path, "scan", "-", stdin=content)
    assert code == 1
    assert leaks(printed) == []


def test_a_staged_change_gives_nothing_away(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    for kind, text in KINDS.items():
        repository.stage(f"{kind.value}.txt", text)
    repository.stage("encoded.txt", base64.b64encode(PAIR.encode()))
    for arguments in (("scan", "--staged"), ("scan", "--staged", "--format", "json"), ("hook", "pre-commit")):
        code, printed = keysweep(repository.path, *arguments)
        assert code == 1
        assert ID.encode() in printed
        assert leaks(printed) == []


@pytest.mark.parametrize(
    "configuration",
    [
        f"aws_secret_access_key = {SECRET}\n",
        f'fail-on = "{SECRET}"\n',
        f'allow = ["{SECRET}"]\n',
        f'canary-accounts = ["{SECRET}"]\n',
        f'exclude = "{SECRET}"\n',
        f'[limits]\nmembers = "{SECRET}"\n',
        f'[[rules]]\nname = "x"\npattern = "{SECRET}"\nseverity = "{SECRET}"\n',
        PAIR,
    ],
)
def test_a_configuration_that_holds_a_secret_is_refused_without_repeating_it(
    configuration: str, tmp_path: Path
) -> None:
    (tmp_path / "keysweep.toml").write_text(configuration)
    code, printed = keysweep(tmp_path, "scan", ".")
    assert code == 2
    assert leaks(printed) == []


@pytest.mark.shows_secrets("arguments", "a person gives it by mistake")
def test_a_secret_given_as_a_key_id_is_not_repeated(tmp_path: Path) -> None:
    code, printed = keysweep(tmp_path, "explain", SECRET)
    assert code == 2
    assert leaks(printed) == []


def test_a_report_that_cannot_be_written_is_printed_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    code, printed = keysweep(tmp_path, "scan", ".", "--output", str(tmp_path / "missing" / "report"))
    assert code == 2
    assert leaks(printed) == []


@pytest.mark.parametrize("name", damaged())
def test_a_broken_container_is_reported_without_what_is_in_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(damaged()[name])
    for form in ("text", "json"):
        code, printed = keysweep(tmp_path, "scan", name, "--format", form)
        assert code in (1, 3)
        assert leaks(printed) == []


@pytest.mark.shows_secrets("stdout", "--show-secrets asks for them")
def test_secrets_are_shown_where_they_are_asked_for(tree: Path) -> None:
    _, printed = keysweep(tree.parent, "scan", "tree/plain", "--config", "tree/keysweep.toml", "--show-secrets")
    for value in (SECRET, LONELY, TEMPORARY_SECRET, TOKEN, BEDROCK, BEDROCK_SHORT, MAIL, OWN):
        assert value.encode() in printed


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("seed", range(6))
def test_no_snippet_gives_away_the_ends_of_an_encoded_secret(encoding: str, seed: int) -> None:
    rng = random.Random(seed)
    lead = "".join(rng.choices("abc \n", k=seed))
    content = ENCODINGS[encoding]((lead + "\n".join(KINDS.values())).encode())
    findings = scan(content, Origin("x")).findings
    assert findings
    for finding in findings:
        for place in (*(part.place for part in finding.parts), *finding.also_at):
            assert leaks(place.snippet.encode("utf-8", "surrogatepass")) == []
        assert leaks(repr(finding).encode("utf-8", "surrogatepass")) == []


def test_a_secret_in_the_name_of_a_file_or_member_is_not_printed_with_the_name(tmp_path: Path) -> None:
    value = SECRET.replace("/", "x")
    (tmp_path / f"{ID}:{value}").write_text("nothing\n")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr(f"{value}.ini", PAIR.replace(SECRET, value))
    (tmp_path / "a.zip").write_bytes(archive.getvalue())
    for form in ("text", "json"):
        code, printed = keysweep(tmp_path, "scan", ".", "--format", form)
        assert code == 1
        assert ID.encode() in printed
        assert value[4:].encode() not in printed
