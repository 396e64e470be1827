"""`keysweep serve`."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import click

from keysweep.cli.databases import db_option, installed, opened_store
from keysweep.cli.interrupt import be_patient
from keysweep.cli.operator import allow_account, aws_endpoint, mandate_of, policy_file, profile
from keysweep.errors import ExitCode, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uvicorn import Server

    from keysweep.cli.served_containment import ServedContainment
    from keysweep.store.opening import Store
    from keysweep.web.guard import Place
    from keysweep.web.sessions import OneTimeToken, Password

_VARIABLE = "KEYSWEEP_PASSWORD"
_LEAST_PASSWORD = 12
_MOST_NAME = 100
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.:]+")


@click.command()
@db_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="0 for any that is free."
)
@click.option("--user", metavar="NAME", help="Under which decisions are kept.  [default: your user name]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; see below for others.")
@click.option("--public-url", metavar="URL", help="How browsers reach it: https://keys.example.net.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"What everybody has to know who signs in; or put it into {_VARIABLE}.",
)
@click.option("--tls-cert", metavar="FILE", help="Certificate, with those that it is signed by.")
@click.option("--tls-key", metavar="FILE", help="Its key.")
@click.option("--behind-proxy", is_flag=True, help="A proxy in front of it speaks TLS.")
@click.option("--allow-plan", is_flag=True, help="Let pages ask AWS how a key would be contained.")
@click.option("--allow-contain", is_flag=True, help="Let pages do that, once the key ID was typed.")
@allow_account
@policy_file
@profile
@aws_endpoint
def serve(
    db: str | None,
    port: int,
    user: str | None,
    host: str,
    public_url: str | None,
    password_file: Path | None,
    tls_cert: str | None,
    tls_key: str | None,
    behind_proxy: bool,
    allow_plan: bool,
    allow_contain: bool,
    allowed: tuple[str, ...],
    policy_file: Path | None,
    profile: str | None,
    aws_endpoint: str | None,
) -> int:
    """Show the store of sweeps as pages in a browser, and take decisions there.

    It listens on this machine only, and prints an address with a token that signs in once. Anything else needs
    --public-url, a password, and TLS: of its own, or of a proxy in front of it. docs/dashboard.md tells how.

    Nothing is changed in AWS unless --allow-contain is given, and then only as the policy of `contain` lets you.

    \b
    Examples:
      keysweep serve                               the store of your user
      keysweep serve --db leaks.db --port 0        another one, any free port
      keysweep serve --allow-plan --allow-account 111122223333
      keysweep serve --behind-proxy --public-url https://keys.example.net --password-file p.txt

    \b
    Exit codes:
      0  ended by Ctrl-C or SIGTERM      2  wrong usage or configuration
      3  there is no store, or it cannot be read
    """
    if allow_contain and not allow_plan:
        allow_plan = True
    if not allow_plan and (allowed or policy_file or profile or aws_endpoint):
        raise UsageError(
            "--allow-account, --policy, --profile and --aws-endpoint go with --allow-plan: nothing else asks AWS."
        )
    if bool(tls_cert) != bool(tls_key):
        raise UsageError("--tls-cert and --tls-key go together: give both.")
    is_open = behind_proxy or not _is_loopback(host)
    origin = _origin(public_url) if public_url else None
    password = _password(password_file)
    if user is not None and not 0 < len(user.strip()) <= _MOST_NAME:
        raise UsageError(f"--user has to be a name of at most {_MOST_NAME} letters.")
    _check(is_open=is_open, has_tls=bool(tls_cert), behind_proxy=behind_proxy, origin=origin, password=password)
    with opened_store(db, must_exist=True) as store:
        with installed("the dashboard"):
            from keysweep.web.app import application
            from keysweep.web.serving import Tls, listening, prepared
            from keysweep.web.sessions import OneTimeToken, Password
        container = (
            _container(store, allowed, policy_file, profile, aws_endpoint, allow_contain) if allow_plan else None
        )
        entrance: OneTimeToken | Password = Password(password) if password else OneTimeToken()
        with listening(host, port) as listener:
            number = listener.getsockname()[1]
            place = _place(host, number, origin, has_tls=bool(tls_cert))
            tls = Tls(tls_cert, tls_key) if tls_cert and tls_key else None
            server = prepared(application(store, place, entrance, user or _user(), container), tls)
            be_patient(signal.SIGTERM)  # what was begun in AWS is waited for whoever ends this
            _heed_hang_up(server)
            _tell(store, place, entrance, "" if origin else host)
            try:
                with suppress(KeyboardInterrupt):
                    server.run(sockets=[listener])
                click.echo("keysweep: the dashboard has ended.", err=True)
            finally:
                if container:
                    container.finish()
    return ExitCode.CLEAN


def _heed_hang_up(server: Server) -> None:
    """End as by Ctrl-C where a terminal closes, unless somebody has that ignored: uvicorn itself does not.

    An exception out of a handler would be lost where one of asyncio's own callbacks runs just then.
    """
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_DFL:
        signal.signal(hang_up, server.handle_exit)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(*, is_open: bool, has_tls: bool, behind_proxy: bool, origin: str | None, password: str | None) -> None:
    """Refuse what would let somebody in, or would send what they type in the clear."""
    if not is_open:
        if origin:
            raise UsageError("--public-url goes with --behind-proxy, or with --host and --tls-cert.")
        return
    if password is None:
        raise UsageError(
            "whoever can reach this address could read the store: give a password with --password-file, or in "
            f"{_VARIABLE}."
        )
    if has_tls == behind_proxy:
        raise UsageError(
            "give either --tls-cert and --tls-key, or --behind-proxy if a proxy in front of it speaks TLS: "
            "passwords are not sent in the clear."
        )
    if origin is None:
        raise UsageError("say how browsers reach it with --public-url, such as https://keys.example.net.")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if (
        parts.scheme != "https"
        or not (host and _HOST.fullmatch(host))
        or "@" in parts.netloc
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise UsageError(
            "--public-url has to be an address such as https://keys.example.net, without a path, and as browsers "
            "send it: with xn-- for letters that are not ASCII."
        )
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}" if port in {None, 443} else f"https://{shown}:{port}"


def _password(path: Path | None) -> str | None:
    """What has to be known; None where nothing was given. It is in no message."""
    text = os.environ.get(_VARIABLE)
    if path is not None:
        try:
            status = path.stat()
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"the file of --password-file cannot be read ({why}): check it.") from error
        if sys.platform != "win32" and stat.S_IMODE(status.st_mode) & 0o077:
            raise UsageError(f"others can read {path}: run `chmod 600` on it, and choose another password.")
    if text is not None and len(text) < _LEAST_PASSWORD:
        raise UsageError(f"the password is too short: it needs {_LEAST_PASSWORD} letters or more.")
    return text


def _place(host: str, port: int, origin: str | None, *, has_tls: bool) -> Place:
    from keysweep.web.guard import Place

    if origin:
        return Place(frozenset({origin}))
    scheme, default = ("https", 443) if has_tls else ("http", 80)
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    suffix = "" if port == default else f":{port}"
    return Place(frozenset(f"{scheme}://{name}{suffix}" for name in names))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in many containers
        return "somebody"


def _container(
    store: Store,
    allowed: tuple[str, ...],
    policy: Path | None,
    profile: str | None,
    endpoint: str | None,
    may_apply: bool,
) -> ServedContainment:
    from keysweep.cli.served_containment import ServedContainment

    mandate = mandate_of(policy).allowing(allowed)
    return ServedContainment(store, mandate, policy, profile, endpoint, may_apply=may_apply)


def _tell(store: Store, place: Place, entrance: OneTimeToken | Password, host: str) -> None:
    """Print where it is; only here the token is ever shown."""
    from keysweep.web.sessions import OneTimeToken

    origins = sorted(place.origins)
    shown = next((each for each in origins if host and urlsplit(each).hostname == host), origins[0])
    is_token = isinstance(entrance, OneTimeToken)
    click.echo(f"{shown}/?token={entrance.text}" if is_token else f"{shown}/")  # type: ignore[union-attr]
    how = "this address signs in once" if is_token else "everybody who knows the password can sign in"
    click.echo(f"keysweep: a dashboard of {store.where}; {how}. End it with Ctrl-C.", err=True)
    sys.stdout.flush()
