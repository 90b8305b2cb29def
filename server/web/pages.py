"""The people's side of the application: its routes, its static files, and how refusals look."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from server.api import (
    access_groups,
    accounts,
    alert_actions,
    alert_cap,
    alert_history,
    alert_month,
    alerts,
    audit,
    bills,
    board,
    cameras,
    cards,
    care,
    charges,
    charging,
    conservation,
    coupon_page,
    coupons,
    day_items,
    days,
    debts,
    desk,
    device_import,
    devices,
    door_orders,
    doors,
    doubtful,
    duty_acts,
    enrolment,
    filing,
    gate,
    gateway,
    gateways,
    handovers,
    invitation,
    item_acts,
    item_hand_over,
    item_sheets,
    items,
    items_json,
    language,
    ledger,
    live,
    login,
    me,
    months,
    my_channels,
    noise,
    oidc,
    open_account,
    openings,
    overview,
    parking,
    parking_sheets,
    passes,
    pay,
    pay_notify,
    payments,
    pictures,
    place_changes,
    place_import,
    places,
    plan_changes,
    plans,
    platform_change,
    platform_settings,
    platforms,
    public_account,
    readers,
    receipts,
    refusals,
    resident_import,
    residents,
    retention,
    retrievals,
    revenue,
    revenue_changes,
    rollouts,
    rota,
    round_papers,
    round_walks,
    rounds,
    rule_copies,
    rules,
    shell,
    silences,
    snap,
    snap_places,
    tariff_versions,
    tariffs,
    theme,
    vehicle_passes,
    visitors,
    watch,
)
from server.auth import NeedsSecondFactor, NotSignedIn
from server.web import file_names, public_files
from server.web.answers import open_page, see
from server.web.second_step import second_step

# What refusals are called in JSON, by status.
_WORDS = {
    403: "not_allowed",
    404: "not_found",
    405: "not_allowed_here",
    409: "conflict",
    411: "no_length",
    413: "too_large",
    422: "not_understood",
    429: "too_many",
    503: "busy",
}


def routers() -> list[APIRouter]:
    """Every noun's routes."""
    nouns = (
        login,
        language,
        alert_history,  # these three before the one whose paths take any alert
        noise,
        alert_month,
        theme,
        alerts,
        alert_actions,
        alert_cap,
        duty_acts,
        board,
        overview,
        rota,
        round_walks,  # before those whose paths take any word
        round_papers,
        rounds,
        rule_copies,  # before those whose paths are like its own
        rules,
        silences,
        snap,
        snap_places,  # before the pages of items, whose paths take any word
        item_acts,
        item_hand_over,
        item_sheets,
        items_json,
        items,  # its paths take any word
        care,
        live,
        shell,
        pictures,
        parking,
        payments,
        doubtful,
        openings,
        passes,
        coupon_page,
        coupons,
        parking_sheets,
        charges,
        pay_notify,  # before pages whose paths take any code
        pay,
        receipts,
        bills,
        day_items,
        days,
        charging,
        desk,
        gate,
        debts,
        ledger,
        doors,
        enrolment,
        gateways,
        refusals,
        readers,
        conservation,
        audit,
        place_import,
        places,
        place_changes,
        plans,
        plan_changes,
        months,
        public_account,
        open_account,
        revenue_changes,  # before those whose paths take any number
        revenue,
        retention,
        accounts,
        invitation,
        me,
        my_channels,
        oidc,
        rollouts,
        platform_change,
        platform_settings,
        platforms,
        handovers,
        filing,
        retrievals,
        door_orders,
        device_import,
        cameras,
        devices,
        tariffs,  # before the one whose paths take any number
        tariff_versions,
        resident_import,  # before those whose paths take any word
        access_groups,
        residents,
        cards,
        vehicle_passes,
        visitors,
        gateway,  # behind those whose paths begin like its own
        watch,
    )
    return [noun.router for noun in nouns]


def mount_static(app: FastAPI) -> None:
    """Static files, and pages for people who are refused or lost."""
    app.mount(file_names.PATH, public_files.PublicFiles())
    app.add_exception_handler(NotSignedIn, _sign_in_first)
    for status in _WORDS:
        app.add_exception_handler(status, _refused)


async def _sign_in_first(request: Request, error: Exception) -> Response:
    """Pages lead to the login and back; scripts are told."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    login_path = f"/login?next={quote(path)}"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if _wants_page(request) and request.method == "GET":
        return see(login_path)
    return _as_json(401, "not_signed_in", str(error))


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, NeedsSecondFactor):  # here, because a status's handler goes before a class's
        return await second_step(request, error)
    if not isinstance(error, HTTPException):
        raise error
    if _wants_page(request):
        return open_page(request, "refused.html", error.status_code, code=error.status_code)
    return _as_json(error.status_code, _WORDS[error.status_code], error.detail)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _as_json(status: int, error: str, message: str) -> Response:
    content = msgspec.json.encode({"error": error, "message": message})
    return Response(content, status, media_type="application/json")
