"""Pages opened as people open them: from a file, in a Chromium that reaches nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

from keysweep.findings import ScanResult
from keysweep.report.html.page import render
from tests.browser.chromium import executable
from tests.report.many import NOW

_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-gpu", "--no-first-run")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        arguments = [*_QUIET, "--no-sandbox"] if is_root else [*_QUIET]
        started = playwright.chromium.launch(executable_path=executable(), args=arguments)
        yield started
        started.close()


class Opened:
    """A page, and what it asked for and complained of."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.address = path.as_uri()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def go(self, fragment: str = "") -> Page:
        self.page.goto("about:blank")
        self.page.goto(self.address + fragment)
        return self.page

    @property
    def keys(self) -> list[str]:
        """What the table lists, row by row."""
        return self.page.locator(".open").all_inner_texts()

    @property
    def shown(self) -> str:
        return self.page.inner_text("#shown")

    def column(self, name: str) -> list[str]:
        return self.page.locator(f"tr.row [data-column={name}]").all_inner_texts()


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a result; options of the browser's context and of the report by name."""
    contexts: list[BrowserContext] = []

    def open_(
        result: ScanResult, fragment: str = "", *, context: dict[str, Any] | None = None, **facts: Any
    ) -> Opened:
        path = tmp_path / f"report {len(contexts)}.html"
        with path.open("w", encoding="utf-8") as stream:
            render(result, stream, **{"now": NOW, **facts})
        options = {"viewport": {"width": 1366, "height": 900}, "reduced_motion": "reduce", **(context or {})}
        contexts.append(browser.new_context(**options))
        made = Opened(contexts[-1].new_page(), path)
        made.go(fragment)
        return made

    yield open_
    for each in contexts:
        each.close()
