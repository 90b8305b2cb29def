"""Signs a package of the agent as a release, on the machine of whoever builds it: the key never lies on a server.

python scripts/sign_release.py new-key release.key
    python scripts/sign_release.py sign release.key FILE.deb 0.2.0 https://HOST/PATH >release.json
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.desired_bodies import Release

_UNSIGNED = "A" * 86 + "=="


def main() -> None:
    parser = argparse.ArgumentParser(prog="sign_release.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new-key", help="make a key; prints the public half, for [releases] key of edge.toml")
    new.add_argument("key", type=Path)
    sign = verbs.add_parser("sign", help="print the release as a document for desired state")
    sign.add_argument("key", type=Path)
    sign.add_argument("package", type=Path)
    sign.add_argument("version")
    sign.add_argument("url")
    sign.add_argument("--goes-back", action="store_true", help="it may take the place of a newer version")
    told = parser.parse_args()
    print(new_key(told.key) if told.verb == "new-key" else signed(told))


def new_key(file: Path) -> str:
    """Write a private key, readable by its owner alone; the public half."""
    key = Ed25519PrivateKey.generate()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(base64.b64encode(key.private_bytes_raw()))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signed(told: argparse.Namespace) -> str:
    """The release as JSON."""
    package: bytes = told.package.read_bytes()
    unsigned = Release(told.version, told.url, sha256(package).hexdigest(), len(package), _UNSIGNED, told.goes_back)
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(told.key.read_bytes()))
    signature = base64.b64encode(key.sign(unsigned.signed)).decode()
    fields = {name: getattr(unsigned, name) for name in Release.__struct_fields__}
    return json.dumps(fields | {"signature": signature}, indent=1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
