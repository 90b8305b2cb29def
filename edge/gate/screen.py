"""The gate's screen as HTML: large buttons, no script; it comes again by itself every few seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from domain.guards import Guard
from domain.lanes.words import spaced, yuan
from domain.tariff import Line
from edge.gate.till import Act
from edge.gate.view import Count, LaneView, Waiting
from edge.gate.words import DEBT_REASONS, HAND_REASONS, REASONS, Words

AGAIN_S = 4
STYLE = """
:root{color-scheme:light dark;--line:#c5ccd6;--dim:#56606e;--go:#0b5d2e;--owe:#7a3d00;--bad:#9b1c1c}
@media(prefers-color-scheme:dark){:root{--line:#465060;--dim:#b1bac6;--go:#1b7a43;--owe:#8f5410;--bad:#f3a3a3}}
*{box-sizing:border-box}
body{font:1.1rem/1.45 system-ui,"Noto Sans CJK SC",sans-serif;margin:0 auto;padding:.6rem;max-width:70rem}
header,footer{display:flex;gap:1rem;align-items:center;flex-wrap:wrap;justify-content:space-between}
h1{font-size:1.2rem;margin:.3rem 0}h2{font-size:1.1rem;margin:0 0 .4rem}
main{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}
.lane{border:1px solid var(--line);border-radius:.6rem;padding:.8rem}
.plate{font-size:1.9rem;font-weight:700;letter-spacing:.05em}.due{font-size:1.9rem;font-weight:700}
img{width:100%;border-radius:.4rem}.dim,small{color:var(--dim)}
.notice{border:2px solid;padding:.5rem;border-radius:.4rem}
.bad{color:var(--bad)}
button{font:inherit;padding:.7rem 1rem;border-radius:.5rem;border:1px solid var(--line);min-height:3rem;cursor:pointer}
.go{background:var(--go);color:#fff;font-size:1.4rem;width:100%;margin:.5rem 0}
.owe{background:var(--owe);color:#fff}form.row{display:flex;flex-wrap:wrap;gap:.4rem;margin:.3rem 0}
summary{padding:.6rem 0;cursor:pointer}table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:start}.sum{text-align:end}
label{display:block;margin:.6rem 0}select,input{font:inherit;padding:.6rem;width:100%}
.paper{max-width:20rem}@media print{.no-print{display:none}}
"""


class Screen:
    """Pages in one language, times in the site's zone."""

    def __init__(self, language: str, words: Words, zone: ZoneInfo) -> None:
        self._language, self._words, self._zone = language, words, zone

    def log_in(self, guards: Sequence[Guard], refused: str = "") -> str:
        options = "".join(f'<option value="{escape(one.id)}">{escape(one.name or one.id)}</option>' for one in guards)
        if not options:
            said = self._("还没有人可以登录：请在中心的“停车 → 门岗”里添加值班员。")
            return self._page(f"<main><p>{said}</p></main>")
        form = (
            f'<main><form method="post" action="/login" class="lane">{self._notice(refused, bad=True)}'
            f'<label>{self._("值班员")}<select name="guard">{options}</select></label>'
            f'<label>{self._("密码")}<input name="pin" type="password" inputmode="numeric" autocomplete="off" '
            f'required autofocus></label><button class="go">{self._("登录")}</button></form></main>'
        )
        return self._page(form)

    def lanes(
        self, guard: Guard, csrf: str, lanes: Iterable[LaneView], counts: Sequence[Count], tap: str, said: str = ""
    ) -> str:
        """``tap`` names the openings that are tapped on this page, where no car waits."""
        head = (
            f"<header><h1>{self._('门岗')}</h1><span>{escape(guard.name or guard.id)}</span>"
            f'<form method="post" action="/logout">{_hidden(csrf=csrf)}<button>{self._("退出")}</button></form>'
            "</header>"
        )
        cards = "".join(self._lane(lane, csrf, tap) for lane in lanes)
        body = f"{head}{self._notice(said)}<main>{cards}</main>{self._counts(counts)}"
        return self._page(body, again=True)

    def receipt(self, act: Act) -> str:
        rows = [(self._("收据"), act.receipt), (self._("车牌"), act.plate), (self._("时间"), self._time(act.at))]
        if act.entered_at is not None and act.until is not None:
            rows += [(self._("入场"), self._time(act.entered_at)), (self._("识别"), self._time(act.until))]
        rows += [(self._("费用"), _sum(act.fee_fen)), (self._("实收"), _sum(act.fen)), (self._("值班员"), act.by)]
        body = "".join(f'<tr><th scope="row">{name}</th><td>{escape(value)}</td></tr>' for name, value in rows)
        lines = self._lines(act.lines)
        nav = f'<p class="no-print"><a href="/">{self._("回到车道")}</a> <small>{self._("打印")}</small></p>'
        paper = f"<h1>{self._('收据')}</h1><table>{body}</table>{lines}{nav}"
        return self._page(f'<main class="paper"><div>{paper}</div></main>')

    def _lane(self, lane: LaneView, csrf: str, tap: str) -> str:
        way = self._("出口" if lane.direction == "out" else "入口")
        up = f" <small>{self._('道闸已抬起')}</small>" if lane.is_up else ""
        car = lane.car
        inner = self._car(lane, car, csrf) if car else f'<p class="dim">{self._("没有车在等")}</p>'
        named = {"lane": lane.lane, "what": "hand", "csrf": csrf, "plate": car.plate if car else ""}
        named["request"] = f"{car.request}-hand" if car else f"{tap}-{lane.lane}"
        hand = self._reasons(HAND_REASONS, named)
        return (
            f'<section class="lane"><h2>{escape(lane.name)} <small>{way}</small>{up}</h2>{inner}'
            f"<details><summary>{self._('人工抬杆')}</summary>{hand}</details></section>"
        )

    def _car(self, lane: LaneView, car: Waiting, csrf: str) -> str:
        plate = escape(spaced(car.plate)) if car.plate else self._("没有读到车牌")
        picture = f'<img src="/picture/{car.picture}" alt="{plate}">' if car.picture else ""
        why = self._(REASONS.get(car.reason, car.reason))
        since = f"{self._('入场')} {self._time(car.entered_at)} · " if car.entered_at else ""
        said = f'<p class="dim">{since}{self._("识别")} {self._time(car.read_at)} · {escape(why)}</p>'
        pay = self._pay(lane, car, csrf) if car.due_fen and lane.direction == "out" else ""
        return f'{picture}<p class="plate">{plate}</p>{said}{pay}'

    def _pay(self, lane: LaneView, car: Waiting, csrf: str) -> str:
        due = car.due_fen or 0
        named = {"lane": lane.lane, "csrf": csrf, "plate": car.plate, "fen": str(due)}
        cash = _hidden(**named, what="cash", request=f"{car.request}-cash")
        debt = self._reasons(DEBT_REASONS, {**named, "what": "debt", "request": f"{car.request}-debt"}, "owe")
        return (
            f'<p class="due">{self._("应收")} {_sum(due)}</p>{self._lines(car.lines)}'
            f'<form method="post" action="/act">{cash}<button class="go">{self._("收现金")} {_sum(due)}</button></form>'
            f"<details><summary>{self._('欠费放行')}</summary>{debt}</details>"
        )

    def _reasons(self, reasons: Iterable[str], named: dict[str, str], style: str = "") -> str:
        buttons = "".join(
            f'<button class="{style}" name="reason" value="{reason}">{self._(reason)}</button>' for reason in reasons
        )
        return f'<form method="post" action="/act" class="row">{_hidden(**named)}{buttons}</form>'

    def _lines(self, lines: Sequence[Line]) -> str:
        rows = "".join(self._line(line) for line in lines)
        return f"<details open><summary>{self._('费用')}</summary><table>{rows}</table></details>" if rows else ""

    def _line(self, line: Line) -> str:
        span, rule = f"{self._time(line.start)} – {self._time(line.end)}", escape(line.rule)
        return f'<tr><td>{span}</td><td><small>{rule}</small></td><td class="sum">{_sum(line.fen)}</td></tr>'

    def _counts(self, counts: Sequence[Count]) -> str:
        names = (self._("值班员"), self._("现金"), self._("欠费"), self._("人工"))
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        rows = "".join(
            f'<tr><th scope="row">{escape(one.by)}</th><td>{one.cash} · {_sum(one.cash_fen)}</td>'
            f"<td>{one.debts} · {_sum(one.debts_fen)}</td><td>{one.by_hand}</td></tr>"
            for one in counts
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<h2>{self._('今天')}</h2>{table}" if rows else ""

    def _notice(self, said: str, *, bad: bool = False) -> str:
        return f'<p class="notice{" bad" if bad else ""}" role="alert">{self._(said)}</p>' if said else ""

    def _time(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%m-%d %H:%M")

    def _(self, word: str) -> str:
        return escape(self._words.get(word, word))

    def _page(self, body: str, *, again: bool = False) -> str:
        refresh = f'<meta http-equiv="refresh" content="{AGAIN_S}; url=/">' if again else ""
        return (
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8">{refresh}'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{self._("门岗")}</title><link rel="stylesheet" href="/style.css"></head><body>{body}</body></html>'
        )


def _hidden(**named: str) -> str:
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in named.items())


def _sum(fen: int) -> str:
    return f"−¥{yuan(-fen)}" if fen < 0 else f"¥{yuan(fen)}"
