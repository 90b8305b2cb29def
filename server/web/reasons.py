"""Why a person may see what is masked: the words of the forms, the keys of the audit."""

from __future__ import annotations

from server.web.languages import N_

# Why a person wants to see a plate, a card, a name or bytes whole.
REASONS = {
    "payment": N_("核对缴费"),
    "owner": N_("车主来电"),
    "find": N_("寻找车辆"),
    "incident": N_("处置报警"),
    "repair": N_("排查故障"),
    "police": N_("配合民警"),
    "other": N_("其他"),
}
