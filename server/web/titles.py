"""The words of the product in Chinese, by the names that tables and events use; a name without words shows itself."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.audit_titles import AUDIT_WORDS
from server.web.bill_titles import BILL_WORDS
from server.web.camera_titles import CAMERA_WORDS
from server.web.care_titles import CARE_WORDS
from server.web.channel_titles import CHANNEL_WORDS
from server.web.device_titles import DEVICE_WORDS
from server.web.duty_titles import DUTY_WORDS
from server.web.gateway_titles import GATEWAY_WORDS
from server.web.item_titles import ITEM_WORDS
from server.web.languages import N_
from server.web.money_titles import MONEY_WORDS
from server.web.parking_titles import PARKING_WORDS
from server.web.patrol_titles import PATROL_WORDS
from server.web.platform_titles import PLATFORM_WORDS
from server.web.retention_titles import RETENTION_WORDS
from server.web.rule_words import RULE_WORDS

_WORDS: Mapping[str, Mapping[str, str]] = {
    **AUDIT_WORDS,
    **BILL_WORDS,
    **CAMERA_WORDS,
    **CARE_WORDS,
    **CHANNEL_WORDS,
    **DEVICE_WORDS,
    **DUTY_WORDS,
    **GATEWAY_WORDS,
    **ITEM_WORDS,
    **MONEY_WORDS,
    **PARKING_WORDS,
    **PATROL_WORDS,
    **PLATFORM_WORDS,
    **RETENTION_WORDS,
    **RULE_WORDS,
    "severity": {"critical": N_("紧急"), "high": N_("重要"), "medium": N_("一般"), "low": N_("提示")},
    "status": {
        "open": N_("待接手"),
        "acknowledged": N_("处理中"),
        "closed": N_("已结束"),
        "false": N_("误报"),
    },
    "category": {
        "security": N_("治安"),
        "fire": N_("消防"),
        "safety": N_("安全"),
        "device": N_("设备"),
        "care": N_("关怀"),
    },
    "role": {
        "operator": N_("管理员"),
        "patrol": N_("巡逻员"),
        "grid_worker": N_("网格员"),
        "committee": N_("自管委"),
        "clerk": N_("收费员"),
        "auditor": N_("审计员"),
        "community": N_("社区"),
        "street": N_("街道"),
        "district": N_("区县"),
        "security_officer": N_("安保主管"),
        "command line": N_("服务器命令行"),
        "gateway": N_("网关"),
        "nobody": N_("未登录"),
    },
    "watch": {
        "waiting": N_("未开始"),
        "active": N_("在控"),
        "over": N_("已到期"),
        "withdrawn": N_("已撤销"),
    },
    "watch_how": {"exact": N_("车牌一致"), "doubtful": N_("存疑")},
    "area": {"district": N_("区县"), "street": N_("街道"), "community": N_("社区")},
    "overview_kind": {
        "whole": N_("合计"),
        "district": N_("区县"),
        "street": N_("街道"),
        "community": N_("社区"),
        "none": N_("还没有归到社区"),
        "complex": N_("小区"),
    },
    "management": {
        "professional": N_("专业物业"),
        "self_run": N_("居民自管"),
        "entrusted": N_("委托代管"),
    },
    "rank": {"3": N_("失联"), "2": N_("有问题"), "1": N_("要留意"), "0": N_("正常")},
    "resident_part": {
        "household": N_("户"),
        "person": N_("人"),
        "card": N_("门禁卡"),
        "plate": N_("车牌"),
    },
    "weekday": {
        "mon": N_("周一"),
        "tue": N_("周二"),
        "wed": N_("周三"),
        "thu": N_("周四"),
        "fri": N_("周五"),
        "sat": N_("周六"),
        "sun": N_("周日"),
        "holiday": N_("节假日"),
    },
    "channel": {
        "cash": N_("现金"),
        "wechat": N_("微信支付"),
        "alipay": N_("支付宝"),
        "unionpay": N_("云闪付"),
        "etc": N_("ETC"),
    },
}
VOCABULARIES = tuple(_WORDS)


def word(vocabulary: str, name: str | None) -> str:
    """The Chinese for a name of a vocabulary; the name itself where there are no words for it, "—" for none."""
    return "—" if name is None or name == "" else _WORDS[vocabulary].get(name, name)


def state_word(name: str | None) -> str:
    """The Chinese for a state, of a door or of anything else."""
    return word("door", name) if name in _WORDS["door"] else word("state", name)


def names(vocabulary: str) -> tuple[str, ...]:
    """The names of a vocabulary, in their order."""
    return tuple(_WORDS[vocabulary])
