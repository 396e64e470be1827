"""Who is told: notify.toml in the user's configuration directory, with every mistake named.

No secret stands in it: passwords, and addresses that are secrets, are in the environment, in variables it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import urlsplit

from keysweep.errors import ConfigError, UsageError
from keysweep.findings import Secret, Severity
from keysweep.frozen import frozen
from keysweep.notify.email import Mail
from keysweep.notify.posting import LOOPBACK, checked_address
from keysweep.notify.security_hub import AGAIN_AFTER, Hub
from keysweep.notify.slack import Slack
from keysweep.notify.webhook import Webhook
from keysweep.regions import is_region
from keysweep.standing import Standing
from keysweep.store.notices import Wanted
from keysweep.tables import flag, level, read_table, refuse_unknown, strings, text, whole_number, wrong

FILE_NAME = "notify.toml"
KINDS = ("webhook", "slack", "email", "security-hub")
_Settings = Mapping[str, object]
Environment = Mapping[str, str]
Sender = Webhook | Slack | Mail | Hub


@frozen
class Channel:
    """A receiver as the file describes it; its secrets are looked up when it is to be told something."""

    name: str
    kind: str
    wanted: Wanted
    most: int
    """Messages of one leak each in one run, or leaks in one mail: what is more is counted in a digest."""
    sender: Callable[[Environment], Sender]
    """The receiver itself, given the environment; ConfigError where a variable is missing or wrong."""
    hub: Hub | None = None


@frozen
class Receivers:
    """All of them."""

    channels: tuple[Channel, ...] = ()
    dashboard: str | None = None
    """The address of the dashboard, without a slash at its end."""

    def chosen(self, names: Iterable[str]) -> tuple[Channel, ...]:
        """Those with these names; all that send something, if there are none. UsageError for an unknown one."""
        wanted = dict.fromkeys(names)
        known = {each.name: each for each in self.channels}
        for name in wanted:
            if name not in known:
                there = f"known are {', '.join(known)}" if known else f"there is none in {FILE_NAME}"
                raise UsageError(f"there is no channel {name}: {there}.")
            hub = known[name].hub
            if hub and not hub.sends:
                raise UsageError(
                    f"channel {name} sends nothing: set `send = true` there, or write a file with --asff."
                )
        if wanted:
            return tuple(known[name] for name in wanted)
        return tuple(each for each in self.channels if each.hub is None or each.hub.sends)


def load(explicit: Path | None, directory: Path) -> Receivers:
    """Read `explicit`, or `notify.toml` in the configuration `directory`; nobody if that is absent.

    Raises ConfigError that names the file, the key, and what would be right.
    """
    path = explicit or directory / FILE_NAME
    if explicit is None and not path.exists():
        return Receivers()
    whole = read_table(path, whole=True)
    refuse_unknown(whole, ("dashboard", "channel"), path, "")
    listed = whole.get("channel", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise wrong(path, "channel", "a list of tables, [[channel]]")
    channels = tuple(_channel(each, path, number) for number, each in enumerate(listed, 1))
    names = [each.name for each in channels]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two channels are called {name}: what each was told is kept by its name.")
    dashboard = text(whole, "dashboard", path)
    if dashboard is not None:
        dashboard = checked_address(dashboard, f"{path}: `dashboard`").rstrip("/")
    return Receivers(channels, dashboard)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|::1")
"""Labels of at most 63 characters (RFC 1035): Python looks no others up."""
_COMMON = ("name", "kind", "least-severity", "standings")


def _channel(settings: _Settings, path: Path, number: int) -> Channel:
    where = f"{path}: channel {number} of the file"
    name = text(settings, "name", where)
    if name is None or not _NAME.fullmatch(name):
        raise wrong(where, "name", "letters, digits, dots, dashes and underscores, 64 at most")
    where = f"{path}: channel {name}"
    kind = text(settings, "kind", where)
    if kind not in KINDS:
        raise wrong(where, "kind", "one of " + ", ".join(KINDS))
    known, read, most = _OF_KIND[kind]
    refuse_unknown(settings, (*_COMMON, *known), path, f"channel {name}: ")
    standings = strings(settings, "standings", where)
    if not set(standings) <= {each.value for each in Standing}:
        raise wrong(where, "standings", "a list of " + ", ".join(Standing))
    severity = level(settings, "least-severity", Severity, Severity.INFO, where)
    most = whole_number(settings, "most", most, where)
    if not most:
        raise wrong(where, "most", "a whole number of 1 or more")
    again_after = AGAIN_AFTER if kind == "security-hub" else None
    wanted = Wanted(severity, frozenset(map(Standing, standings)), again_after)
    sender = read(settings, where)
    return Channel(name, kind, wanted, most, sender, _hub(settings, where) if kind == "security-hub" else None)


def _webhook(settings: _Settings, where: str) -> Callable[[Environment], Sender]:
    address, variable = text(settings, "address", where), _variable(settings, "address-from", where)
    secret = _variable(settings, "secret-from", where)
    if (address is None) == (variable is None):
        raise ConfigError(f"{where} needs an `address`, or the variable that holds it as `address-from`.")
    if address is not None:
        checked_address(address, f"{where}: `address`")
        if urlsplit(address).query:
            raise ConfigError(f"{where}: `address` has a query, which may be a secret: use `address-from`.")

    def made(environment: Environment) -> Sender:
        to = Secret(address) if address else _address(environment, variable, where)
        return Webhook(to, _secret(environment, secret, where) if secret else None)

    return made


def _slack(settings: _Settings, where: str) -> Callable[[Environment], Sender]:
    variable = _variable(settings, "address-from", where)
    if variable is None:
        raise ConfigError(f"{where} needs `address-from`: the variable with the address, which is a secret.")
    return lambda environment: Slack(_address(environment, variable, where))


def _email(settings: _Settings, where: str) -> Callable[[Environment], Sender]:
    server, sender, user = (text(settings, key, where) for key in ("server", "from", "user"))
    recipients = strings(settings, "to", where)
    password = _variable(settings, "password-from", where)
    security = text(settings, "security", where) or "starttls"
    if server is None or not _HOST.fullmatch(server):
        raise ConfigError(f"{where} needs a `server`: the name of its host alone.")
    if security not in ("starttls", "tls", "none"):
        raise wrong(where, "security", "starttls, tls or none")
    if security == "none" and server not in LOOPBACK:
        raise ConfigError(f"{where}: mail to another machine travels over TLS: `security` is starttls or tls.")
    if (user is None) != (password is None):
        raise ConfigError(f"{where}: `user` and `password-from` belong together.")
    if sender is None or not _is_address(sender):
        raise ConfigError(f"{where}: `from` has to be an address such as keysweep@example.net.")
    if not recipients or not all(map(_is_address, recipients)):
        raise ConfigError(f"{where}: `to` has to be a list of addresses such as security@example.net.")
    port = whole_number(settings, "port", {"starttls": 587, "tls": 465, "none": 25}[security], where)
    if not 0 < port < 1 << 16:
        raise wrong(where, "port", "the number of a port")

    def made(environment: Environment) -> Sender:
        secret = _secret(environment, password, where) if password else None
        return Mail(server, port, security, sender, tuple(recipients), user, secret)

    return made


def _is_address(text: str) -> bool:
    try:
        made = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return False
    return bool(made.username and made.domain) and text.isascii() and text.isprintable() and " " not in text


def _security_hub(settings: _Settings, where: str) -> Callable[[Environment], Sender]:
    hub = _hub(settings, where)
    return lambda _: hub


def _hub(settings: _Settings, where: str) -> Hub:
    account, region = text(settings, "account", where), text(settings, "region", where)
    if account is None or region is None:
        raise ConfigError(f"{where} needs the `account` and the `region` of the Security Hub.")
    return checked_hub(
        account, region, where, text(settings, "profile", where), sends=flag(settings, "send", where)
    )


def checked_hub(account: str, region: str, where: str, profile: str | None = None, *, sends: bool = False) -> Hub:
    """The Security Hub of an account in a region; ConfigError, which begins with `where`, for what is neither."""
    if not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise ConfigError(f"{where}: `account` has to be twelve digits in quotes.")
    if not is_region(region):
        raise ConfigError(f"{where}: `region` has to be one such as eu-central-1.")
    return Hub(account, region, profile, sends)


_OF_KIND: Mapping[str, tuple[tuple[str, ...], Callable[..., Callable[[Environment], Sender]], int]] = {
    "webhook": (("address", "address-from", "secret-from", "most"), _webhook, 20),
    "slack": (("address-from", "most"), _slack, 20),
    "email": (("server", "port", "security", "from", "to", "user", "password-from", "most"), _email, 50),
    "security-hub": (("account", "region", "profile", "send"), _security_hub, 100),
}
"""What each kind has to say, how that is read, and the default of `most`."""


def _variable(settings: _Settings, key: str, where: str) -> str | None:
    """The name of a variable; what is none may be the secret itself, so it is not quoted."""
    name = text(settings, key, where)
    if name is not None and not _VARIABLE.fullmatch(name):
        raise ConfigError(
            f"{where}: `{key}` has to be the name of a variable of the environment, in capitals, never the secret."
        )
    return name


def _secret(environment: Environment, variable: str, where: str) -> Secret:
    value = environment.get(variable, "").strip()
    if not value:
        raise ConfigError(f"{where}: there is no variable {variable} in the environment.")
    return Secret(value)


def _address(environment: Environment, variable: str | None, where: str) -> Secret:
    assert variable
    given = _secret(environment, variable, where)
    checked_address(given.reveal(), f"{where}: what {variable} holds")
    return given
