"""Every channel against its far end as the simulator plays it: what arrives, what is refused, and what nobody sees."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.delivery import REFUSALS
from server.channels.channel import Notice, NotSent, cut, harmless
from server.channels.registry import BadChannel, Channels, make_all
from server.channels.settings import ChannelSettings, check
from server.channels.web_push import BadBrowser, Browser
from server.channels.web_push import check as check_browser
from server.config import Config
from server.doctor import channels as doctor
from simulators.channels.faults import Fault
from simulators.channels.push import Refused, bytes_of, opened
from simulators.channels.robots import KEY, SECRET, TOKEN
from simulators.channels.server import PHONE_SECRET, FarEnds

NOTICE = Notice(
    key="a1/1/x",
    title="【紧急】门被强行打开",
    words="阳光花园 · 3号楼东门 · 02:14\n请处理。",
    url="https://centre.example.invalid/alerts/a1",
    severity="critical",
    is_urgent=True,
)
AWAY = "http://127.0.0.1:9"
SECRETS = (KEY, TOKEN, SECRET, PHONE_SECRET, "mail-password-0001")


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings the plug-in, as any other would: found by its entry point alone."""
    info = tmp_path / "site" / "some_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gatehouse.channels]\npost_json = server.channels.post_json:make\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])


def settings_of(ends: FarEnds, **changed: Any) -> dict[str, ChannelSettings]:
    named = {name: {**one, "timeout_s": 2, **changed.get(name, {})} for name, one in ends.settings().items()}
    return msgspec.convert(named, dict[str, ChannelSettings])


@asynccontextmanager
async def far_ends(folder: Path) -> AsyncGenerator[FarEnds]:
    ends = FarEnds()
    await ends.start()
    ends.write_secrets(folder)
    try:
        yield ends
    finally:
        await ends.stop()


@asynccontextmanager
async def standing(folder: Path, **changed: Any) -> AsyncGenerator[tuple[FarEnds, Channels]]:
    async with far_ends(folder) as ends:
        named = settings_of(ends, **changed)
        check(named, [])
        channels = make_all(folder, named, utc_now)
        yield ends, channels
        await channels.close()


def to_of(ends: FarEnds, name: str) -> str:
    if name == "push":
        return msgspec.json.encode(ends.push.browser("phone").subscription).decode()
    return {"mail": "li@example.invalid", "sms": "13800000000"}.get(name, "")


async def refusal(channels: Channels, name: str, notice: Notice) -> NotSent:
    with pytest.raises(NotSent) as caught:
        await channels.send(name, notice)
    return caught.value


@pytest.mark.usefixtures("plugin")
async def test_each_brings_a_notice_and_names_each_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with standing(tmp_path) as (ends, channels):
        said = [NOTICE.title]
        for name in channels.named:
            notice = msgspec.structs.replace(NOTICE, to=to_of(ends, name))
            await channels.send(name, notice)
            taken = ends.kept.messages[-1]
            assert all(part in taken.text for part in (NOTICE.title, "3号楼东门", NOTICE.url)), name
            expected = {"429": "rate_limited", "500": "ill", "gone": ("bad_key", "gone", "bad_address")}
            expected |= {"limited": "rate_limited", "blocked": "blocked"}
            for fault, why in expected.items():
                ends.faults.coming.append(msgspec.convert(fault, Fault))
                caught = await refusal(channels, name, notice)
                assert caught.why in why and caught.why in REFUSALS, (name, fault, caught)
                said.append(str(caught))
        assert len(ends.kept.messages) == len(channels.named), "nothing that was refused was taken"
        assert ends.kept.of("sms") == [] and ends.kept.of("phone")[0].key == NOTICE.key
        said += [caplog.text, *capsys.readouterr()]
        assert not any(secret in text for secret in SECRETS for text in said)
        assert not any(secret in repr(channels.named) for secret in SECRETS)


