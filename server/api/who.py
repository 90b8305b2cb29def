"""Who may use what, as dependencies: the roles of people by what they come to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from server.auth import MOST_WIDE_FIELDS, Person, require
from server.store.people import OFFICES

WATCHING = ("operator", "patrol", "grid_worker", "committee", "auditor", *OFFICES, "security_officer")
PATROLLING = ("operator", "patrol", "grid_worker", "security_officer")
ANSWERING = (*PATROLLING, *OFFICES)
ROSTERING = ("operator", "committee", *OFFICES)
ACCOUNTING = ("operator", "committee", "clerk", "auditor", *OFFICES)
CLEARING = ("operator", "clerk")
KEEPING = ("operator", "committee", "clerk")
DISCLOSING = ("operator", "committee")
OVERSEEING = ("operator", "committee", "auditor", *OFFICES)
RESIDING = ("operator", "committee", "clerk")
CARING = ("grid_worker", "community")
OPENING = (*PATROLLING, "committee")
EQUIPPING = ("operator", "committee")
TARIFFING = ("operator", "committee")
OPERATING = ("operator",)
AUDITING = ("auditor",)
GUARDING = ("security_officer",)

Anyone = Annotated[Person, Depends(require())]  # who is signed in
Watching = Annotated[Person, Depends(require(*WATCHING))]  # looks at alerts and doors
Patrolling = Annotated[Person, Depends(require(*PATROLLING))]  # takes alerts and closes them
Answering = Annotated[Person, Depends(require(*ANSWERING))]  # is on the ladder: takes alerts, hands over, calls help
Silencing = Annotated[Person, Depends(require(*ANSWERING, "committee"))]  # says what is not to ring for a while
Serving = Annotated[Person, Depends(require(*ANSWERING, "committee"))]  # makes items, and does what is to be done
Rostering = Annotated[Person, Depends(require(*ROSTERING))]  # says who is on duty, and how a matter climbs
# Says what is an alert: a form with a line a rule.
Ruling = Annotated[Person, Depends(require(*ROSTERING, most_fields=MOST_WIDE_FIELDS))]
Accounting = Annotated[Person, Depends(require(*ACCOUNTING))]  # looks at parking and what it cost
Clearing = Annotated[Person, Depends(require(*CLEARING))]  # sees a whole plate, for a reason
Refunding = Annotated[Person, Depends(require(*CLEARING, second_factor=True))]  # lets money go back
CLOSING = ("operator", "committee", "clerk")
Reconciling = Annotated[Person, Depends(require(*CLOSING))]  # gives bills for a day, and reconciles it
# Closes an item by an act that books, or signs a day: with the second factor.
Closing = Annotated[Person, Depends(require(*CLOSING, second_factor=True))]
# Takes cash, counts it, signs for another's count, asks for debts: with the second factor.
Cashing = Annotated[Person, Depends(require(*CLEARING, second_factor=True))]
# Lets a debt off that somebody else proposed, signs a count that somebody else made: with the second factor.
Approving = Annotated[Person, Depends(require(*RESIDING, second_factor=True))]
Residing = Annotated[Person, Depends(require(*RESIDING))]  # keeps households, their cards, PINs, plates and visitors
# Says what groups open and when, or reads in a list: many rights at once, with the second factor.
Allotting = Annotated[Person, Depends(require(*RESIDING, second_factor=True))]
# Looks after households that asked for it: who they are, how they stand, what came of visits. Nobody else reads it.
Caring = Annotated[Person, Depends(require(*CARING))]
Opening = Annotated[Person, Depends(require(*OPENING))]  # opens a door from afar, for a reason that is kept
Keeping = Annotated[Person, Depends(require(*KEEPING))]  # drafts entries of public revenue, and their papers
# Freezes a month's figures, or publishes what another froze: with the second factor.
Booking = Annotated[Person, Depends(require(*KEEPING, second_factor=True))]
# Takes a step with public revenue, or reviews it: with the second factor.
Deciding = Annotated[Person, Depends(require(*ACCOUNTING, second_factor=True))]
# Opens a complex's account to everybody, and says who reviews: with the second factor.
Disclosing = Annotated[Person, Depends(require(*DISCLOSING, second_factor=True))]
Overseeing = Annotated[Person, Depends(require(*OVERSEEING))]  # looks at gateways, their numbers, and the places
# Says where is what on a camera's picture, and what nobody sees of it; asks for a picture. With the second factor.
Drawing = Annotated[Person, Depends(require(*EQUIPPING, second_factor=True, most_fields=MOST_WIDE_FIELDS))]
# Changes the list of devices: who may speak in a complex, and who decides at its doors; with the second factor.
Equipping = Annotated[Person, Depends(require(*EQUIPPING, second_factor=True))]
Tariffing = Annotated[Person, Depends(require(*TARIFFING))]  # writes drafts of a tariff
# Proposes a tariff, or publishes what another has proposed; with the second factor.
TariffPublishing = Annotated[Person, Depends(require(*TARIFFING, second_factor=True))]
# Reads watch lists and their hits: nobody else hears that there are any.
Guarding = Annotated[Person, Depends(require(*GUARDING))]
PlacingOrders = Annotated[Person, Depends(require(*GUARDING, second_factor=True))]  # places an order, or withdraws it
Auditing = Annotated[Person, Depends(require(*AUDITING))]  # reads who saw and changed what
AuditingAll = Annotated[Person, Depends(require(*AUDITING, everywhere=True))]
Operating = Annotated[Person, Depends(require(*OPERATING))]  # sets up what is in their scope
# Publishes what gateways go by, rights among it: with the second factor.
Publishing = Annotated[Person, Depends(require(*OPERATING, second_factor=True))]
# Changes what others see or may: with the second factor.
Governing = Annotated[Person, Depends(require(*OPERATING, everywhere=True, second_factor=True))]
