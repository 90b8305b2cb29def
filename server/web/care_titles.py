"""The words of care in Chinese: how a household stands, and what came of a visit."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

CARE_WORDS: Mapping[str, Mapping[str, str]] = {
    "care": {
        "fine": N_("有动静"),
        "due": N_("该上门看看了"),
        "unknown": N_("不知道"),
        "off": N_("家里关掉了"),
        "over": N_("已结束"),
    },
    "visit": {
        "well": N_("人好着"),
        "helped": N_("需要帮忙，已帮"),
        "away": N_("出门在外"),
        "hospital": N_("已送医"),
        "nobody": N_("没见到人，另想办法"),
        "other": N_("其他"),
    },
}
