"""The words of rounds in Chinese: how a round stands, and what a phone is told of an act that was not taken."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

PATROL_WORDS: Mapping[str, Mapping[str, str]] = {
    "round": {
        "planned": N_("还没到时间"),
        "waiting": N_("等人开始"),
        "overdue": N_("已晚，还没开始"),
        "under_way": N_("正在巡逻"),
        "done": N_("按时完成"),
        "late": N_("完成，开始得晚"),
        "short": N_("提前结束"),
        "missed": N_("漏巡"),
        "extra": N_("计划外"),
    },
}
