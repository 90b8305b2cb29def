"""The words of devices: what they say, what they are told, how they are, in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from server.web.languages import N_

# What the centre itself tells of stands in no list; the word is before the colon.
_OF_THE_CENTRE: Mapping[str, str] = {"gateway": N_("网关"), "report": N_("居民反映"), "care": N_("关怀")}

DEVICE_WORDS: Mapping[str, Mapping[str, str]] = {
    "door": {
        "open": N_("开着"),
        "closed": N_("关着"),
        "forced_open": N_("被强行打开"),
        "held_open": N_("长时间未关"),
        "locked": N_("已锁"),
        "unlocked": N_("未锁"),
        "held_free": N_("常开放行"),
        "locked_down": N_("紧急封锁"),
        "normal": N_("正常"),
    },
    "state": {
        "active": N_("正在报警"),
        "cleared": N_("已解除"),
        "test": N_("测试"),
        "online": N_("在线"),
        "offline": N_("离线"),
    },
    "metric": {
        "battery_pct": N_("电量（%）"),
        "voltage_mv": N_("电压（毫伏）"),
        "power_w": N_("功率（瓦）"),
        "energy_wh": N_("电量（瓦时）"),
        "clock_offset_ms": N_("时钟偏差（毫秒）"),
        "missing_at_gateway": N_("网关上缺少（条）"),
        "more_at_gateway": N_("网关上多出（条）"),
        "missing_at_centre": N_("中心缺少（条）"),
        "more_at_centre": N_("中心多出（条）"),
        "unexplained_gap": N_("没有原因的缺口（条）"),
        "lost_with_store": N_("随网关存储损坏丢失（条）"),
    },
    "label": {
        "person": N_("人"),
        "car": N_("汽车"),
        "truck": N_("货车"),
        "bicycle": N_("自行车"),
        "motorcycle": N_("摩托车"),
        "non_motor_vehicle": N_("非机动车"),
        "parked": N_("违规停车"),
        "loitering": N_("人员徘徊"),
        "line_crossed": N_("越线"),
        "dog": N_("狗"),
        "vehicle_tailgating": N_("跟车"),
        "crowd": N_("人员聚集"),
        "ebike_in_elevator": N_("电动车进电梯"),
        "flying_wire": N_("飞线充电"),
        "vehicle": N_("车辆"),
        "line_crossing": N_("越线"),
        "intrusion": N_("进入区域"),
        "person_stay": N_("人员停留"),
    },
    "result": {"granted": N_("放行"), "denied": N_("拒绝"), "pending": N_("等待"), "unknown": N_("不明")},
    "method": {
        "card": N_("刷卡"),
        "face": N_("人脸"),
        "fingerprint": N_("指纹"),
        "pin": N_("密码"),
        "qr": N_("二维码"),
        "remote": N_("远程"),
        "button": N_("按钮"),
    },
    "thing": {"door": N_("门"), "lane": N_("车道"), "device": N_("设备"), "gone": N_("设备")},
    "device_state": {
        "online": N_("在线"),
        "offline": N_("离线"),
        "silent": N_("没有动静"),
        "never": N_("从未有消息"),
        "away": N_("网关失联"),
        "fault": N_("有问题"),
    },
    "device_fault": {"clock": N_("设备时钟不对"), "zone": N_("设备时区不对")},
    "device_zone": {"public": N_("公共"), "private": N_("私人"), "restricted": N_("限入")},
    "device_decides": {"device": N_("设备决定"), "gateway": N_("网关决定")},
    "device_action": {"add": N_("新增"), "change": N_("修改"), "remove": N_("移除")},
    "credential": {"card": N_("门禁卡"), "pin": N_("门禁密码"), "qr": N_("访客码"), "token": N_("手机凭证")},
    "order": {
        "door.open": N_("开门"),
        "barrier.open": N_("开闸"),
        "barrier.close": N_("落闸"),
        "devices.discover": N_("查找设备"),
    },
    "found_by": {
        "onvif": N_("局域网 ONVIF"),
        "uhppote": N_("局域网 UHPPOTE"),
        "mqtt": N_("消息服务器"),
        "heard": N_("来过消息"),
        "called": N_("来连接过"),
    },
    "order_state": {
        "waiting": N_("等网关来取"),
        "handed": N_("已交给网关"),
        "unheard": N_("没有回音"),
        "accepted": N_("已发给设备"),
        "confirmed": N_("已执行"),
        "refused": N_("被拒绝"),
        "timeout": N_("设备没有回应"),
        "expired": N_("已过期，没有执行"),
    },
    "kind": {
        "access": N_("出入"),
        "door": N_("门状态"),
        "plate": N_("车牌"),
        "barrier": N_("道闸"),
        "detection": N_("识别"),
        "alarm": N_("设备报警"),
        "input": N_("输入"),
        "measurement": N_("测量"),
        "charging": N_("充电"),
        "availability": N_("在线状态"),
        "command_result": N_("指令结果"),
        "passthrough": N_("透传"),
        "unknown": N_("未知"),
    },
    "time_quality": {
        "ok": N_("可信"),
        "assumed_zone": N_("时区为推定"),
        "gateway": N_("用网关时间"),
        "replay": N_("设备补传"),
        "device_clock_bad": N_("设备时钟不准"),
        "unsynced": N_("网关时钟未校准"),
    },
}


def centre_word(device: str) -> str | None:
    """What is no device of any list, but a thing that the centre tells of: a gateway, a report, a household."""
    kind, colon, _ = device.partition(":")
    return _OF_THE_CENTRE.get(kind) if colon else None


def device_title(device: str, name: str | None, translate: Callable[[str], str]) -> str:
    """For people: what it is, else the name that the list gives it, else what it calls itself."""
    word = centre_word(device)
    return translate(word) if word else name or device
