"""Requests as a server hands them to the application: the path as it was sent, and streams that need not end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI

_STREAM = b"text/event-stream"


class Answer(NamedTuple):
    """What came back; of a stream, what came before it was left."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    app: FastAPI,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    stream_until: bytes = b"event: beat",
) -> Answer:
    """One request; a stream of events is left as soon as ``stream_until`` has come by it."""
    split = urlsplit("http://centre.example.invalid" + target)
    sent = {"host": "centre.example.invalid", "accept": "application/json", **(headers or {})}
    if body:
        sent["content-length"] = str(len(body))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(split.path),
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("centre.example.invalid", 80),
    }
    requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    requests.put_nowait({"type": "http.request", "body": body, "more_body": False})
    start: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        chunks.append(message.get("body", b""))
        if any(_STREAM in value for _, value in start["headers"]) and stream_until in b"".join(chunks):
            requests.put_nowait({"type": "http.disconnect"})

    async with asyncio.timeout(20):
        await app(scope, requests.get, send)
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(chunks))


def multipart(name: str, content: bytes) -> tuple[str, bytes]:
    """A form of one file: the type of its content, and the content."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
    return "multipart/form-data; boundary=edge", head.encode() + content + b"\r\n--edge--\r\n"
