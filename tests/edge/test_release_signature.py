"""Whose release a box believes: the key that is pinned, and nothing else; checked before anything is fetched."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.desired import BadDesired
from domain.desired_bodies import Release
from edge.releases import incoming, pinned
from edge.releases.ed25519 import verifies
from edge.releases.incoming import NotBelieved

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PACKAGE = b"a package"


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def release(key: Ed25519PrivateKey = KEY, **changed: object) -> Release:
    digest = hashlib.sha256(PACKAGE).hexdigest()
    plain = Release("0.2.0", "https://packages.example.invalid/x.deb", digest, len(PACKAGE), "A" * 86 + "==")
    signature = base64.b64encode(key.sign(plain.signed)).decode()
    return msgspec.structs.replace(plain, **{"signature": signature, **changed})  # type: ignore[arg-type]


def test_our_own_check_says_what_the_library_says() -> None:
    for number in range(20):
        message = bytes([number]) * number
        signature = KEY.sign(message)
        key = KEY.public_key().public_bytes_raw()
        assert verifies(key, message, signature)
        assert not verifies(key, message + b"x", signature)
        bent = bytearray(signature)
        bent[number % 64] ^= 1
        assert not verifies(key, message, bytes(bent))
        assert not verifies(OTHER.public_key().public_bytes_raw(), message, signature)


def test_the_pinned_key_is_believed_and_nobody_else() -> None:
    pinned.check(release(), public(KEY))
    for wrong, key in (
        (release(OTHER), public(KEY)),
        (release(version="0.2.1"), public(KEY)),
        (release(sha256="1" * 64), public(KEY)),
        (release(goes_back=True), public(KEY)),
        (release(), public(OTHER)),
        (release(), ""),
    ):
        with pytest.raises(BadDesired):
            pinned.check(wrong, key)


def lay(folder: Path, one: Release, package: bytes = PACKAGE) -> tuple[Path, Path]:
    fetched, settings = folder / "release", folder / "edge.toml"
    fetched.mkdir()
    (fetched / "package.deb").write_bytes(package)
    (fetched / "release.json").write_bytes(msgspec.json.encode(one))
    settings.write_text(f'[releases]\nkey = "{public(KEY)}"\n')
    return fetched, settings


def test_root_installs_what_was_signed(tmp_path: Path) -> None:
    fetched, settings = lay(tmp_path, release())
    assert incoming.apply(fetched, settings, ("cp", "-t", str(tmp_path))) == "0.2.0"
    assert (tmp_path / "package.deb").read_bytes() == PACKAGE
    assert incoming.apply(fetched, settings, ("false",)) == "", "once"


@pytest.mark.parametrize("wrong", ["signature", "content"])
def test_root_believes_nothing_that_the_agent_left(tmp_path: Path, wrong: str) -> None:
    one = release(OTHER) if wrong == "signature" else release()
    fetched, settings = lay(tmp_path, one, PACKAGE if wrong == "signature" else b"another")
    with pytest.raises(NotBelieved):
        incoming.apply(fetched, settings, ("false",))
    assert not (fetched / "release.json").exists(), "and does not try for ever"
