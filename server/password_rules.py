"""Which passwords are taken: long enough, not the person's name, not one that everybody tries first."""

from __future__ import annotations

from typing import Literal

from server.passwords import MOST_SIGNS

LEAST_SIGNS = 10
Weakness = Literal["short", "long", "common", "name"]
# What guessing begins with, among those that are long enough; others are these with digits behind them.
_COMMON = (
    "password", "passw0rd", "qwertyuiop", "1qaz2wsx3edc", "1q2w3e4r5t", "qazwsxedc", "asdfghjkl", "zxcvbnm",
    "iloveyou", "woaini", "wodemima", "admin", "administrator", "gatehouse", "welcome", "letmein", "changeme",
    "abc", "abcd", "abcde", "abcdef", "abcdefgh", "abcdefghij", "qwerty", "root", "test", "user", "monkey", "dragon",
    "football", "xiaoqu", "menwei", "baoan", "wuye", "zhongguo", "beijing", "shanghai",
)  # fmt: skip
_RUNS = ("0123456789" * 3, "9876543210" * 3, "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


def weakness(password: str, username: str) -> Weakness | None:
    """Why it is not taken; None where it is."""
    if len(password) < LEAST_SIGNS:
        return "short"
    if len(password) > MOST_SIGNS:
        return "long"
    plain = password.lower()
    bare = plain.strip("0123456789!@#$%^&*._-")
    if bare in _COMMON or not bare or len(set(plain)) < 4 or any(plain in run for run in _RUNS):
        return "common"
    return "name" if len(username) > 2 and username.lower() in plain else None
