"""The words of how long what is kept, and what is let go of, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

RETENTION_WORDS: Mapping[str, Mapping[str, str]] = {
    "retention": {
        "video_index": N_("视频识别记录"),
        "vehicle": N_("车辆记录"),
        "door": N_("门禁和设备记录"),
        "alarm": N_("报警"),
        "audit": N_("审计记录"),
        "money": N_("账目"),
        "derived": N_("由记录得出的"),
        "beside": N_("其他"),
    },
    "let_go": {
        "records": N_("记录"),
        "pictures": N_("图片"),
        "alerts": N_("报警"),
        "passages": N_("车辆通行"),
        "orders": N_("命令"),
        "refusals": N_("被拒绝的数据"),
        "wishes": N_("旧的下发内容"),
        "parked_deliveries": N_("被拒收的推送"),
        "book_workings": N_("未收费的停车"),
        "charges": N_("账目"),
        "residents": N_("停用已久的凭证"),
        "site_plans": N_("删除已久的平面图"),
        "item_phones": N_("报事人的电话"),
        "items": N_("事项的文字和照片"),
    },
    "sign": {
        "forced": N_("被强行打开"),
        "held": N_("超时未关"),
        "offline": N_("离线"),
        "open": N_("开着"),
        "closed": N_("关着"),
        "here": N_("在线"),
        "unknown": N_("状态未知"),
        "gone": N_("已不在设备清单里"),
    },
    "subject": {"plate": N_("车牌"), "card": N_("卡号"), "person": N_("姓名")},
    "erasure": {
        "begun": N_("正在删除"),
        "done": N_("已删除并核实"),
        "held": N_("有记录依法保留"),
        "incomplete": N_("没有删净，请再做一次"),
    },
}
