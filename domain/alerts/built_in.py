"""The rules that every complex begins with. What each can fire on today stands in docs/alerts.md."""

from __future__ import annotations

from domain.alerts.conditions import During, When
from domain.alerts.rules import Inhibition, Rule, Rules, RuleSet
from domain.alerts.words import Category, Severity

_APPEARS = ("start", "instant")
_HERE = ("start", "instant", "update")  # a camera that follows things may name the zone only later
_SOMEBODY = ("person", "intrusion", "person_stay", "loitering", "line_crossing", "line_crossed")
_TWO_WHEELS = ("non_motor_vehicle", "e_bike", "ebike", "motorcycle")
_LIFTS = ("elevator", "lift")
_VEHICLES = ("car", "truck", "bus", "van", "vehicle", "motorcycle")
_OVER = When(state=("cleared", "test"))


def _alarm(name: str, severity: Severity, category: Category = "safety", reach_s: int = 0) -> Rule:
    """What a device itself calls so, while it lasts; tests and all-clears are none."""
    when = When(kind=("alarm",), alarm=(name,))
    return Rule(
        id=f"alarm_{name}", severity=severity, category=category, when=(when,), unless=(_OVER,), reach_s=reach_s
    )


def _seen(name: str, severity: Severity, category: Category, *labels: str, reach_s: int = 0) -> Rule:
    """What a camera recognises, once, when it appears."""
    when = When(kind=("detection",), label=labels, phase=_APPEARS)
    return Rule(id=name, severity=severity, category=category, when=(when,), reach_s=reach_s)


_DOORS = (
    Rule(
        id="door_forced",
        severity="critical",
        category="security",
        when=(When(kind=("door",), state=("forced_open",)),),
    ),
    Rule(
        id="door_held_open",
        severity="medium",
        category="security",
        when=(When(kind=("door",), state=("held_open",)),),
    ),
    # Of anybody's card that opens nothing; the two below are worse, and their own.
    Rule(
        id="access_denied",
        severity="low",
        category="security",
        when=(When(kind=("access",), result=("denied",)),),
    ),
    Rule(
        id="credential_revoked",
        severity="medium",
        category="security",
        when=(When(kind=("access",), result=("denied",), reason=("revoked", "card_cancelled", "blocklist", "used")),),
    ),
    Rule(
        id="anti_passback",
        severity="medium",
        category="security",
        when=(When(kind=("access",), result=("denied",), reason=("anti_passback",)),),
    ),
    _alarm("duress", "critical"),
    _alarm("door_lock_out", "high"),
    _alarm("lock_down", "high"),
    _alarm("theft", "high"),
    _alarm("intrusion", "high", "security"),  # what UHPPOTE and Hikvision say of a zone, a climber, a thief
    _alarm("tailgating", "medium"),
)
_LIFE = (
    _alarm("fire", "critical", "fire"),
    _alarm("smoke", "critical", "fire"),
    _alarm("gas", "critical", "fire"),
    _alarm("fire_system_fault", "high", "fire"),
    _alarm("sos", "critical"),
    _alarm("water_leak", "high"),
    _alarm("charger_overheat", "high"),
    # A camera that knows lifts says it; of one that only tells two wheels, the zone says where.
    Rule(
        id="ebike_in_elevator",
        severity="high",
        category="safety",
        when=(
            When(kind=("detection",), label=("ebike_in_elevator",), phase=_APPEARS),
            When(kind=("detection",), label=_TWO_WHEELS, phase=_HERE, zone=_LIFTS),
        ),
    ),
    _seen("flying_wire", "medium", "safety", "flying_wire", reach_s=43_200),
)
_PEOPLE_AND_CARS = (
    Rule(
        id="person_at_night",
        severity="high",
        category="security",
        when=(When(kind=("detection",), label=_SOMEBODY, phase=_APPEARS, zone=("restricted",)),),
        during=During(quiet=True),
        looks=2,
        sure_from=0.8,
    ),
    _seen("crowd", "medium", "security", "crowd", reach_s=1_800),
    # A car that stays is found again and again: for two hours it is the same matter.
    Rule(
        id="vehicle_in_fire_lane",
        severity="high",
        category="fire",
        when=(
            When(kind=("detection",), label=_VEHICLES, phase=_HERE, zone=("fire_lane",)),
            When(kind=("detection",), label=("parked",), phase=_APPEARS),
        ),
        reach_s=7_200,
    ),
    # A car behind another on a lane; doors say it of people, as an alarm.
    Rule(
        id="vehicle_tailgating",
        severity="medium",
        category="security",
        when=(When(kind=("detection",), label=("vehicle_tailgating", "tailgating")),),
    ),
    _alarm("plate_black_listed", "medium"),
    _alarm("wrong_way", "medium"),
    _alarm("barrier_struck", "high"),
    _alarm("barrier_not_opened", "medium"),
    _alarm("barrier_held_open", "medium"),
)
_DEVICES = (
    _alarm("tamper", "high"),  # a camera that was moved or covered, a box that was opened
    _alarm("video_loss", "medium"),
    _alarm("image_fault", "medium"),
    Rule(
        id="conservation_gap",
        severity="high",
        category="device",
        when=(When(kind=("alarm",), alarm=("conservation_gap",)),),
    ),
    _alarm("clock_skew", "medium", "device"),
    _alarm("gateway_silent", "high", "device", reach_s=7_200),
    Rule(
        id="device_offline",
        severity="low",
        category="device",
        when=(When(kind=("availability",), state=("offline",)),),
    ),
    # A household that asked for it moved no door for its hours: the centre says so, and names nobody.
    _alarm("care_check", "medium", "care"),
    # Whatever else a device calls an alarm.
    Rule(
        id="alarm_{alarm}",
        severity="medium",
        category="safety",
        when=(When(kind=("alarm",)),),
        unless=(_OVER,),
    ),
)
KNOWN = RuleSet(
    rules=(*_DOORS, *_LIFE, *_PEOPLE_AND_CARS, *_DEVICES),
    inhibitions=(
        # Doors that a fire alarm sets free are open without a card.
        Inhibition(by=("alarm_fire", "alarm_smoke"), of=("door_forced", "door_held_open"), before_s=10, after_s=900),
        Inhibition(by=("alarm_gateway_silent",), of=("device_offline",), scope="gateway", before_s=600, after_s=86_400),
    ),
)
# No complex may leave these out: they are about lives.
NEEDED = frozenset({"alarm_fire", "alarm_smoke", "alarm_gas", "alarm_sos", "alarm_duress"})
BUILT_IN = Rules(KNOWN)
# The zones, by name, in which a person is an alert by itself.
RESTRICTED = frozenset(
    zone for rule in KNOWN.rules for when in rule.when if "person" in when.label for zone in when.zone
)
