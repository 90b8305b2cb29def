"""thingsboard-gateway as a peer: its MQTT connector on the same broker, its sqlite storage, its centre stood in for.

Its best case: a persistent MQTT session, logs at WARNING, no statistics and no remote configuration. The centre is a
bare Mosquitto. The gateway begins to store only after it has once reached it, and sends it nothing of what it stored
(it waits for answers that only the real one gives), so that everything stays to be counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.messages import door_and_plate_messages
from benchmarks.peers import thingsboard
from simulators.broker import HOST, Broker, MosquittoBroker
from simulators.load import publish
from simulators.processes import Child

_FACT = re.compile(r'"fact": ?"([^"]+)"')
_STARTS, _COLD_START_S = 30, 10.0
_PROBE_BEFORE = timedelta(hours=1)  # so that no message that counts has its number
_DOOR = ("event-id", "card-number", "door-id", "direction", "access-granted", "event-reason", "timestamp")
_PLATE = ("unique_id", "license", "confidence", "colorType", "direction", "triggerType", "start_time")
_START = "from thingsboard_gateway.tb_gateway import daemon; daemon()"


class ThingsBoard:
    """One gateway of theirs in ``folder``, and the stand-in for its centre."""

    name = "thingsboard-gateway 3.8.5"

    def __init__(self, folder: Path, broker: Broker) -> None:
        self._broker, self._data = broker, folder / "data"
        self._data.mkdir(parents=True)
        self._centre = MosquittoBroker(store=folder / "centre")
        python, settings = thingsboard(), folder / "settings"
        settings.mkdir()
        for name, content in _settings(_package(python), self._centre.port, broker.port, self._data).items():
            (settings / name).write_text(json.dumps(content))
        env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        env["TB_GW_CONFIG_DIR"] = f"{settings}/"
        self.child = Child("thingsboard", [str(python), "-c", _START], folder, env)

    async def start(self, *, cold: bool) -> None:
        """Up, and then cut off from its centre. ``cold``: it has never reached it since it was switched on."""
        if not cold:
            self._centre.start()
        self.child.start()
        await (asyncio.sleep(_COLD_START_S) if cold else self._first_row())
        self._centre.stop()

    async def _first_row(self) -> None:
        """Until a message of ours is in its storage: it says nowhere that it is ready."""
        for _ in range(_STARTS):
            probe = door_and_plate_messages(2, datetime.now(UTC) - _PROBE_BEFORE)[1:]
            await publish(HOST, self._broker.port, probe, connections=1)
            await asyncio.sleep(1.0)
            if self.rows():
                return
        raise AssertionError(f"{self.name} stored nothing:\n{self.child.tail()}")

    async def restart(self) -> None:
        """Start it again after a kill; its centre is back."""
        self._centre.start()
        self.child.start()

    def rows(self) -> int:
        """How many rows its storage holds."""
        return sum(self._ask("SELECT count(*) FROM messages"))

    def facts(self) -> list[str]:
        """The number of every fact in its storage."""
        return [fact for text in self._ask("SELECT message FROM messages") for fact in _FACT.findall(text)]

    def _ask(self, sql: str) -> list[Any]:
        found: list[Any] = []
        for file in self._data.glob("*.db"):
            # Made, renamed and deleted while it runs: a file that is not a store yet holds nothing yet.
            with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as db:
                found += [value for (value,) in db.execute(sql)]
        return found

    def stop(self) -> None:
        self.child.kill()
        self._centre.close()


def _package(python: Path) -> Path:
    where = "import thingsboard_gateway; print(thingsboard_gateway.__path__[0])"
    return Path(subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip())


def _settings(package: Path, centre_port: int, broker_port: int, data: Path) -> dict[str, Any]:
    """Its own example settings, with what must differ."""
    gateway = json.loads((package / "config" / "tb_gateway.json").read_text())
    gateway["thingsboard"] |= {"host": HOST, "port": centre_port, "remoteConfiguration": False}
    gateway["thingsboard"]["statistics"]["enable"] = False
    gateway["storage"] = {"type": "sqlite", "data_file_path": f"{data}/", "messages_ttl_in_days": 7}
    gateway["connectors"] = [{"name": "MQTT", "type": "mqtt", "configuration": "mqtt.json"}]
    return {
        "tb_gateway.json": gateway,
        "mqtt.json": _connector(broker_port),
        "logs.json": _logs(json.loads((package / "config" / "logs.json").read_text()), data.parent),
    }


def _connector(port: int) -> dict[str, Any]:
    session = {"cleanSession": False, "cleanStart": False, "sessionExpiryInterval": 86_400}
    workers = {"maxMessageNumberPerWorker": 10, "maxNumberOfWorkers": 100}
    broker = {"host": HOST, "port": port, "clientId": "tbgw", "version": 5, "security": {"type": "anonymous"}}
    return {
        "broker": {**broker, **workers, **session},
        "mapping": [
            _mapping("uhppoted/gateway/events/live", "uhppoted", "message.event.event", _DOOR),
            _mapping("device/+/message/up/ivs_result", "vzenith", "payload.AlarmInfoPlate.result.PlateResult", _PLATE),
        ],
        "requestsMapping": {},
    }


def _mapping(topic: str, device: str, inside: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Seven fields of a message as a device's timeseries; the first, which names the fact, under ``fact``."""
    said = {"deviceNameExpressionSource": "constant", "deviceNameExpression": device}
    profile = {"deviceProfileExpressionSource": "constant", "deviceProfileExpression": "default"}
    keys = {name: name for name in names} | {names[0]: "fact"}
    values = {key: f'${{{inside}."{name}"}}' for name, key in keys.items()}
    series = [{"type": "string", "key": key, "value": value} for key, value in values.items()]
    converter = {"type": "json", "deviceInfo": {**said, **profile}, "sendDataOnlyOnChange": False, "timeout": 60_000}
    converter |= {"attributes": [], "timeseries": series}
    return {"topicFilter": topic, "subscriptionQos": 1, "converter": converter}


def _logs(logs: dict[str, Any], folder: Path) -> dict[str, Any]:
    for handler in logs.get("handlers", {}).values():
        if "filename" in handler:
            handler["filename"] = str(folder / Path(handler["filename"]).name)
    for logger in [*logs.get("loggers", {}).values(), logs.get("root", {})]:
        logger["level"] = "WARNING"
    return logs
