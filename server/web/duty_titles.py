"""The words of the duty ladder in Chinese: levels, why somebody is told, days of a rota, why an alert did not ring."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

DUTY_WORDS: Mapping[str, Mapping[str, str]] = {
    "action": {
        "acknowledge": N_("接手"),
        "undo": N_("撤销接手"),
        "close": N_("结束"),
        "false": N_("标为误报"),
        "hand_over": N_("转交"),
        "clear": N_("恢复，自动结束"),
        "retire": N_("网关已更换或停用，自动结束"),
    },
    "quiet": {
        "late": N_("来得太晚，进复核，不通知人"),
        "inhibited": N_("由另一件事引起，不单独通知"),
        "silenced": N_("已静音，只列出"),
        "unsure": N_("还要再看到一次才通知"),
        "cooldown": N_("同一处刚通知过"),
        "mild": N_("级别低，只列出，不通知人"),
        "handled": N_("通知之前已经结束"),
    },
    "level": {"complex": N_("小区"), "community": N_("社区"), "street": N_("街道"), "department": N_("部门")},
    "desk": {
        "complex": N_("小区值班"),
        "community": N_("社区值班"),
        "street": N_("街道值班"),
        "department": N_("部门值班"),
    },
    "duty": {
        "opened": N_("开始通知"),
        "next_person": N_("没人应答，通知下一位"),
        "climbed": N_("没人接手，上升一级"),
        "acknowledged": N_("接手"),
        "undone": N_("撤销接手，重新通知"),
        "handed_over": N_("转交"),
        "shift_change": N_("换班，由下一班接着"),
        "worse": N_("情况加重，重新通知"),
        "unanswered": N_("最上一级没人接手"),
        "called": N_("呼叫单位"),
        "not_reported": N_("单位没有按时报到"),
        "reported_in": N_("已报到"),
        "ended": N_("没人接手而结束"),
        "ended_closed": N_("结束"),
        "ended_false": N_("标为误报"),
        "ended_unanswered": N_("一直没人接手，自动结束"),
        "ended_inhibited": N_("由另一件事引起，不单独处理"),
        "ended_joined": N_("并入同一件事"),
        "ended_cleared": N_("报警都已结束"),
        "ended_retention": N_("记录到期删除"),
    },
    "day": {
        "mon": N_("周一"),
        "tue": N_("周二"),
        "wed": N_("周三"),
        "thu": N_("周四"),
        "fri": N_("周五"),
        "sat": N_("周六"),
        "sun": N_("周日"),
        "workday": N_("工作日"),
        "restday": N_("休息日"),
    },
}
