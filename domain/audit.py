"""The audit's chain: what of a row is hashed, and whether rows still fit together. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

GENESIS = "0" * 64  # before the first row
KEEP_YEARS = 3  # so long at least contents stay readable
BLANKED = "audit.blanked"  # the row that says up to where old contents were taken out; it keeps its own
# What a row may say was done. A word more is a word here; an unknown one is refused where it is recorded.
ACTIONS = frozenset(
    {
        "login.opened",
        "login.failed",
        "login.refused",  # while locked, or as nobody we know
        "login.ended",
        "account.made",
        "account.invited",
        "account.changed",
        "account.disabled",
        "account.enabled",
        "account.unlocked",
        "invitation.used",
        "password.changed",
        "session.revoked",
        "channels.changed",
        "channel.tested",
        "browser.added",
        "browser.removed",
        "second_factor.begun",
        "second_factor.set",
        "second_factor.passed",
        "second_factor.failed",
        "second_factor.reset",
        "place.changed",
        "place.uploaded",
        "place.imported",
        "plan.changed",
        "alert.seen",
        "alert.acknowledge",
        "alert.undo",
        "alert.close",
        "alert.false",
        "duty.changed",
        "rota.changed",
        "ladder.changed",
        "item.reported",
        "item.made",
        "item.sent",
        "item.taken",
        "item.handed_over",
        "item.given_back",
        "item.finished",
        "item.reviewed",
        "item.sent_back",
        "item.rated",
        "item.withdrawn",
        "item.refused",
        "item.seen",
        "item.phone_shown",
        "snap.made",
        "snap.ended",
        "rules.published",
        "silence.made",
        "silence.ended",
        "noise.demoted",
        "round.point_added",
        "round.point_ended",
        "round.route_changed",
        "round.walked",
        "round.sheet_taken",
        "care.begun",
        "care.switched",
        "care.ended",
        "care.seen",
        "care.due",
        "care.visited",
        "plate.shown",
        "subject.shown",
        "refusal.shown",
        "stay.seen",
        "doubt.seen",
        "passage.corrected",
        "passage.undone",
        "refusal.seen",
        "statement.seen",
        "statement.asked",
        "enrol_code.issued",
        "gateway.enrolled",
        "gateway.replaced",
        "desired.put",
        "desired.seen",
        "order.placed",
        "household.added",
        "household.changed",
        "household.shown",
        "resident.added",
        "resident.changed",
        "card.added",
        "card.revoked",
        "card.restored",
        "card.extended",
        "pass.added",
        "places.added",
        "pass.ended",
        "pass.restored",
        "pass.extended",
        "visitor_link.made",
        "visitor_link.ended",
        "visitor.made",
        "visitor.ended",
        "visitor.used",
        "swipe.awaited",
        "access.changed",
        "residents.uploaded",
        "residents.imported",
        "camera.changed",
        "camera.undone",
        "camera.looked",
        "device.added",
        "device.changed",
        "device.removed",
        "devices.undone",
        "devices.uploaded",
        "devices.imported",
        "devices.exported",
        "tariff.drafted",
        "tariff.changed",
        "tariff.proposed",
        "tariff.sent_back",
        "tariff.published",
        "tariff.withdrawn",
        "bills.kept",
        "bills.resolved",
        "bills.signed",
        "payment.taken",
        "payment.code_made",
        "payment.code_ended",
        "refund.proposed",
        "refund.approved",
        "refund.refused",
        "bills.undone",
        "bills.given",
        "bills.taken_back",
        "bills.settings",
        "ledger.rebuilt",
        "ledger.locked",
        "debt.proposed",
        "debt.let_off",
        "debt.refused",
        "debt.reminded",
        "coupon.issuer_added",
        "coupon.issuer_ended",
        "coupon.allotted",
        "coupon.allotment_ended",
        "coupon.page_made",
        "coupon.given",
        "coupon.undone",
        "coupon.revoked",
        "merchant.billed",
        "merchant.settled",
        "shift.opened",
        "shift.closed",
        "shift.signed",
        "cash.taken",
        "cash.given_back",
        "cash.paid_out",
        "cash.deposited",
        "cash.claimed",
        "guard.put",
        "guard.removed",
        "pass.sold",
        "sheet.taken",
        "sheet.revealed",
        "revenue.drafted",
        "revenue.changed",
        "revenue.document_added",
        "revenue.stepped",
        "public_account.changed",
        "month.proposed",
        "month.published",
        "rollout.made",
        "rollout.stopped",
        "rollout.resumed",
        "rollout.aborted",
        "rollout.back",
        "gateway.tagged",
        "projection.rebuilt",
        "record.set_aside",
        "log.verified",
        "centre.backed_up",
        "centre.restored",
        "complex.moved",
        "complex.move_taken_back",
        "complex.let_go",
        "complex.arrived",
        "retention.hold_placed",
        "retention.hold_lifted",
        "retention.subject_looked_up",
        "retention.subject_exported",
        "retention.corrected",
        "retention.erasure_begun",
        "retention.erasure_ended",
        "watch.placed",
        "watch.withdrawn",
        "watch.expired",
        "watch.listed",
        "watch.hit",
        "watch.dropped",
        "watch.refused",
        "watch.asked",
        "watch.reported",
        "watch.report_answered",
        "watch.told",
        "watch.seen",
        "watch.hit_seen",
        "viid.registered",
        "viid.unregistered",
        "viid.subscribed",
        "viid.unsubscribed",
        "viid.asked",
        "viid.received",
        "viid.disposed",
        "platform.codes",
        "platform.settings",
        "platform.added",
        "platform.changed",
        "platform.turned",
        "platform.tested",
        "platform.basis_recorded",
        "platform.basis_ended",
        "platform.class_switched",
        "platform.control",
        "handover.sent",
        "handover.answered",
        "handover.withheld",
        "handover.seen",
        "handover.sheet_taken",
        "retrieval.asked",
        "retrieval.approved",
        "retrieval.refused",
        "retrieval.viewed",
        "retrieval.exported",
        "filing.seen",
        "filing.sheet_taken",
        "audit.seen",
        "audit.exported",
        BLANKED,
    }
)

# Rows that stand in the chain like all others, and that nobody reads but where they belong.
CONFIDENTIAL = frozenset(action for action in ACTIONS if action.startswith("watch."))


class Content(msgspec.Struct, frozen=True, array_like=True):
    """All of a row that may speak of a person, and that goes when it is blanked.

    ``nonce`` keeps the digest of what was blanked from being guessed. ``details`` is JSON text.
    """

    who: str
    role: str
    account: int | None
    complex: str | None
    kind: str | None
    ref: str | None
    reason: str | None
    address: str | None
    session: str | None
    details: str | None
    nonce: str


class Row(msgspec.Struct, frozen=True):
    """A row of the audit. ``content`` None: it was blanked at ``blanked_at``; all else stays for ever."""

    number: int
    at: str
    action: str
    content: Content | None
    digest: str
    previous: str
    hash: str
    blanked_at: str | None = None


class Blanking(msgspec.Struct, frozen=True):
    """What the row ``number`` declares: contents of rows up to ``through`` from before ``before`` were taken out."""

    number: int
    at: str
    through: int
    before: str


def digest_of(content: Content) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def hash_of(previous: str, number: int, at: str, action: str, digest: str) -> str:
    """Over everything that stays, and by the digest over everything that may go."""
    text = "\n".join(("gatehouse audit 1", previous, str(number), at, action, digest))
    return hashlib.sha256(text.encode()).hexdigest()


def linked(previous: str, number: int, at: str, action: str, content: Content) -> Row:
    """The row that follows the one whose hash is ``previous``."""
    digest = digest_of(content)
    return Row(number, at, action, content, digest, previous, hash_of(previous, number, at, action, digest))


def years_before(at: str, years: int) -> str:
    """The same moment some years earlier, as text that sorts."""
    return f"{int(at[:4]) - years:04}{at[4:]}"


class Chain:
    """Takes rows in their order and says what is wrong with the first that does not fit."""

    def __init__(self, heads: Mapping[int, str] | None = None, blankings: Iterable[Blanking] = ()) -> None:
        """``heads``: hashes by number that were written down earlier; ``blankings``: what the rows themselves say."""
        self._heads, self._blankings = dict(heads or {}), list(blankings)
        self.last, self.hash = 0, GENESIS

    def take(self, row: Row) -> str | None:
        """What is wrong with the row; None where it fits."""
        found = self._order(row) or _own(row) or self._blank(row) or self._head(row)
        self.last, self.hash = row.number, row.hash
        return found

    def end(self) -> str | None:
        """What is wrong behind the last row."""
        beyond = sorted(number for number in self._heads if number > self.last)
        if not beyond:
            return None
        return f"row {self.last + 1} and those behind it are gone: a head of row {beyond[0]} was written down"

    def _order(self, row: Row) -> str | None:
        if row.number != self.last + 1:
            return f"row {self.last + 1} is missing: row {row.number} comes after row {self.last}"
        if row.previous != self.hash:
            return f"row {row.number} does not follow row {self.last}"
        return None

    def _blank(self, row: Row) -> str | None:
        if row.content is not None:
            return None
        if row.action == BLANKED or not any(_covers(declared, row) for declared in self._blankings):
            return f"row {row.number} was blanked, and no row says so"
        return None

    def _head(self, row: Row) -> str | None:
        wanted = self._heads.get(row.number)
        return f"row {row.number} has not the hash that was written down" if wanted not in (None, row.hash) else None


def _own(row: Row) -> str | None:
    """Whether the row's digest and hash are its own."""
    if row.content is not None and digest_of(row.content) != row.digest:
        return f"row {row.number} says something else than was recorded"
    if hash_of(row.previous, row.number, row.at, row.action, row.digest) != row.hash:
        return f"row {row.number} has a time, an action or a digest that its hash does not know"
    return None


def _covers(declared: Blanking, row: Row) -> bool:
    is_old = row.at < declared.before <= years_before(declared.at, KEEP_YEARS)
    return declared.number > row.number and row.number <= declared.through and is_old
