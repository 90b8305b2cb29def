"""The ledger: double entry in whole fen, append-only, chained by hash. Corrections are new journals."""

from domain.ledger.accounts import UnknownAccount as UnknownAccount
from domain.ledger.accounts import check_account as check_account
from domain.ledger.accounts import kind_of as kind_of
from domain.ledger.chain import START as START
from domain.ledger.chain import hash_of as hash_of
from domain.ledger.journal import Booked as Booked
from domain.ledger.journal import Journal as Journal
from domain.ledger.journal import Line as Line
from domain.ledger.journal import Unbalanced as Unbalanced
from domain.ledger.journal import reversal as reversal
from domain.ledger.public import Checked as Checked
from domain.ledger.public import Exported as Exported
from domain.ledger.public import PublicLedger as PublicLedger
from domain.ledger.public import check_parts as check_parts
from domain.ledger.public import check_public as check_public
from domain.ledger.public import exported as exported
from domain.ledger.public import grouped as grouped
from domain.ledger.public import totals_of as totals_of
