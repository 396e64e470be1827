"""Chromium for the tests of pages: found, or installed by `python -m tests.browser.chromium`, as `tests/run` does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """The system's Chromium; None where Playwright's own is there, or none at all."""
    named = os.environ.get("TEST_CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


def _own() -> bool:
    """Whether Playwright has brought its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return os.path.exists(playwright.chromium.executable_path)


def install() -> None:
    """Make sure that there is a Chromium: Debian's where that can be had, and else Playwright's own."""
    if executable() or _own():
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        packages = ["chromium", "fonts-dejavu-core"]
        subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
        subprocess.run(
            ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        return
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode:
        sys.exit("tests/run: the tests of pages need Chromium: install it, or name it in TEST_CHROMIUM.")


if __name__ == "__main__":
    install()
