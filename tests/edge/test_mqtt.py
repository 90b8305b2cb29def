"""The MQTT transport against a broker that says no, says nonsense, or says much at once, in raw bytes."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from edge.clock import Clock
from edge.config import Broker
from edge.devices.driver import Driver, Message, Publish, Reading, Registry, Site
from edge.intake import parked
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.store import media
from edge.store.media import MediaStore
from edge.transports.broker_tls import context_for, explained
from edge.transports.mqtt import MqttTransport
from eventlog.group_commit import Bounds
from eventlog.sqlite import OwnTables, SqliteEventLog

CONNECT, PUBLISH, PUBACK, SUBSCRIBE = 1, 3, 4, 8
WELCOME, NOT_AUTHORIZED = b"\x20\x02\x00\x00", b"\x20\x02\x00\x05"


def publish(topic: bytes, packet_id: int, payload: bytes = b"x") -> bytes:
    """A PUBLISH at QoS 1 (MQTT 3.1.1, 3.3)."""
    body = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + payload
    assert len(body) < 128
    return bytes([0x32, len(body)]) + body


class FakeBroker:
    """Answers CONNECT and SUBSCRIBE with the given bytes; keeps what is acknowledged."""

    def __init__(self, connack: bytes = WELCOME, granted: int = 1, then: bytes = b"") -> None:
        self.connack, self.granted, self.then = connack, granted, then
        self.connections = self.ended = 0
        self.acknowledged: list[int] = []
        self.published: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                first, size = await reader.readexactly(2)
                assert size < 128
                body = await reader.readexactly(size)
                if first >> 4 == PUBLISH:
                    self.published.append(bytes([first]) + body)
                writer.write(self._answer(first >> 4, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended += 1
            writer.close()

    def _answer(self, kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            return self.connack
        if kind == SUBSCRIBE:
            return b"\x90\x03" + body[:2] + bytes([self.granted]) + self.then
        if kind == PUBACK:
            self.acknowledged.append(int.from_bytes(body, "big"))
        return b""


class Bench:
    """A transport with a real intake; ``pauses`` are the failures in a row that it paused for."""

    def __init__(self, store: SqliteEventLog, folder: Path, broker: Broker, queue_items: int) -> None:
        self.heard: list[str] = []
        self.pauses: list[int] = []
        self.pause_s = 0.01
        registry = Registry([Driver("t", ("test",), self._decode, {"#": "test"})])
        devices = DeviceList([], accept_unknown=True)
        bounds = Bounds(wait_s=0.0, queue_items=queue_items)
        self.intake = Intake(
            store, MediaStore(folder, store), registry, devices, Site(), Clock(), bounds, drained=self._drained
        )
        self.transport = MqttTransport(broker, registry.topics, self.intake, Clock())

    def _drained(self) -> None:
        self.transport.resume()

    def _decode(self, message: Message, site: Site) -> Reading:
        self.heard.append(message.topic)
        return Reading([])

    def retry_s(self, failures: int) -> float:
        self.pauses.append(failures)
        return self.pause_s


@asynccontextmanager
async def bench(
    folder: Path,
    fake: FakeBroker,
    tls: ssl.SSLContext | None = None,
    *,
    queue_items: int = 5_000,
    commits: bool = True,
    **changes: str,
) -> AsyncGenerator[Bench]:
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=tls)
    store = await SqliteEventLog.open(folder / "log.db", "e1", OwnTables(media.SCHEMA + parked.SCHEMA))
    settings = Broker(port=server.sockets[0].getsockname()[1], ca_file=str(folder / "ca.pem") if tls else "")
    settings = msgspec.structs.replace(settings, **changes)
    here = Bench(store, folder / "media", settings, queue_items)
    tasks = [asyncio.create_task(here.transport.run(here.retry_s))]
    tasks += [asyncio.create_task(here.intake.run())] if commits else []
    try:
        yield here
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        server.close()
        await store.close()
    assert all(task.cancelled() for task in tasks), "nothing ended by itself"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_refused_subscription_is_said_and_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    fake = FakeBroker(granted=0x80)
    with capture_logs() as logs:
        async with bench(tmp_path, fake) as here:
            await until(lambda: len(here.pauses) >= 3)
            assert not await here.transport.ready(0.01)
            assert not here.transport.connected
            assert here.transport.last_connected is None, "nobody listened"
            await until(lambda: fake.ended >= 2)
            fake.granted = 1
            assert await here.transport.ready(10)
    assert here.pauses[:3] == [1, 2, 3]
    said = [entry for entry in logs if entry["event"] == "broker_refused"]
    assert said[0]["log_level"] == "error"
    assert "no subscription to #" in said[0]["error"]
    assert "ACL" in said[0]["error"]


async def test_a_broker_that_refuses_is_hung_up_on_before_the_pause(tmp_path: Path) -> None:
    fake = FakeBroker(granted=0x80)
    async with bench(tmp_path, fake) as here:
        here.pause_s = 3600.0
        await until(lambda: fake.ended)
        assert (fake.connections, here.pauses) == (1, [1])


async def test_a_refused_connection_is_said_and_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    fake = FakeBroker(connack=NOT_AUTHORIZED)
    with capture_logs() as logs:
        async with bench(tmp_path, fake) as here:
            await until(lambda: len(here.pauses) >= 3)
            fake.connack = WELCOME
            assert await here.transport.ready(10)
    assert here.pauses[:3] == [1, 2, 3]
    said = [entry["error"] for entry in logs if entry["event"] == "broker_refused"]
    assert "Not authorized" in said[0]
    assert "password_file" in said[0]


async def test_another_protocol_version_is_a_failure_like_any(tmp_path: Path) -> None:
    fake = FakeBroker(connack=b"\x20\x02\x00\x01")
    async with bench(tmp_path, fake) as here:
        await until(lambda: len(here.pauses) >= 2)
        fake.connack = WELCOME
        assert await here.transport.ready(10)


async def test_pauses_begin_small_again_after_a_subscription_stood(tmp_path: Path) -> None:
    fake = FakeBroker(granted=0x80)
    async with bench(tmp_path, fake) as here:
        await until(lambda: len(here.pauses) >= 2)
        fake.granted, fake.then = 1, b"\xf0\x00"  # a packet type that does not exist: the connection ends
        await until(lambda: 1 in here.pauses[2:])
    assert here.pauses[:2] == [1, 2]


async def test_a_topic_that_is_not_utf8_is_acknowledged_and_stops_nothing(tmp_path: Path) -> None:
    fake = FakeBroker(then=publish(b"bad/\xff\xfe", 1) + publish(b"good/1", 2) + publish(b"good/2", 3))
    async with bench(tmp_path, fake) as here:
        await until(lambda: len(fake.acknowledged) >= 3)
    assert sorted(fake.acknowledged) == [1, 2, 3]
    assert here.heard == ["good/1", "good/2"]
    assert here.intake.counts["bad_topic"] == 1
    assert fake.connections == 1


def certified(folder: Path) -> ssl.SSLContext:
    """A server's context for 127.0.0.1; its certificate is left as ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker.example.invalid")])
    begins = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.not_valid_after(begins + timedelta(days=30)).add_extension(addresses, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *kinds))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("queue_items", [5_000, 150])
