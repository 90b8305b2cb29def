"""The simulator itself: robots, push service and telephone on one port of loopback, the mail server on another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.channels.faults import Faults, as_http, fault_named
from simulators.channels.kept import Kept
from simulators.channels.mail import PASSWORD, USER, MailServer
from simulators.channels.push import PushService
from simulators.channels.robots import KEY, SECRET, TOKEN, Robots

PHONE_SECRET = "phone-secret-0001"  # noqa: S105  # pragma: allowlist secret
_SLOW_S = 30.0


class FarEnds:
    """Listens from ``start`` to ``stop``. What was taken is in ``kept``."""

    def __init__(self, port: int = 0, mail_port: int = 0) -> None:
        self.kept, self.faults = Kept(), Faults()
        self._port, self._stopping = port, asyncio.Event()
        self.push = PushService(self.kept, self.faults, self._slow)
        self.mail = MailServer(self.kept, self.faults)
        self.mail.port = mail_port
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.push.audience = self.url
        await self.mail.start()

    async def stop(self) -> None:
        self._stopping.set()
        await self.mail.stop()
        await self._runner.cleanup()

    async def _slow(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), _SLOW_S)
        except TimeoutError:
            return

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024)
        Robots(self.kept, self.faults, self._slow).add_to(app)
        self.push.add_to(app)
        app.router.add_post("/phone", self._phone)
        app.router.add_get("/", self._list)
        app.router.add_post("/sim/fault/{fault}", self._fault)
        return app

    async def _phone(self, request: web.Request) -> web.Response:
        """Whatever an SMS provider's own program listens on."""
        said = msgspec.json.decode(await request.read(), type=dict[str, Any])
        fault = self.faults.next()
        if fault == "slow":
            await self._slow()
        if answer := as_http(fault, {}):
            return answer
        if request.headers.get("Authorization") != f"Bearer {PHONE_SECRET}":
            self.kept.refused.append("phone secret")
            return web.Response(status=401)
        self.kept.take("phone", f"{said['title']}\n{said['words']}\n{said['url']}", said["to"], said["key"])
        return web.json_response({"id": f"m{len(self.kept.messages)}"})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([msgspec.to_builtins(one) for one in self.kept.messages])

    async def _fault(self, request: web.Request) -> web.Response:
        try:
            self.faults.coming.append(fault_named(request.match_info["fault"]))
        except ValueError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return web.Response(status=204)

    def settings(self) -> dict[str, dict[str, Any]]:
        """The channels as server.toml names them; the files are relative to the data folder."""
        robot = {"token_file": "robot.token", "gateway": self.url}
        robot["secret_file"] = "robot.secret"  # noqa: S105  # pragma: allowlist secret
        mail = {"host": "127.0.0.1", "port": self.mail.port, "tls": "none", "user": USER}
        mail["password_file"] = "mail.password"  # noqa: S105  # pragma: allowlist secret
        return {
            "wecom": {"kind": "wecom", "title": "值班群", "key_file": "wecom.key", "gateway": self.url},
            "dingtalk": {"kind": "dingtalk", **robot},
            "feishu": {"kind": "feishu", **robot},
            "push": {
                "kind": "web_push",
                "key_file": "vapid.pem",
                "contact": "mailto:duty@example.invalid",
                "services": [self.url.removeprefix("http://")],
            },
            "sms": {
                "kind": "plugin",
                "plugin": "post_json",
                "secret_file": "phone.secret",  # pragma: allowlist secret
                "options": {"url": f"{self.url}/phone"},
            },
            "mail": {"kind": "email", **mail, "sender": "gatehouse@example.invalid"},
        }

    def toml(self) -> str:
        """The same, as text for server.toml."""
        return "\n".join(_table(name, one) for name, one in self.settings().items())

    def write_secrets(self, folder: Path) -> None:
        """Each into its file, for its owner alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        words = {"wecom.key": KEY, "robot.token": TOKEN, "robot.secret": SECRET, "phone.secret": PHONE_SECRET}
        for name, word in {**words, "mail.password": PASSWORD, "vapid.pem": pem}.items():
            (folder / name).touch(0o600)
            (folder / name).write_text(word)


def _table(name: str, one: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in one.items()]
    return "\n".join([f"[channels.{name}]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs: dict[str, Any] = {str(key): inner for key, inner in value.items()}  # pyright: ignore
        return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in pairs.items()) + "}"
    return msgspec.json.encode(value).decode()
