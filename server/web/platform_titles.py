"""Words of upper platforms in Chinese: classes of data, how a session stands, what became of a record."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

PLATFORM_WORDS: Mapping[str, Mapping[str, str]] = {
    "data_class": {
        "total": N_("合计"),
        "alarm": N_("报警"),
        "behaviour": N_("行为侦测（入侵、徘徊等）"),
        "vehicle": N_("机动车"),
        "nonmotor": N_("非机动车"),
        "person": N_("人员"),
        "face": N_("人脸"),
        "door": N_("门禁"),
        "device": N_("设备状态"),
        "disposition": N_("可下达布控"),
    },
    "platform_kind": {
        "gat1400": "GA/T 1400",
        "cascade": N_("GA/T 1400 级联"),
        "gb28181": "GB/T 28181",
        "mqtt": "MQTT (ONVIF JSON)",
        "webhook": "CloudEvents",
    },
    "platform_session": {
        "off": N_("已关闭"),
        "silent": N_("没有有效依据，不发送"),
        "opening": N_("正在连接"),
        "open": N_("正常"),
        "ill": N_("对方没有正常应答"),
    },
    "platform_trial": {
        "checked": N_("没有发现错误；还没有保存。"),
        "codes_checked": N_("没有发现错误；还没有保存。设备数："),
        "reachable": N_("连得上：那个地址有人应答。"),
        "unreachable": N_("连不上："),
        "no_trial": N_("SIP 没有可试的连接：打开平台后看会话状态。"),
    },
    "handover_state": {
        "offered": N_("应报送"),
        "accepted": N_("已接收"),
        "refused": N_("被拒绝"),
        "withheld": N_("未发送（无依据等）"),
        "sent": N_("已发未答"),
        "waiting": N_("等待发送"),
    },
    "filing_use": {"vehicle": N_("车辆识别"), "video_index": N_("视频监控"), "door": N_("门禁及其他")},
    "retrieval_state": {"asked": N_("等待批准"), "approved": N_("已批准"), "refused": N_("已驳回")},
    "retrieval_decision": {"approved": N_("批准"), "refused": N_("驳回")},
    "handover_reason": {
        "no_basis": N_("没有有效依据"),
        "class_off": N_("类别已关闭"),
        "out_of_area": N_("不在平台的范围内"),
        "erased": N_("已按申请删除"),
        "expired": N_("超过保存期限"),
        "cancelled": N_("订阅已取消"),
        "over": N_("订阅已到期"),
    },
}
