"""The credentials file of AWS as bytes: one profile read, changed, added or taken out, and nothing else touched.

AWS's own tools read it with Python's `configparser`; what that would read otherwise than this does is refused.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping, Sequence

from keysweep.errors import SinkError
from keysweep.frozen import frozen

_HEADER = re.compile(rb"\[(.+)\]")
_OPTION = re.compile(
    rb"(aws_access_key_id|aws_secret_access_key|aws_session_token)"
    rb"([ \t]*[=:][ \t]*)([^\r\n]*?)([ \t]*(?:\r\n|\r|\n)?)",
    re.IGNORECASE,
)
_ID, _SECRET, _TOKEN = b"aws_access_key_id", b"aws_secret_access_key", b"aws_session_token"
_PAIR = (_ID, _SECRET)


@frozen
class _Section:
    start: int
    """The line of its header."""
    end: int
    """The line after its last."""
    options: dict[bytes, int]
    """Which line each of the three options stands in."""


def pair_in(content: bytes, name: str) -> tuple[str, bytes] | None:
    """The ID and the secret in profile `name`; None without a profile, and an empty ID where it has no pair.

    Raises SinkError for a profile that has more or less than a pair.
    """
    lines = content.splitlines(keepends=True)
    section = _found(lines, name)
    has_pair = section is not None and _ID in section.options
    found = {each: _value(lines[section.options[each]]) for each in _PAIR} if section and has_pair else {}
    read = _as_aws_reads(content).get(name)
    if (section is None) != (read is None) or _pair_of(read or {}) != {
        _text(each): _text(found[each]) for each in found
    }:
        raise _misread(name)
    if section is None:
        return None
    return (_text(found[_ID]), found[_SECRET]) if has_pair else ("", b"")


def with_pair(content: bytes, name: str, key_id: str, secret: bytes) -> bytes:
    """The same with this pair in profile `name`, which is added at the end where it is not there."""
    after = _with_pair(content, name, key_id, secret)
    wanted = _as_aws_reads(content)
    pair = {_text(_ID): key_id, _text(_SECRET): _text(secret)}
    if _as_aws_reads(after) != {**wanted, name: {**wanted.get(name, {}), **pair}}:
        raise _misread(name)
    return after


def _with_pair(content: bytes, name: str, key_id: str, secret: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    section = _found(lines, name)
    end = b"\r\n" if b"\r\n" in content else b"\n"
    written = [_ID + b" = " + key_id.encode() + end, _SECRET + b" = " + secret + end]
    if section is None:
        if content and not content.endswith((b"\n", b"\r")):
            lines[-1] += end
        return b"".join([*lines, *([end] if content else []), b"[" + name.encode() + b"]" + end, *written])
    if _ID in section.options:
        for option, value in ((_ID, key_id.encode()), (_SECRET, secret)):
            at = section.options[option]
            found = _OPTION.fullmatch(lines[at])
            assert found
            lines[at] = found[1] + found[2] + value + found[4]
        return b"".join(lines)
    head = lines[section.start]
    lines[section.start] = head if head.endswith((b"\n", b"\r")) else head + end
    return b"".join([*lines[: section.start + 1], *written, *lines[section.start + 1 :]])


def without_pair(content: bytes, name: str) -> bytes:
    """The same without the pair of profile `name`, and without the profile where nothing else is in it."""
    after = _without_pair(content, name)
    wanted = _as_aws_reads(content)
    rest = {option: value for option, value in wanted.pop(name, {}).items() if option not in map(_text, _PAIR)}
    read = _as_aws_reads(after)
    if read.pop(name, {}) != rest or read != wanted:
        raise _misread(name)
    return after


def _without_pair(content: bytes, name: str) -> bytes:
    lines = content.splitlines(keepends=True)
    section = _found(lines, name)
    if section is None:
        return content
    pair = {section.options[each] for each in (_ID, _SECRET) if each in section.options}
    rest = [lines[at] for at in range(section.start + 1, section.end) if at not in pair]
    if any(line.strip() for line in rest):
        return b"".join(line for at, line in enumerate(lines) if at not in pair)
    start = section.start
    if start and not lines[start - 1].strip():
        start -= 1  # the empty line before it, which was added with it
    return b"".join([*lines[:start], *rest, *lines[section.end :]])


def _as_aws_reads(content: bytes) -> dict[str, dict[str, str]]:
    """Every profile with its options, as botocore reads them. Raises SinkError for what it cannot read."""
    parser = configparser.RawConfigParser(default_section="")  # to botocore no profile is the default of others
    try:
        parser.read_string(_text(content).replace("\r\n", "\n").replace("\r", "\n"))
    except (configparser.Error, AttributeError) as error:  # its text, and what it is chained to, quote the file
        what = type(error).__name__
    else:
        return {name: dict(parser.items(name)) for name in parser.sections()}
    raise SinkError(
        f"could not use the credentials file: AWS's tools cannot read it ({what}); mend it until "
        "`aws configure list` reads it."
    )


def _pair_of(options: Mapping[str, str]) -> dict[str, str]:
    return {option: value for option, value in options.items() if option in map(_text, _PAIR)}


def _misread(name: str) -> SinkError:
    return SinkError(
        f"could not use profile {name}: its lines are not as AWS's tools write them (spaces before a name, a "
        "value over several lines); write it plainly, one name and value a line."
    )


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _found(lines: Sequence[bytes], name: str) -> _Section | None:
    found = [each for title, each in _sections(lines) if title == name.encode()]
    if len(found) > 1:
        raise SinkError(
            f"could not use profile {name}: the credentials file has it {len(found)} times; mend that."
        )
    if not found:
        return None
    section = found[0]
    if (_ID in section.options) != (_SECRET in section.options):
        raise SinkError(f"could not use profile {name}: it has one half of a pair and not the other; mend that.")
    if _TOKEN in section.options:
        raise SinkError(
            f"could not use profile {name}: it has a session token, so its key is not a user's; name another one."
        )
    for line in section.options.values():
        after = lines[line + 1] if line + 1 < section.end else b""
        if after[:1] in (b" ", b"\t") and after.strip():
            raise SinkError(
                f"could not use profile {name}: the value in line {line + 1} goes on in the next; mend that."
            )
    return section


def _sections(lines: Sequence[bytes]) -> Iterator[tuple[bytes, _Section]]:
    starts = [(at, head[1]) for at, line in enumerate(lines) if (head := _HEADER.match(line))]
    ends = [*(at for at, _ in starts), len(lines)][1:]
    for (start, title), end in zip(starts, ends, strict=False):
        options: dict[bytes, int] = {}
        for at in range(start + 1, end):
            if option := _OPTION.fullmatch(lines[at]):
                if option[1].lower() in options:
                    raise SinkError(
                        f"could not use the credentials file: line {at + 1} repeats an option; mend that."
                    )
                options[option[1].lower()] = at
        yield title, _Section(start, end, options)


def _value(line: bytes) -> bytes:
    option = _OPTION.fullmatch(line)
    assert option
    return option[3]
