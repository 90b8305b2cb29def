"""The words of the page of alert rules: what a field wants, what a preview found, and why nothing was published."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

RULE_WORDS: Mapping[str, Mapping[str, str]] = {
    "rule_days": {"any": N_("每天"), "workday": N_("工作日"), "restday": N_("休息日和节假日")},
    "preview": {"new": N_("新报警"), "gone": N_("不再报警"), "changed": N_("级别变了"), "same": N_("一样")},
    "rule_field": {
        "on": N_("开关"),
        "severity": N_("级别"),
        "quiet": N_("安静时段"),
        "days": N_("哪些天"),
        "hours": N_("时间段"),
        "reach": N_("算同一件事（分钟）"),
        "cooldown": N_("通知后安静（分钟）"),
        "looks": N_("看到几次才通知"),
        "sure": N_("有把握时一次就通知（%）"),
        "confidence": N_("最低把握（%）"),
        "calendar": N_("节假日"),
    },
}
# What a field wants, by its name.
WANTS: Mapping[str, str] = {
    "on": N_("请选开或关。"),
    "severity": N_("请从列表里选一个级别。"),
    "quiet": N_("请选是或否。"),
    "days": N_("请从列表里选哪些天。"),
    "hours": N_("写成 22:00-05:00，可以过夜；几段之间用空格隔开，最多 64 段。"),
    "reach": N_("写 0 到 1440 的整数；0 是按类别的默认。"),
    "cooldown": N_("写 0 到 240 的整数。"),
    "looks": N_("写 1 到 10 的整数。"),
    "sure": N_("写 0 到 100 的整数，或者空着。"),
    "confidence": N_("写 0 到 100 的整数，或者空着。"),
    "calendar": N_("每行写成 2026-10-01 休、2026-10-10 班，或 2026-10-01..2026-10-07 休；最多 1000 天。"),
}
REFUSED: Mapping[str, str] = {
    "field": N_("没有做：有一处没写对。"),
    "document": N_("没有做：规则文件里有一处没写对。"),
    "overtaken": N_("没有发布：别人刚刚发布了一版。下面还是您写的；请先看那一版，再决定要不要发布。"),
    "too_early": N_("没有发布：这个生效时间以前收到的记录已经判断过了。请选更晚的时间，或者空着。"),
    "bad_since": N_("没有发布：生效时间没写对。"),
    "no_reason": N_("没有发布：请写为什么改，最多 200 个可显示的字符。"),
    "same": N_("没有发布：和现在的最新版一样，没有可发布的。"),
    "no_version": N_("没有做：没有这个版本。"),
    "bad_day": N_("没有试算：请选今天或以前的一天。"),
    "moved": N_("没有复制：预览以后有小区的规则又变了。请看新的预览。"),
    "no_area": N_("没有这个地方，或者不在您的范围里。"),
}
