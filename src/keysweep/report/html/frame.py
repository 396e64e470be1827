"""A page that stands alone: one file that loads nothing, and runs nothing but its own script."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, TextIO

from keysweep import __version__
from keysweep.report.entries import cleaned

_HERE = "keysweep.report.html"
_MOST_CHARACTERS = 500


def write(stream: TextIO, package: str, values: Mapping[str, Any]) -> None:
    """Write `page.html` of a package, which extends `frame.html`, with its `page.css` and `page.js`.

    `values` has a `headline`, and no text that `shown` did not make.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    style, script = _file(_HERE, "frame.css") + _file(package, "page.css"), _file(package, "page.js")
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)}"
    own = {
        "version": __version__,
        "policy": Markup(f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"),  # noqa: S704 - ours
        "style": Markup(style),  # noqa: S704 - files of this package
        "script": Markup(script),  # noqa: S704 - a file of this package
    }
    loader = DictLoader({"frame.html": _file(_HERE, "frame.html"), "page.html": _file(package, "page.html")})
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    pieces = environment.get_template("page.html").generate(**values, **own)
    # ASCII, whatever the stream can encode: one character of the script written as something else would break its
    # hash, and with it the page.
    stream.writelines(piece.encode("ascii", "xmlcharrefreplace").decode("ascii") for piece in pieces)


def shown(value: Any) -> Any:
    """A document of plain values with every text as a page shows it: safe, and no longer than a page bears."""
    return _bounded(cleaned(value))


def embedded(values: Any) -> str:
    """Plain values as JSON that neither ends the element that it stands in nor is read as markup."""
    text = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        cut = len(value) > _MOST_CHARACTERS
        return f"{value[:_MOST_CHARACTERS]}… ({len(value)} characters)" if cut else value
    if isinstance(value, dict):
        return {key: _bounded(each) for key, each in value.items()}
    return [_bounded(each) for each in value] if isinstance(value, list) else value


def _hash(text: str) -> str:
    """A source expression for an inline element with exactly this text (Content Security Policy level 3, 8.2)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _file(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