async def test_wrong_keys_and_signatures_are_refused_by_name(tmp_path: Path) -> None:
    async with far_ends(tmp_path) as ends:
        for file in ("wecom.key", "robot.secret", "mail.password"):
            (tmp_path / file).write_text("wrong")
        channels = make_all(tmp_path, {k: v for k, v in settings_of(ends).items() if k != "sms"}, utc_now)
        for name in ("wecom", "dingtalk", "feishu", "mail"):
            notice = msgspec.structs.replace(NOTICE, to=to_of(ends, name))
            assert (await refusal(channels, name, notice)).why == "bad_key", name
        assert list(ends.kept.refused) == ["wecom key", "dingtalk sign", "feishu sign"]
        await channels.close()
        behind = make_all(tmp_path, {"push": settings_of(ends)["push"]}, lambda: utc_now() - timedelta(hours=3))
        notice = msgspec.structs.replace(NOTICE, to=to_of(ends, "push"))
        assert (await refusal(behind, "push", notice)).why == "blocked", "a signature that has run out"
        await behind.close()


async def test_who_is_slow_or_away_is_left_in_time(tmp_path: Path) -> None:
    async with far_ends(tmp_path) as ends:
        named = settings_of(ends, feishu={"timeout_s": 1}, wecom={"timeout_s": 1})
        channels = make_all(tmp_path, {name: named[name] for name in ("feishu", "wecom")}, utc_now)
        ends.faults.coming.append("slow")
        began = asyncio.get_running_loop().time()
        assert (await refusal(channels, "feishu", NOTICE)).why == "timeout"
        assert asyncio.get_running_loop().time() - began < 3
        for fault in ("cut", "garbage"):
            ends.faults.coming.append(msgspec.convert(fault, Fault))
            assert (await refusal(channels, "wecom", NOTICE)).why == "ill"
        assert (await refusal(channels, "no such", NOTICE)).why == "refused"
        await channels.close()


def test_what_a_device_writes_is_harmless_in_every_channel() -> None:
    bad = '<@all> <at user_id="all">x</at>\r\nBcc: a@b.c\x00 京A12345 13812345678 <script>alert(1)</script>\u202e'
    said = harmless(bad)
    assert not any(sign in said for sign in "<>\r\n\x00\u202e")
    assert "A12345" not in said and "13812345678" not in said
    assert len(harmless("好" * 999)) == 200
    assert len(cut("好" * 999, 2_000).encode()) <= 2_000 and cut("short", 2_000) == "short"


async def test_a_letter_is_one_letter_whatever_its_title(tmp_path: Path) -> None:
    async with far_ends(tmp_path) as ends:
        channels = make_all(tmp_path, {"mail": settings_of(ends)["mail"]}, utc_now)
        hostile = msgspec.structs.replace(NOTICE, to="li@example.invalid", title="x\r\nBcc: evil@example.invalid")
        assert (await refusal(channels, "mail", hostile)).why == "refused"
        for _ in range(2):
            await channels.send("mail", msgspec.structs.replace(NOTICE, to="li@example.invalid"))
        first, second = ends.kept.of("mail")
        assert first.key == second.key and first.to == "li@example.invalid", "a repeat can be told from news"


def test_a_browser_can_name_only_push_services() -> None:
    ends = FarEnds()
    keys = {name: ends.push.browser("x").subscription[name] for name in ("p256dh", "auth")}
    services = ["updates.push.services.mozilla.com", "*.notify.windows.com"]
    check_browser(Browser("https://updates.push.services.mozilla.com/wpush/v2/x", **keys), services)
    check_browser(Browser("https://db5p.notify.windows.com/w/?token=x", **keys), services)
    for bad in (
        "http://updates.push.services.mozilla.com/x",
        "https://169.254.169.254/latest/meta-data",
        "https://updates.push.services.mozilla.com@evil.example/x",
        "https://updates.push.services.mozilla.com:22/x",
        "https://evil.example/.notify.windows.com",
        "file:///etc/passwd",
        "https://[::1/x",
    ):
        with pytest.raises(BadBrowser):
            check_browser(Browser(bad, **keys), services)
    with pytest.raises(BadBrowser):
        check_browser(Browser("https://db5p.notify.windows.com/w", "AAAA", keys["auth"]), services)


