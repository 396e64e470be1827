"""Mail: one digest for several recipients, as text and as HTML, over TLS."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from keysweep.findings import Secret
from keysweep.frozen import frozen
from keysweep.notify.messages import Digest, Notice
from keysweep.notify.posting import NotTaken, Patience, within
from keysweep.notify.taken import TAKEN, Taken
from keysweep.report.style import number_of


@frozen
class Mail:
    """Through which server, from whom and to whom."""

    server: str
    port: int
    security: str
    """`starttls`, `tls` from the first byte on, or `none`, which is only for a server on this machine."""
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: Secret | None = None

    def send(self, message: Notice | Digest, now: datetime, patience: Patience) -> Taken:
        """Send one mail; raises NotTaken. One recipient who is refused does not keep it from the others."""
        assert isinstance(message, Digest)
        mail = composed(message, self.sender, self.recipients, now)
        for attempt in range(1, patience.attempts + 1):
            try:
                refused = within(patience.answer_seconds * 3, lambda: self._hand_over(mail, patience))
            except smtplib.SMTPResponseException as error:
                if error.smtp_code < 0:
                    raise NotTaken(f"{self.server} does not speak SMTP") from None
                reason = f"{self.server} answered {error.smtp_code}"
                if isinstance(error, smtplib.SMTPAuthenticationError):
                    reason += " to the user and the password"
                if error.smtp_code >= 500:
                    raise NotTaken(reason, is_of_message=isinstance(error, smtplib.SMTPDataError)) from None
            except smtplib.SMTPRecipientsRefused as error:
                raise NotTaken(
                    f"{self.server} refuses all {number_of(len(error.recipients), 'recipient')}"
                ) from None
            except UnicodeError:
                raise NotTaken(f"{self.server} cannot be given a user or a password that is not ASCII") from None
            except ssl.SSLError:
                raise NotTaken(f"{self.server} has a certificate that is not trusted, or speaks no TLS") from None
            except (TimeoutError, smtplib.SMTPServerDisconnected):
                reason = f"{self.server} hung up or did not answer in time"
            except smtplib.SMTPException:  # the plain one says that no way of signing in is known to both
                raise NotTaken(f"{self.server} offers no STARTTLS or no sign-in, so nothing was sent") from None
            except OSError as error:
                reason = f"{self.server} could not be reached ({type(error).__name__})"
            else:
                if not refused:
                    return TAKEN
                which = ", ".join(str(number) for number in refused)
                return Taken({}, f"{self.server} refused recipient {which} of `to`; the others have it")
            if attempt < patience.attempts:
                pause = patience.first_pause_seconds * 2 ** (attempt - 1)
                patience.pause(min(pause, patience.longest_pause_seconds), reason)
        raise NotTaken(f"{reason}, {patience.attempts} times")

    def _hand_over(self, mail: EmailMessage, patience: Patience) -> Sequence[int]:
        """One attempt; returns which recipients were refused, counted from 1, while others were not."""
        context = ssl.create_default_context()
        seconds = patience.answer_seconds
        server = (
            smtplib.SMTP_SSL(self.server, self.port, timeout=seconds, context=context)
            if self.security == "tls"
            else smtplib.SMTP(self.server, self.port, timeout=seconds)
        )
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password.reveal())
            refused = server.send_message(mail, self.sender, self.recipients)
            with suppress(smtplib.SMTPException, OSError):  # it has the mail: how it says goodbye changes nothing
                server.quit()
        finally:
            server.close()
        return [number for number, each in enumerate(self.recipients, 1) if each in refused]


def composed(digest: Digest, sender: str, recipients: Sequence[str], now: datetime) -> EmailMessage:
    """The mail. Nothing of unknown origin stands in a header."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"keysweep: {digest.title}"
    mail["From"] = _address(sender)
    mail["To"] = [_address(each) for each in recipients]
    mail["Date"] = now
    mail["Message-ID"] = f"<{digest.key}@{_address(sender).domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(_text(digest)) + "\n", cte="quoted-printable")
    mail.add_alternative("\n".join(_html(digest)) + "\n", subtype="html", cte="quoted-printable")
    return mail


def _address(text: str) -> Address:
    return Address(addr_spec=text)


def _text(digest: Digest) -> Iterator[str]:
    yield f"{digest.title}."
    yield f"By severity: {_counted(digest.severities)}."
    yield f"By standing: {_counted(digest.states)}."
    if digest.link:
        yield f"All of them: {digest.link}"
    for each in digest.notices:
        yield ""
        yield each.title
        yield from (f"  {name}: {value}" if name else f"    {value}" for name, value in each.lines())
    if digest.rest:
        yield ""
        yield f"And {digest.rest} more, which are not listed here."


def _html(digest: Digest) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>keysweep</title></head>'
    yield '<body style="font-family: sans-serif">'
    yield f"<h1>{escape(digest.title)}</h1>"
    yield f"<p>By severity: {escape(_counted(digest.severities))}.<br>"
    yield f"By standing: {escape(_counted(digest.states))}.</p>"
    if digest.link:
        yield f'<p><a href="{escape(digest.link)}">All of them in keysweep</a></p>'
    for each in digest.notices:
        yield f"<h2>{escape(each.title)}</h2><table>"
        for name, value in each.lines():
            told = f'<a href="{escape(value)}">open it in keysweep</a>' if name == "Details" else _code(value)
            yield f'<tr><th align="left" valign="top">{escape(name)}</th><td>{told}</td></tr>'
        yield "</table>"
    if digest.rest:
        yield f"<p>And {digest.rest} more, which are not listed here.</p>"
    yield "</body></html>"


def _code(text: str) -> str:
    """As code: mail programs make links of addresses in prose."""
    return f"<code>{escape(text)}</code>"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
