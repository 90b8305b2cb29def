"""Letters by a mail server: the standard library's client in a thread, with a time after which nobody waits for it."""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from domain.delivery import Refusal
from server.channels.calling import quoted
from server.channels.channel import Notice, NotSent, Receipt
from server.channels.settings import Email

_SPARE_S = 2.0
_FINAL: Mapping[int, Refusal] = {552: "too_long", 554: "blocked"}


class EmailChannel:
    """One connection a letter: they are few."""

    def __init__(self, settings: Email, password: str, ca_file: str, now: Callable[[], datetime]) -> None:
        """Raises ValueError or OSError for a CA that cannot be read."""
        self._settings, self._password, self._now = settings, password, now
        self._tls = ssl.create_default_context(cafile=ca_file or None)

    async def send(self, notice: Notice) -> Receipt:
        letter = _letter(self._settings, notice, self._now())
        try:
            # Each command waits for timeout_s at most; all of them together for no longer than this.
            async with asyncio.timeout(self._settings.timeout_s * 2 + _SPARE_S):
                await asyncio.to_thread(self._deliver, letter)
        except TimeoutError:
            raise NotSent("timeout", f"no answer within {self._settings.timeout_s} s") from None
        except (smtplib.SMTPException, OSError) as error:
            raise _refusal(error, (self._password,)) from None
        return Receipt(str(letter["Message-ID"]))

    async def close(self) -> None:
        """Nothing stays open."""

    def _deliver(self, letter: EmailMessage) -> None:
        one = self._settings
        if one.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(one.host, one.port, timeout=one.timeout_s, context=self._tls)
        else:
            server = smtplib.SMTP(one.host, one.port, timeout=one.timeout_s)
        with server:
            if one.tls == "starttls":
                server.starttls(context=self._tls)
            if one.user:
                server.login(one.user, self._password)
            server.send_message(letter)


def _letter(settings: Email, notice: Notice, now: datetime) -> EmailMessage:
    """The Message-ID is of the notice: whoever gets it twice may put them together."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = settings.sender, notice.to, notice.title
    letter["Date"] = format_datetime(now)
    host = settings.sender.rpartition("@")[2].rstrip(">") or "gatehouse.invalid"
    letter["Message-ID"] = f"<{hashlib.sha256(notice.key.encode()).hexdigest()[:32]}@{host}>"
    letter["Auto-Submitted"] = "auto-generated"
    if notice.is_urgent:
        letter["Importance"] = "high"
    letter.set_content(f"{notice.words}\n\n{notice.url}\n")
    return letter


def _refusal(error: Exception, secrets: tuple[str, ...]) -> NotSent:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotSent("bad_key", f"SMTP {error.smtp_code}")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return NotSent(_by_code(code, "bad_address"), f"SMTP {code} {_said(words, secrets)}")
    if isinstance(error, smtplib.SMTPResponseException):
        words = _said(error.smtp_error, secrets)
        return NotSent(_by_code(error.smtp_code, "blocked"), f"SMTP {error.smtp_code} {words}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotSent("bad_key", f"its certificate: {error.verify_message}")
    return NotSent("ill", type(error).__name__)


def _by_code(code: int, final: Refusal) -> Refusal:
    """RFC 5321, 4.2.1: 4xx may be right later; 421, 450 and 452 are what servers say of too many."""
    if 400 <= code < 500:
        return "rate_limited" if code in (421, 450, 452) else "ill"
    return _FINAL.get(code, final)


def _said(words: object, secrets: tuple[str, ...]) -> str:
    return quoted(words.decode(errors="replace") if isinstance(words, bytes) else words, secrets)
