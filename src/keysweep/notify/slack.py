"""Incoming webhooks of Slack, and of what understands them: blocks for Slack, a text for Mattermost and others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from keysweep.findings import Secret, Severity
from keysweep.frozen import frozen
from keysweep.notify.messages import Digest, Notice, as_json
from keysweep.notify.posting import Patience, post
from keysweep.notify.taken import TAKEN, Taken

_MOST_HEADER, _MOST_TEXT, _MOST_LINES = 150, 2_900, 40
"""Characters of a header and of a text, as Slack takes them, and lines of the text that everybody shows."""
_SIGNS = {
    Severity.CRITICAL: ":rotating_light:",
    Severity.HIGH: ":red_circle:",
    Severity.MEDIUM: ":large_orange_circle:",
    Severity.LOW: ":large_yellow_circle:",
    Severity.INFO: ":white_circle:",
}


@frozen
class Slack:
    """The address of an incoming webhook, which is a secret: whoever has it can write there."""

    address: Secret

    def send(self, message: Notice | Digest, now: datetime, patience: Patience) -> Taken:  # noqa: ARG002
        """Send one message; raises NotTaken."""
        post(self.address.reveal(), as_json(payload(message)), _no_headers, patience)
        return TAKEN


def _no_headers(_: datetime) -> Mapping[str, str]:
    return {}


def payload(message: Notice | Digest) -> dict[str, Any]:
    """The message as Slack takes it.

    Texts of unknown origin stand in blocks of plain text, which nobody interprets, or as code.
    """
    lines = list(_lines(message))
    text = [f"*{escaped(message.title)}*", *(_markup(name, value) for name, value in lines[:_MOST_LINES])]
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(message.title, _MOST_HEADER)}]
    parts = _in_parts([f"{name}: {value}" if name else f"  {value}" for name, value in lines])
    blocks.extend({"type": "section", "text": _plain(each, _MOST_TEXT)} for each in parts)
    if message.link:
        link = f"<{escaped(message.link)}|Open it in keysweep>"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]})
    return {
        "text": f"{_sign(message)} " + "\n".join(text),
        "blocks": blocks[:50],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """What Slack asks to be escaped, and so also all that it would take for a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sign(message: Notice | Digest) -> str:
    if isinstance(message, Notice):
        return ":white_check_mark:" if message.due.is_quiet else _SIGNS[message.due.severity]
    return _SIGNS[max((each.severity for each in message.dues), default=Severity.INFO)]


def _lines(message: Notice | Digest) -> Iterator[tuple[str, str]]:
    if isinstance(message, Notice):
        yield from ((name, value) for name, value in message.lines() if name != "Details")
        return
    yield "By severity", ", ".join(f"{count} {name}" for name, count in message.severities.items())
    yield "By standing", ", ".join(f"{count} {name}" for name, count in message.states.items())
    yield from (("", each.title) for each in message.notices)
    if message.rest:
        yield "Not listed", f"{message.rest} more"


def _markup(name: str, value: str) -> str:
    """A line for whoever shows the text and no blocks: as code, in which Mattermost mentions and links nothing."""
    code = escaped(value.replace("`", "'"))
    return f"{name}: `{code}`" if name else f"• `{code}`"


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "emoji": False, "text": text if len(text) <= most else f"{text[: most - 1]}…"}


def _in_parts(lines: Sequence[str]) -> Iterator[str]:
    """The lines in texts that are not too long."""
    part = ""
    for line in lines:
        if part and len(part) + len(line) + 1 > _MOST_TEXT:
            yield part
            part = ""
        part += ("\n" if part else "") + line
    if part:
        yield part
