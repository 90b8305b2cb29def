"""Who may use what, as dependencies: the roles of people by what they come to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from server.auth import Person, require

Anyone = Annotated[Person, Depends(require())]  # who is signed in
Watching = Annotated[Person, Depends(require("operator", "patrol", "committee"))]
Patrolling = Annotated[Person, Depends(require("operator", "patrol"))]
Accounting = Annotated[Person, Depends(require("operator", "committee", "clerk"))]
Clearing = Annotated[Person, Depends(require("operator", "clerk"))]
Overseeing = Annotated[Person, Depends(require("operator", "committee"))]
Operating = Annotated[Person, Depends(require("operator"))]
