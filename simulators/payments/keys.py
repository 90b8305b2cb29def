"""Keys of both sides, made for one simulator: what a merchant has in its files, and what the providers keep."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PLATFORM_KEY_ID = "PUB_KEY_ID_0000000000000000000000000000000001"  # pragma: allowlist secret
FILES = ("wechat.key.pem", "wechat.platform.pem", "wechat.apiv3", "alipay.key.pem", "alipay.platform.pem", "wechat.app")


class Pair:
    """A private key that signs and its public one: RSA with SHA-256, as both providers use it."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    def sign(self, text: bytes) -> str:
        return b64encode(self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()

    def fits(self, text: bytes, signature: str) -> bool:
        try:
            self._key.public_key().verify(b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True

    def private_pem(self) -> str:
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._key.private_bytes(serialization.Encoding.PEM, *form).decode()

    def public_pem(self) -> str:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


class Keys:
    """One merchant at each provider."""

    def __init__(self) -> None:
        self.wechat_merchant, self.wechat_platform = Pair(), Pair()
        self.alipay_merchant, self.alipay_platform = Pair(), Pair()
        self.api_v3, self.app_secret = secrets.token_hex(16), secrets.token_hex(16)

    def sealed(self, plain: bytes, about: str) -> dict[str, str]:
        """A resource as WeChat Pay encrypts it: AES-256-GCM, the tag behind the text."""
        nonce = secrets.token_hex(6)
        text = AESGCM(self.api_v3.encode()).encrypt(nonce.encode(), plain, about.encode())
        said = {"algorithm": "AEAD_AES_256_GCM", "ciphertext": b64encode(text).decode(), "nonce": nonce}
        return {**said, "associated_data": about}

    def write(self, folder: Path) -> None:
        """What the merchant's server reads, for its owner alone."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        wechat = (self.wechat_merchant.private_pem(), self.wechat_platform.public_pem(), self.api_v3)
        texts = (*wechat, self.alipay_merchant.private_pem(), self.alipay_platform.public_pem(), self.app_secret)
        for name, text in zip(FILES, texts, strict=True):
            path = folder / name
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(text)
