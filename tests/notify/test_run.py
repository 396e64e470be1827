"""Leaks are told once, also where receivers, processes and machines fail in the middle of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from keysweep.errors import ConfigError, UsageError
from keysweep.frozen import replace
from keysweep.notify.run import Told, check, tell
from keysweep.store.notices import First
from keysweep.store.opening import Store
from keysweep.verdicts import Status
from tests.emulators.wire import Answer, Drop, Endless, Given, Hang, Request
from tests.notify.filling import HASTY, OK, Receiver, leak, receiver, receivers, verdict


def told(store: Store, tmp_path: Path, it: Receiver, *, more: str = "", **options: object) -> Told:
    text = f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}/in"\n{more}'
    return tell(store, receivers(tmp_path, text), {}, patience=HASTY, **options)  # type: ignore[arg-type]


def test_each_leak_is_sent_once_and_what_becomes_of_it_too(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    keys = [leak(store, chance), leak(store, chance)]
    with receiver() as it:
        for _ in range(2):
            told(store, tmp_path, it)
        verdict(store, keys[1], Status.LIVE)
        for _ in range(2):
            told(store, tmp_path, it)
        verdict(store, keys[1], Status.DEAD, after_days=1)
        told(store, tmp_path, it)
        sent = [(each["leak"]["key_id"], each["leak"]["change"]) for each in it.documents]
    assert sorted(sent[:2]) == sorted((key, "found") for key in keys)
    assert sent[2:] == [(keys[1], "changed"), (keys[1], "settled")]
    assert len({each.headers["idempotency-key"] for each in it.requests}) == 4


@pytest.mark.parametrize(
    "trouble",
    [
        [Answer(500)],
        [Answer(503), Answer(502)],
        [Answer(429, headers={"Retry-After": "0"})],
        [Answer(429)],
        [Drop()],
        [Drop(is_reset=False)],
        [Hang()],
        [Endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"x", 0.05)],
    ],
)
def test_a_receiver_that_fails_for_a_while_is_asked_again_with_the_same_message(
    store: Store, chance: random.Random, tmp_path: Path, trouble: Sequence[Given]
) -> None:
    leak(store, chance)
    with receiver(*trouble) as it:
        assert not told(store, tmp_path, it).failed
        assert len(it.requests) == len(trouble) + 1
        assert len({each.body for each in it.requests}) == 1
        assert len({each.headers["idempotency-key"] for each in it.requests}) == 1
        assert told(store, tmp_path, it).channels[0].due == 0


@pytest.mark.parametrize(
    ("answer", "requests", "why"),
    [
        (Answer(429), 3, "answered 429, 3 times"),
        (Answer(401), 1, "answered 401"),
        (Answer(429, headers={"Retry-After": "3600"}), 1, "wants to be left alone for 3600 seconds"),
        (Answer(429, headers={"Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"}), 1, "wants to be left alone for"),
        (Answer(302, headers={"Location": "https://elsewhere.example/in"}), 1, "sends messages elsewhere"),
        (Answer(307, headers={"Location": "https://elsewhere.example/in"}), 1, "sends messages elsewhere"),
        (Drop(), 3, "could not be reached"),
    ],
)
def test_what_is_not_taken_is_named_and_due_the_next_time(
    store: Store, chance: random.Random, tmp_path: Path, answer: Given, requests: int, why: str
) -> None:
    for _ in range(3):
        leak(store, chance)
    with receiver(*[answer] * requests) as it:
        first = told(store, tmp_path, it)
        (complaint,) = first.channels[0].complaints
        assert why in complaint
        assert it.address.removeprefix("http://") in complaint
        assert "/in" not in complaint
        assert (first.channels[0].due, first.channels[0].told, len(it.requests)) == (3, 0, requests)
        second = told(store, tmp_path, it)
    assert (second.channels[0].told, second.failed) == (3, False)


def test_a_redirect_leads_nowhere_not_even_on_the_same_host(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    with receiver() as other:
        for place in (f"{other.address}/in", "/other"):
            with receiver(Answer(308, headers={"Location": place})) as it:
                assert told(store, tmp_path, it).failed
                assert len(it.requests) == 1
        assert other.requests == []


@pytest.mark.parametrize("status", [400, 403, 406, 413, 422, 500, 502])
def test_a_message_that_is_refused_does_not_keep_back_the_others(
    store: Store, chance: random.Random, tmp_path: Path, status: int
) -> None:
    for name in ("a.env", "<script>.env", "b.env"):
        leak(store, chance, name)

    def guarded(request: Request) -> Given:
        return Answer(status) if b"<script>" in request.body else OK

    with receiver(*[guarded] * 20) as it:
        (channel,) = told(store, tmp_path, it).channels
        assert (channel.told, len(channel.complaints)) == (2, 1)
        assert f"answered {status}" in channel.complaints[0]
        it.answers.clear()
        assert told(store, tmp_path, it).channels[0].told == 1


def test_a_receiver_that_takes_nothing_is_asked_again_about_the_first_message_alone(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    for _ in range(4):
        leak(store, chance)
    with receiver(*[Answer(500)] * 20) as it:
        (channel,) = told(store, tmp_path, it).channels
    assert (channel.told, len(channel.complaints), len(it.requests)) == (0, 4, HASTY.attempts + 3)


def test_a_digest_that_is_refused_for_a_name_in_it_is_told_as_counts(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    for number in range(25):
        leak(store, chance, "<script>.env" if number % 5 == 0 else "a.env")

    def guarded(request: Request) -> Given:
        return Answer(403) if b"<script>" in request.body else OK

    with receiver(guarded, guarded) as it:
        (channel,) = told(store, tmp_path, it).channels
        assert (channel.told, channel.messages) == (25, 1)
        assert channel.complaints == (
            f"{it.address.removeprefix('http://')} answered 403, so it was told the counts alone",
        )
        assert told(store, tmp_path, it).channels[0].due == 0
        whole, counts = it.documents
    assert (counts["total"], counts["leaks"]) == (25, [])
    assert whole["id"] != counts["id"]


def test_what_stays_on_this_machine_goes_through_no_proxy(
    store: Store, chance: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak(store, chance)
    with receiver() as proxy, receiver() as it:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert not told(store, tmp_path, it).failed
        assert (len(proxy.requests), len(it.requests)) == (0, 1)


def test_a_receiver_that_fails_keeps_nothing_from_the_others(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    with receiver(*[Answer(404)] * 3) as bad, receiver() as good:
        more = f'[[channel]]\nname = "b"\nkind = "webhook"\naddress = "{good.address}"\n'
        result = told(store, tmp_path, bad, more=more)
    assert [each.failed for each in result.channels] == [True, False]
    assert len(good.requests) == 1


def test_what_is_too_much_comes_as_one_digest_and_counts_as_told(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    live = [leak(store, chance) for _ in range(25)][7]
    verdict(store, live, Status.LIVE)
    with receiver() as it:
        (channel,) = told(store, tmp_path, it).channels
        assert (channel.told, channel.messages, channel.digests) == (25, 1, 1)
        (digest,) = it.documents
        assert told(store, tmp_path, it).channels[0].due == 0
    assert (digest["event"], digest["total"], len(digest["leaks"])) == ("digest", 25, 10)
    assert digest["standings"] == {"live": 1, "unverified": 24}
    assert digest["leaks"][0]["key_id"] == live


def test_with_first_none_only_what_happens_from_now_on_is_told(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    key = leak(store, chance)
    with receiver() as it:
        assert told(store, tmp_path, it, first=First.NONE).channels[0].told == 1
        assert told(store, tmp_path, it).channels[0].due == 0
        assert it.requests == []
        verdict(store, key, Status.LIVE)
        told(store, tmp_path, it)
        assert [each["leak"]["change"] for each in it.documents] == ["changed"]


def test_a_rehearsal_sends_nothing_and_says_what_it_would_send(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    key = leak(store, chance)
    with receiver() as it:
        for _ in range(2):
            (channel,) = told(store, tmp_path, it, rehearse=True).channels
            assert (channel.due, channel.told, channel.messages) == (1, 0, 1)
            assert key in channel.titles[0]
        assert it.requests == []


def test_nothing_is_sent_where_a_secret_is_missing_or_a_channel_is_unknown(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    with receiver() as it:
        more = '[[channel]]\nname = "chat"\nkind = "slack"\naddress-from = "NO_SUCH_VARIABLE"\n'
        with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE"):
            told(store, tmp_path, it, more=more)
        with pytest.raises(UsageError, match="no channel chut"):
            told(store, tmp_path, it, more=more, names=("chut",))
        assert it.requests == []
        with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE"):
            check(receivers(tmp_path, more), {})
        check(receivers(tmp_path, more), {"NO_SUCH_VARIABLE": "https://hooks.example.net/x"})
        assert told(store, tmp_path, it, more=more, names=("soar",)).channels[0].told == 1


def started(store: Store, tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "keysweep", "notify", "--config", str(tmp_path / "notify.toml")]
    address = store.engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "KEYSWEEP_DB": address},
    )


def test_two_processes_at_once_tell_each_leak_once(store: Store, chance: random.Random, tmp_path: Path) -> None:
    keys = {leak(store, chance) for _ in range(8)}

    def slow(_: Request) -> Given:
        time.sleep(0.1)
        return OK

    with receiver(*[slow] * 20) as it:
        receivers(tmp_path, f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}"\n')
        both = [started(store, tmp_path), started(store, tmp_path)]
        outputs = [each.communicate()[0] for each in both]
        assert [each.returncode for each in both] == [0, 0], outputs
        assert sorted(each["leak"]["key_id"] for each in it.documents) == sorted(keys)


def test_whoever_is_killed_before_it_is_written_down_tells_it_again_with_the_same_key(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    for _ in range(3):
        leak(store, chance)
    processes: list[subprocess.Popen[str]] = []

    def kills(_: Request) -> Given:
        processes[-1].send_signal(signal.SIGKILL)
        processes[-1].wait()
        return OK

    with receiver(OK, kills) as it:
        receivers(tmp_path, f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}"\n')
        for _ in range(2):
            processes.append(started(store, tmp_path))
            processes[-1].communicate()
        codes = [each.returncode for each in processes]
        keys = [each.headers["idempotency-key"] for each in it.requests]
    assert codes == [-signal.SIGKILL, 0]
    assert len(keys) == 4
    assert keys[2] == keys[1]
    assert len(set(keys)) == 3


def test_whoever_interrupts_it_loses_nothing(store: Store, chance: random.Random, tmp_path: Path) -> None:
    for _ in range(3):
        leak(store, chance)
    with receiver() as it:
        (channel,) = told(store, tmp_path, it, goes_on=lambda: not it.requests).channels
        assert (channel.told, channel.complaints) == (1, ("interrupted before everything was told",))
        assert told(store, tmp_path, it).channels[0].told == 2


def test_an_interruption_does_not_wait_for_the_end_of_a_pause(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    patience = replace(HASTY, longest_pause_seconds=60)
    with receiver(Answer(429, headers={"Retry-After": "30"})) as it:
        text = f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}"\n'
        who = receivers(tmp_path, text)
        (channel,) = tell(store, who, {}, patience=patience, goes_on=lambda: not it.requests).channels
    assert "because of the interruption" in channel.complaints[0]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_has_the_message_finished_and_written_down(
    store: Store, chance: random.Random, tmp_path: Path, by: signal.Signals
) -> None:
    for _ in range(3):
        leak(store, chance)
    processes: list[subprocess.Popen[str]] = []

    def interrupts(_: Request) -> Given:
        processes[-1].send_signal(by)
        return OK

    with receiver(interrupts) as it:
        receivers(tmp_path, f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}"\n')
        outputs = []
        for _ in range(2):
            processes.append(started(store, tmp_path))
            outputs.append(processes[-1].communicate()[0])
        assert [each.returncode for each in processes] == [3, 0], outputs
        assert "interrupted before everything was told" in outputs[0]
        assert len({each["id"] for each in it.documents}) == len(it.documents) == 3
