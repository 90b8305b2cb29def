"""Why an act on a day was refused, in the words of the screens; what has none of its own is shown as it is."""

from __future__ import annotations

import re

from server.web.languages import N_

_KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"made this report"), N_("您做了这份对账：要由另一个人签认。")),
    (re.compile(r"closed \d+ items"), N_("您了结过这份报告里的款项：要由另一个人签认。")),
    (re.compile(r"something has changed"), N_("对账以后数据有变化：请重新对账，再看一遍。")),
    (re.compile(r"was signed by"), N_("这一版已经签认。")),
    (re.compile(r"provisional"), N_("网关还有这一天的记录没有送到：等它们到了再签认，或写明为什么不等。")),
    (re.compile(r"not_over"), N_("这一天还没有结束。")),
    (re.compile(r"no_report"), N_("还没有对账。")),
    (re.compile(r"stale"), N_("对账以后账单有变化：请重新对账。")),
    (re.compile(r"not_judged"), N_("有收款，没有账单：请给出账单，或说明当日无账单。")),
    (re.compile(r"were let go"), N_("账单文件已按规定删除：请重新上传。")),
    (re.compile(r"how it was closed"), N_("请写明怎样了结，以及依据的单据。")),
    (re.compile(r"is not open|nobody closed"), N_("这一笔已经被别人处理过。")),
    (re.compile(r"that tells of it is signed"), N_("说到这一笔的报告已经签认：不能撤销，只能再做一笔更正。")),
    (re.compile(r"booked: give the money back"), N_("已按补单记为已付：不能撤销，只能退款。")),
    (re.compile(r"is under way"), N_("退款已经在办：不能撤销。")),
    (re.compile(r"fen came, and"), N_("实付和应付不同：不能补单，请挂账或退款。")),
    (re.compile(r"to give back for"), N_("这里没有可退的收款：请在支付平台或用现金退款，再凭单据了结。")),
    (re.compile(r"no bill here tells"), N_("账单文件已经不在：请重新上传那一天的账单。")),
)


def why_not(said: str) -> str:
    """The Chinese of a refusal; itself where there is none."""
    return next((text for pattern, text in _KNOWN if pattern.search(said)), said)
