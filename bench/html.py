"""What the HTML report of many leaks takes to write, open, search and sort: `python -m bench.html [LEAKS]`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from keysweep.report.html.page import render
from tests.browser.chromium import executable
from tests.report.many import NOW, REPOSITORIES, contained, many

_ROUNDS = 5


def main(leaks: int) -> None:
    result = many(leaks)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "report.html"

        def write() -> None:
            with path.open("w", encoding="utf-8") as stream:
                render(result, stream, repositories=REPOSITORIES, contained=contained(result), now=NOW)

        print(f"{leaks} leaks, median of {_ROUNDS}")
        print(f"write   {_median(write):7.2f} s   {path.stat().st_size / 1e6:.1f} MB")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
            page = browser.new_page()
            print(f"open    {_median(lambda: page.goto(path.as_uri())):7.2f} s")
            print(f"search  {_median(lambda: _search(page)):7.2f} s")
            print(f"sort    {_median(lambda: page.evaluate(_SORT)):7.2f} s")
            browser.close()


def _search(page: Page) -> None:
    page.fill("#search", "ada@example")
    page.fill("#search", "")


_SORT = "document.querySelector('[data-sort=where]').click()"


def _median(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