def test_the_simulated_browser_reads_what_the_standard_encrypts() -> None:
    """RFC 8291, appendix A: the reader is held against the standard's own message, not against our sender."""
    from cryptography.hazmat.primitives.asymmetric import ec

    private = int.from_bytes(bytes_of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    body = bytes_of(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"  # pragma: allowlist secret
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVB"  # pragma: allowlist secret
        "St2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"  # pragma: allowlist secret
    )
    key = ec.derive_private_key(private, ec.SECP256R1())
    assert opened(key, bytes_of("BTBZMqHH6r4Tts7J_aSIgg"), body) == b"When I grow up, I want to be a watermelon"
    with pytest.raises(Exception):  # noqa: B017 - whatever the library says of a broken seal
        opened(key, bytes_of("BTBZMqHH6r4Tts7J_aSIgg"), body[:-1] + b"x")
    with pytest.raises(Refused):
        FarEnds().push.browser("x").read(body)


def test_settings_that_cannot_work_are_refused_by_name(tmp_path: Path) -> None:
    good = {"kind": "wecom", "key_file": "k"}
    for name, changed, words in (
        ("screen", {}, "a name is"),
        ("x", {"gateway": "http://qyapi.weixin.qq.com"}, "https"),
        ("x", {"complexes": ["nowhere"]}, "no complex"),
        ("x", {"timeout_s": 0}, "timeout_s"),
        ("x", {"kind": "plugin", "plugin": "p", "key_file": None, "desks": ["complex"]}, "`to`"),
        ("x", {"kind": "email", "host": "h", "sender": "s@h", "tls": "none", "password_file": "p"}, "tls"),
    ):
        one = {key: value for key, value in {**good, **changed}.items() if value is not None}
        if changed.get("kind"):
            one.pop("key_file", None)
        with pytest.raises(ValueError, match=words):
            check(msgspec.convert({name: one}, dict[str, ChannelSettings]), ["garden"])
    (tmp_path / "k").write_text("two words\n")
    for one, words in ((good, "one word"), ({**good, "key_file": "none"}, "No such file")):
        with pytest.raises(BadChannel, match=words):
            make_all(tmp_path, msgspec.convert({"x": one}, dict[str, ChannelSettings]), utc_now)
    with pytest.raises(BadChannel, match="no plug-in nothing"):
        named = msgspec.convert({"x": {"kind": "plugin", "plugin": "nothing"}}, dict[str, ChannelSettings])
        make_all(tmp_path, named, utc_now)


async def test_the_doctor_names_each_channel_that_cannot_work(tmp_path: Path) -> None:
    assert [one.level for one in await doctor.check(tmp_path, Config(), utc_now())] == ["warn"]
    async with far_ends(tmp_path) as ends:
        named = settings_of(ends, wecom={"desks": ["complex"]}, dingtalk={"secret_file": "none"})
        named["away"] = msgspec.convert({**ends.settings()["wecom"], "gateway": AWAY}, ChannelSettings)
        named["sms"] = msgspec.structs.replace(named["sms"], plugin="of_nobody")
        config = Config(channels=named, public_url="https://centre.example.invalid")
        found = [(one.level, one.cause) for one in await doctor.check(tmp_path, config, utc_now())]
    wrong = [cause for level, cause in found if level == "error"]
    assert ["channels.dingtalk" in wrong[0], "channels.sms: no plug-in of_nobody" in wrong[1]] == [True, True], found
    (good,) = [cause for level, cause in found if level == "ok"]
    assert good.startswith("5 can be used: wecom, feishu, push, mail, away")
    (away,) = [cause for level, cause in found if level == "warn"]
    assert away.startswith("channels.away: 127.0.0.1:9")
    assert not any(secret in cause for secret in SECRETS for _, cause in found)
