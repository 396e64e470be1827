"""Settings for the whole suite."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["tests.emulators.fixtures", "tests.leaks.plugin", "tests.stores"]

settings.register_profile("keysweep", deadline=None)
settings.load_profile("keysweep")

_OF_ELSEWHERE = (
    *("AGENT_", "AWS_", "BITBUCKET_", "BUILD_", "CHANGE_", "CI_", "ECS_", "GITHUB_", "GITLAB_", "GIT_"),
    *("JENKINS_", "KEYSWEEP_", "KUBERNETES_", "PRE_COMMIT", "SYSTEM_", "WORKSPACE", "XDG_"),
)
"""How variables begin that say where the suite runs or what its user prefers."""
_ALSO_OF_ELSEWHERE = (
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "TF_BUILD",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "practice(number, ...): holds keysweep to this one of the twenty practices."
    )
    for name in [each for each in os.environ if each.startswith(_OF_ELSEWHERE) or each in _ALSO_OF_ELSEWHERE]:
        del os.environ[name]
    if any(each.lower().endswith("_proxy") for each in os.environ):
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = (
            "localhost,127.0.0.1,::1"  # where tests have their servers
        )


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave alone what keysweep remembers for whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEYSWEEP_CACHE", os.fspath(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def signals() -> None:
    """Have programs that tests start end by signals, also where the suite itself was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