async def test_what_tls_has_decrypted_already_is_read_to_the_end(tmp_path: Path, queue_items: int) -> None:
    """One TLS record holds more messages than are read at once, and than the smaller of these intakes takes."""
    fake = FakeBroker(then=b"".join(publish(b"a", number + 1) for number in range(700)))
    async with bench(tmp_path, fake, certified(tmp_path), queue_items=queue_items) as here:
        await until(lambda: len(fake.acknowledged) >= 700)
        assert len(here.heard) == 700


async def test_nothing_is_read_while_the_intake_is_full(tmp_path: Path) -> None:
    fake = FakeBroker(then=b"".join(publish(b"a", number + 1) for number in range(400)))
    async with bench(tmp_path, fake, certified(tmp_path), queue_items=150, commits=False) as here:
        await until(lambda: here.intake.full)
        here.transport._readable()
        assert here.intake._queue.waiting == 150
        committing = asyncio.create_task(here.intake.run())
        await until(lambda: len(fake.acknowledged) >= 400)
        committing.cancel()


def refusals(logs: list[Any]) -> list[str]:
    return [entry["error"] for entry in logs if entry["event"] == "broker_refused"]


async def test_a_certificate_for_another_host_is_refused_with_what_to_do(tmp_path: Path) -> None:
    fake = FakeBroker()
    with capture_logs() as logs:
        async with bench(tmp_path, fake, certified(tmp_path), host="localhost") as here:
            await until(lambda: len(here.pauses) >= 2)
            assert not here.transport.connected
    assert "it is not for localhost: gatehouse-edge broker-config --host localhost" in refusals(logs)[0]
    assert fake.connections == 0, "nothing was sent, the password least of all"


async def test_a_certificate_of_another_authority_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certified(tmp_path / "other")
    other = str(tmp_path / "other" / "ca.pem")
    fake = FakeBroker()
    with capture_logs() as logs:
        async with bench(tmp_path, fake, certified(tmp_path), ca_file=other) as here:
            await until(lambda: len(here.pauses) >= 2)
    assert "must be the authority that signed it" in refusals(logs)[0]
    assert other in refusals(logs)[0]
    assert fake.connections == 0


async def test_a_port_without_tls_is_said(tmp_path: Path) -> None:
    certified(tmp_path)
    fake = FakeBroker()
    with capture_logs() as logs:
        async with bench(tmp_path, fake, ca_file=str(tmp_path / "ca.pem")) as here:
            await until(lambda: len(here.pauses) >= 2)
    assert "does not answer in TLS" in refusals(logs)[0] or "no TLS connection" in refusals(logs)[0]


def test_nothing_below_tls_1_2_and_no_certificate_unseen(tmp_path: Path) -> None:
    certified(tmp_path)
    context = context_for(str(tmp_path / "ca.pem"))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1, "these authorities alone"


@pytest.mark.parametrize(("code", "said"), [(10, "has ended"), (9, "clock is slow"), (18, "must be the authority")])
def test_each_fault_of_a_certificate_has_its_words(code: int, said: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "x"
    assert said in explained(error, Broker(ca_file="ca.pem"))


async def test_coming_again_asks_the_broker_for_what_was_not_acknowledged(tmp_path: Path) -> None:
    fake = FakeBroker(then=publish(b"x/1", 1))
    async with bench(tmp_path, fake) as here:
        await until(lambda: fake.acknowledged == [1])
        here.transport.reconnect()
        await until(lambda: fake.connections == 2)
        assert await here.transport.ready(10)
        await until(lambda: fake.acknowledged == [1, 1])


async def test_a_command_is_sent_once_and_now_or_not_at_all(tmp_path: Path) -> None:
    fake = FakeBroker()
    async with bench(tmp_path, fake) as here:
        order = Publish("door", b"open", qos=1)
        assert not here.transport.publish(order), "not connected yet"
        assert await here.transport.ready(10)
        assert here.transport.publish(order)
        await until(lambda: fake.published)
        assert fake.published == [b"\x30\x00\x04dooropen"], "QoS 0: nobody keeps it for later; the first is gone"
