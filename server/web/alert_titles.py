"""What alerts are called in Chinese: the title and the meaning of each rule, and its icon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from server.store.alert_views import AlertView
from server.web.device_titles import device_title
from server.web.languages import N_


class Rule(NamedTuple):
    """An alert rule for people: its title, and why it fires."""

    title: str
    meaning: str


_OTHER_ALARM = N_("其他设备报警")
RULES: Mapping[str, Rule] = {
    "door_forced": Rule(
        N_("门被强行打开"),
        N_("门打开了，但没有刷卡、按钮或远程开门。可能有人撬门，也可能是门磁松动。请到现场看门和门磁。"),
    ),
    "door_held_open": Rule(N_("门长时间未关"), N_("门打开后超过设定时间没有关上。请确认是否有人顶住门，并把门关好。")),
    "access_denied": Rule(
        N_("无效凭证刷卡"), N_("有人用没有权限的卡、密码或二维码开门，门没有开。一次多半是误刷；短时间多次请留意。")
    ),
    "credential_revoked": Rule(
        N_("已注销凭证刷卡"),
        N_("有人用已注销、挂失或用过的卡或码开门，门没有开。持卡人可能不是本人，请看附近画面，必要时收回卡片。"),
    ),
    "anti_passback": Rule(
        N_("反潜回"), N_("同一张卡没有先出就再次进入，门没有开。卡可能借给了别人，或上次出门没有刷卡。请核对持卡人。")
    ),
    "person_at_night": Rule(
        N_("夜间有人进入"), N_("在夜间时段，摄像机在限制区域里看到了人。请先看图片，再决定是否到场。")
    ),
    "vehicle_tailgating": Rule(N_("跟车"), N_("一辆车紧跟前车通过道闸，没有单独抬杆。请核对车牌和收费。")),
    "crowd": Rule(N_("人员聚集"), N_("摄像机看到很多人聚在一起。请先看图片，再决定是否到场了解情况。")),
    "vehicle_in_fire_lane": Rule(
        N_("占用消防通道"), N_("有车停在消防通道或禁停区。请联系车主立即挪车；联系不上时按规定处置。")
    ),
    "ebike_in_elevator": Rule(
        N_("电动车进电梯"), N_("电梯里看到了电动自行车。请马上劝阻，不要让电池进楼充电。婴儿车和轮椅不在此列。")
    ),
    "flying_wire": Rule(N_("飞线充电"), N_("有人从楼上拉线给电动车充电，容易起火。请到场切断并劝阻，引导到充电棚。")),
    "conservation_gap": Rule(
        N_("记录对不上"),
        N_(
            "某一天网关记下的记录和中心收到的记录对不上，有记录丢失或来历不明。请打开网关页的“记录对账”，"
            "看是哪一天、哪个数据流、差多少条，并通知维护人员。"
        ),
    ),
    "alarm_care_check": Rule(
        N_("该上门看看了"),
        N_(
            "有一户约定了关怀：约定的时间里家里没有开门的动静。网格员或社区在“关怀”里看是哪一户，"
            "打电话或上门，把结果写在那里；这里不写姓名和门牌。"
        ),
    ),
    "device_offline": Rule(N_("设备离线"), N_("设备自己或网关报告设备已断开。断开期间这里看不到它的事件。")),
    "alarm_fire": Rule(N_("火警"), N_("消防设备报告火警。请立即到场确认，拨打 119，并通知楼内居民。")),
    "alarm_smoke": Rule(N_("烟雾"), N_("烟感探测到烟雾。请立即到场确认是否起火。")),
    "alarm_gas": Rule(N_("燃气泄漏"), N_("燃气探测器报警。不要开关电器，请立即到场，开窗并关阀。")),
    "alarm_sos": Rule(N_("求助"), N_("有人按下了求助按钮。请立即到场，并先打电话确认。")),
    "alarm_duress": Rule(N_("胁迫"), N_("有人用胁迫方式开门。不要单独到场，请先报警 110。")),
    "alarm_door_lock_out": Rule(
        N_("多次输错"),
        N_("有人在门口多次输错密码或出示无效的码，读卡器已暂停受理密码和二维码。请看附近画面。"),
    ),
    "alarm_lock_down": Rule(N_("紧急封锁"), N_("门已紧急封锁，只有指定的人能进出。查明原因后请解除封锁。")),
    "alarm_power_failure": Rule(N_("设备断电"), N_("设备报告外部供电中断，电池用完后会停止工作。请检查供电。")),
    "alarm_charger_overheat": Rule(N_("充电桩过热"), N_("充电桩报告温度过高。请立即到场，先断电，注意起火危险。")),
    "alarm_charger_fault": Rule(N_("充电桩故障"), N_("充电桩报告故障，可能已停止充电。请通知维护人员。")),
    "alarm_water_leak": Rule(N_("漏水"), N_("水浸探测器碰到了水。请关闭附近阀门，查找漏点。")),
    "alarm_tamper": Rule(N_("防拆"), N_("设备外壳被打开或被移动。请到现场检查设备。")),
    "alarm_intrusion": Rule(N_("入侵报警"), N_("门禁或报警主机报告有人强行或翻越进入。请先看图片，再带同伴到场。")),
    "alarm_theft": Rule(N_("盗窃报警"), N_("设备报告有盗窃或撬动。请先看图片，再带同伴到场。")),
    "alarm_vibration": Rule(N_("震动"), N_("设备感到强烈震动。可能有人敲打或撞击，请到现场查看。")),
    "alarm_tailgating": Rule(N_("尾随"), N_("有人或车紧跟在别人后面通过，没有单独刷卡或抬杆。请看图片核对。")),
    "alarm_battery_low": Rule(N_("电池电量低"), N_("设备电池快用完。请在一周内更换，否则设备会停止工作。")),
    "alarm_device_fault": Rule(N_("设备故障"), N_("设备报告自身故障。请到现场检查，必要时更换。")),
    "alarm_video_loss": Rule(N_("画面丢失"), N_("摄像机没有画面信号。请检查供电和线路。")),
    "alarm_image_fault": Rule(N_("画面异常"), N_("摄像机画面过暗、过亮或模糊，可能被遮挡。请查看画面，清洁镜头。")),
    "alarm_fire_system_fault": Rule(
        N_("消防系统故障"), N_("消防主机报告自身故障。故障期间可能报不出火警，请联系维保单位。")
    ),
    "alarm_clock_skew": Rule(
        N_("网关时钟不准"),
        N_("网关时钟与中心相差超过 1 分钟，时间可能不准。请检查网关的网络对时（NTP）和主板电池，并核对中心的时间。"),
    ),
    "alarm_barrier_not_opened": Rule(
        N_("道闸没有抬起"), N_("网关已下令抬杆，但没有看到栏杆动作，车可能堵在道口。请到道口查看栏杆、地感和控制器。")
    ),
    "alarm_barrier_held_open": Rule(
        N_("道闸长时间未落"), N_("栏杆抬起后超过设定时间没有落下，车辆可能不收费就通过。请到道口查看。")
    ),
    "alarm_barrier_struck": Rule(
        N_("道闸被撞"), N_("栏杆被撞或被强行抬起。请到道口查看有无人受伤，拍照，核对经过的车牌。")
    ),
    "alarm_gateway_silent": Rule(
        N_("网关没有动静"), N_("网关较长时间没有和中心联系，这段时间看不到这个小区的事件。请检查网关的供电和网络。")
    ),
    "alarm_wrong_way": Rule(N_("车道逆行"), N_("有车从相反方向驶入车道，道闸没有抬起。请看图片，必要时到场疏导。")),
    "alarm_plate_black_listed": Rule(
        N_("黑名单车辆"), N_("黑名单上的车牌出现在道口，道闸没有抬起。请到道口说明情况。")
    ),
    "alarm_other": Rule(N_("设备报警"), N_("设备报告了一个报警。具体内容见这里的事实。")),
    "alarm_unknown": Rule(N_("设备报警"), N_("设备报告了一个报警。具体内容见这里的事实。")),
}
DEFAULT_RULE_MEANING = N_("设备报告了一个报警，这里还没有它的说明。具体内容见这里的事实。")

_ICONS: Mapping[str, str] = {
    "door_forced": "door",
    "door_held_open": "door",
    "access_denied": "card",
    "person_at_night": "person",
    "vehicle_tailgating": "car",
    "alarm_barrier_not_opened": "car",
    "alarm_barrier_held_open": "car",
    "alarm_wrong_way": "car",
    "alarm_barrier_struck": "car",
    "vehicle_in_fire_lane": "car",
    "credential_revoked": "card",
    "anti_passback": "card",
    "crowd": "person",
    "ebike_in_elevator": "fire",
    "flying_wire": "fire",
    "alarm_plate_black_listed": "car",
    "alarm_sos": "safety",
    "alarm_tailgating": "person",
    "alarm_duress": "safety",
    "alarm_water_leak": "water",
}
_CATEGORY_ICONS: Mapping[str, str] = {
    "fire": "fire",
    "device": "device",
    "security": "security",
    "safety": "safety",
    "care": "person",
}


def alert_icon(rule: str, category: str) -> str:
    """The icon of templates/icons.html that stands for an alert: of its rule, else of its category."""
    return _ICONS.get(rule) or _CATEGORY_ICONS.get(category, "alert")


def alarm_word(name: str | None) -> str:
    """The Chinese for what a device calls its alarm: the title of the rule that it fires."""
    return next((rule_title(rule) for rule in (f"alarm_{name}", name or "") if rule in RULES), name or "—")


def rule_title(name: str) -> str:
    """In Chinese; of a device's own word for its alarm what it is, of a complex's own rule the name that it gave."""
    if name in RULES:
        return RULES[name].title
    return _OTHER_ALARM if name.startswith("alarm_") else name


def rule_meaning(name: str) -> str:
    return RULES[name].meaning if name in RULES else DEFAULT_RULE_MEANING


def alert_where(view: AlertView, translate: Callable[[str], str]) -> str:
    """Where it is, in the words of who goes there: the place, else the device by its name and which of its points."""
    if view.place:
        return view.place
    return " · ".join(part for part in (device_title(view.device, view.device_name, translate), view.point) if part)


# Other offices that items made of an alert go to as sheets: by their names in the addresses.
RECEIVER_TITLES: tuple[tuple[str, str], ...] = (("12345", N_("12345 热线工单表")), ("grid", N_("综治网格事项表")))
