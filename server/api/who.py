"""Who may use what, as dependencies: the roles of people by what they come to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from server.auth import Person, require
from server.store.people import OFFICES

WATCHING = ("operator", "patrol", "grid_worker", "committee", "auditor", *OFFICES, "security_officer")
PATROLLING = ("operator", "patrol", "grid_worker", "security_officer")
ACCOUNTING = ("operator", "committee", "clerk", "auditor", *OFFICES)
CLEARING = ("operator", "clerk")
OVERSEEING = ("operator", "committee", "auditor", *OFFICES)
RESIDING = ("operator", "committee", "clerk")
OPENING = (*PATROLLING, "committee")
EQUIPPING = ("operator", "committee")
OPERATING = ("operator",)
AUDITING = ("auditor",)

Anyone = Annotated[Person, Depends(require())]  # who is signed in
Watching = Annotated[Person, Depends(require(*WATCHING))]  # looks at alerts and doors
Patrolling = Annotated[Person, Depends(require(*PATROLLING))]  # takes alerts and closes them
Accounting = Annotated[Person, Depends(require(*ACCOUNTING))]  # looks at parking and what it cost
Clearing = Annotated[Person, Depends(require(*CLEARING))]  # sees a whole plate, for a reason
Residing = Annotated[Person, Depends(require(*RESIDING))]  # keeps households, their cards, PINs, plates and visitors
# Says what groups open and when, or reads in a list: many rights at once, with the second factor.
Allotting = Annotated[Person, Depends(require(*RESIDING, second_factor=True))]
Opening = Annotated[Person, Depends(require(*OPENING))]  # opens a door from afar, for a reason that is kept
Overseeing = Annotated[Person, Depends(require(*OVERSEEING))]  # looks at gateways, their numbers, and the places
# Changes the list of devices: who may speak in a complex, and who decides at its doors; with the second factor.
Equipping = Annotated[Person, Depends(require(*EQUIPPING, second_factor=True))]
Auditing = Annotated[Person, Depends(require(*AUDITING))]  # reads who saw and changed what
AuditingAll = Annotated[Person, Depends(require(*AUDITING, everywhere=True))]
Operating = Annotated[Person, Depends(require(*OPERATING))]  # sets up what is in their scope
# Publishes what gateways go by, rights among it: with the second factor.
Publishing = Annotated[Person, Depends(require(*OPERATING, second_factor=True))]
# Changes what others see or may: with the second factor.
Governing = Annotated[Person, Depends(require(*OPERATING, everywhere=True, second_factor=True))]
