"""Refuses secrets in the repository: detect-secrets over every tracked file, less what a person has accepted.

An accepted finding stands in .secrets.baseline as a hash; ``--accept`` writes the present findings there, after
somebody has looked at each. A single line can be accepted with the comment ``pragma: allowlist secret``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings
from tracked_files import ROOT, tracked_files

BASELINE = Path(".secrets.baseline")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accept", action="store_true", help="keep the present findings as accepted")
    asked = arguments.parse_args()
    os.chdir(ROOT)  # findings are named relative to it
    if asked.accept:
        accept()
        return
    found = [f"{secret.filename}:{secret.line_number}: {secret.type}" for _, secret in new_findings()]
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


def new_findings() -> SecretsCollection:
    """What is in the files and not in the baseline."""
    with default_settings():
        return scan() - accepted()


def scan() -> SecretsCollection:
    secrets = SecretsCollection()
    for name in tracked_files():
        if name != BASELINE:
            secrets.scan_file(str(name))
    return secrets


def accepted() -> SecretsCollection:
    if not BASELINE.exists():
        return SecretsCollection()
    return SecretsCollection.load_from_baseline(json.loads(BASELINE.read_text(encoding="utf-8")))


def accept() -> None:
    with default_settings():
        baseline.save_to_file(scan(), str(BASELINE))


if __name__ == "__main__":
    main()
