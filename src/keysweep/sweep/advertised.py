"""What refs a server has, asked over connections that stay open: for thousands of repositories of one host.

It is the first answer of git's protocol over HTTP (gitprotocol-http, smart clients, version 0), and no more.
Whatever is not just that (a login that only git knows of, a redirect, another protocol, settings for HTTP in the
user's configuration) is for git itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from keysweep import git
from keysweep.sources.history.opening.addresses import Address
from keysweep.sources.history.opening.clone import offered
from keysweep.sources.history.opening.remote import Access
from keysweep.sweep.tokens import Login

TYPE_CHECKING = False
if TYPE_CHECKING:
    from requests import Response

_TYPE = "application/x-git-upload-pack-advertisement"
_SECONDS = (15, 60)
"""To connect, and between two pieces of an answer."""
_MOST_BYTES = 256 << 20
_PIECE_BYTES = 1 << 16
_ZERO = b"0"


class OtherAnswerError(Exception):
    """What came is for git to understand."""


class Advertisements:
    """Connections to servers of git, for as many threads as `connections`; they end with the process."""

    def __init__(self, connections: int) -> None:
        """Connects to nobody yet."""
        from requests import Session
        from requests.adapters import HTTPAdapter

        self._session = Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def refs(self, address: Address, login: Login | None, access: Access, directory: str) -> dict[str, str]:
        """The refs that a server offers, with the objects that they name. Raises as `clone.offered` does.

        `login` and `access` are two forms of the same: for HTTP, and for git, which is started in `directory`.
        """
        if address.url.startswith(("http://", "https://")) and not _has_settings():
            try:
                return self._asked(address.url, login)
            except OtherAnswerError:
                pass
        return offered(address, directory, access)

    def _asked(self, url: str, login: Login | None) -> dict[str, str]:
        from requests import RequestException

        try:
            answer = self._session.get(
                f"{url.rstrip('/')}/info/refs",
                params={"service": "git-upload-pack"},
                auth=(login.user, login.secret.reveal()) if login else None,
                headers={"Accept": _TYPE, "User-Agent": "git/keysweep"},
                timeout=_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                if answer.status_code != 200 or answer.headers.get("Content-Type") != _TYPE:
                    raise OtherAnswerError
                return dict(_refs(_content(answer)))
        except (RequestException, ValueError) as error:
            raise OtherAnswerError from error


@lru_cache(1)
def _has_settings() -> bool:
    """Whether the user tells git how to talk HTTP, or to whom instead: then only git knows how."""
    return bool(git.answer(("config", "--get-regexp", r"^(http\..*|https\..*|url\..*)$")))


def _content(answer: Response) -> bytes:
    pieces, size = [], 0
    for piece in answer.iter_content(_PIECE_BYTES):
        size += len(piece)
        if size > _MOST_BYTES:
            raise OtherAnswerError
        pieces.append(piece)
    return b"".join(pieces)


def _refs(content: bytes) -> Iterator[tuple[str, str]]:
    """Names and object IDs in an advertisement; ValueError or OtherAnswerError for what is none."""
    lines = _lines(content)
    if next(lines, None) != b"# service=git-upload-pack" or next(lines, None) is not None:
        raise OtherAnswerError
    for line in lines:
        if line is None:
            return
        object_id, _, rest = line.partition(b" ")
        name = rest.partition(b"\0")[0]
        if not git.is_object_id(object_id.decode("ascii")):
            raise OtherAnswerError  # `version 1`, `ERR`, and what else there may be
        if name.startswith(b"refs/") and not name.endswith(b"^{}") and object_id.strip(_ZERO):
            yield name.decode("utf-8", "surrogateescape"), object_id.decode("ascii")
    raise OtherAnswerError  # it was cut short


def _lines(content: bytes) -> Iterator[bytes | None]:
    """The lines of a stream of packets without their ends; None for a flush."""
    at = 0
    while at < len(content):
        length = int(content[at : at + 4], 16)
        if length == 0:
            yield None
            at += 4
            continue
        if length < 4 or at + length > len(content):
            raise OtherAnswerError
        yield content[at + 4 : at + length].removesuffix(b"\n")
        at += length
