"""The words of the product in Chinese, by the names that tables and events use; a name without words shows itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from server.web.languages import N_


class Rule(NamedTuple):
    """An alert rule for people: its title, and why it fires."""

    title: str
    meaning: str


RULES: Mapping[str, Rule] = {
    "door_forced": Rule(
        N_("门被强行打开"),
        N_("门打开了，但没有刷卡、按钮或远程开门。可能有人撬门，也可能是门磁松动。请到现场看门和门磁。"),
    ),
    "door_held_open": Rule(N_("门长时间未关"), N_("门打开后超过设定时间没有关上。请确认是否有人顶住门，并把门关好。")),
    "access_denied": Rule(
        N_("无效凭证刷卡"), N_("有人用没有权限的卡、密码或二维码开门，门没有开。一次多半是误刷；短时间多次请留意。")
    ),
    "person_at_night": Rule(
        N_("夜间有人进入"), N_("在夜间时段，摄像机在限制区域里看到了人。请先看图片，再决定是否到场。")
    ),
    "vehicle_tailgating": Rule(N_("跟车"), N_("一辆车紧跟前车通过道闸，没有单独抬杆。请核对车牌和收费。")),
    "conservation_gap": Rule(
        N_("记录对不上"),
        N_(
            "某一天网关记下的记录和中心收到的记录对不上，有记录丢失或来历不明。请打开网关页的“记录对账”，"
            "看是哪一天、哪个数据流、差多少条，并通知维护人员。"
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
    "alarm_wrong_way": Rule(N_("车道逆行"), N_("有车从相反方向驶入车道，道闸没有抬起。请看图片，必要时到场疏导。")),
    "alarm_plate_watched": Rule(N_("布控车牌"), N_("布控名单上的车牌出现在道口。请按布控目的处置，不要惊动司机。")),
    "alarm_plate_black_listed": Rule(
        N_("黑名单车辆"), N_("黑名单上的车牌出现在道口，道闸没有抬起。请到道口说明情况。")
    ),
    "alarm_other": Rule(N_("设备报警"), N_("设备报告了一个报警。具体内容见这里的事实。")),
    "alarm_unknown": Rule(N_("设备报警"), N_("设备报告了一个报警。具体内容见这里的事实。")),
}
DEFAULT_RULE_MEANING = N_("设备报告了一个报警，这里还没有它的说明。具体内容见这里的事实。")

_WORDS: Mapping[str, Mapping[str, str]] = {
    "severity": {"critical": N_("紧急"), "high": N_("重要"), "medium": N_("一般"), "low": N_("提示")},
    "status": {
        "open": N_("待接手"),
        "acknowledged": N_("处理中"),
        "closed": N_("已结束"),
        "false": N_("误报"),
    },
    "action": {"acknowledge": N_("接手"), "undo": N_("撤销接手"), "close": N_("结束"), "false": N_("标为误报")},
    "category": {"security": N_("治安"), "fire": N_("消防"), "safety": N_("安全"), "device": N_("设备")},
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
    "area": {"district": N_("区县"), "street": N_("街道"), "community": N_("社区")},
    "management": {
        "professional": N_("专业物业"),
        "self_run": N_("居民自管"),
        "entrusted": N_("委托代管"),
    },
    "rank": {"3": N_("失联"), "2": N_("有问题"), "1": N_("要留意"), "0": N_("正常")},
    "rollout": {
        "running": N_("进行中"),
        "stopped": N_("已停下"),
        "done": N_("已完成"),
        "aborted": N_("已放弃"),
        "back": N_("已撤回"),
    },
    "rollout_target": {
        "put": N_("已下发"),
        "away": N_("网关不在线"),
        "failed": N_("失败"),
        "back": N_("已撤回"),
        "kept": N_("保持这一版"),
    },
    "rollout_act": {"stop": N_("停下"), "resume": N_("继续"), "abort": N_("放弃"), "back": N_("撤回到下发以前")},
    "rollout_step": {
        "made": N_("开始下发"),
        "stage": N_("进入下一步"),
        "stopped": N_("停下了"),
        "resumed": N_("继续"),
        "aborted": N_("放弃了"),
        "back": N_("撤回了"),
        "done": N_("完成"),
    },
    "past": {"lag": N_("未到的事件"), "disk": N_("磁盘空余"), "clock": N_("时钟偏差"), "events": N_("记下的事件")},
    "fleet_sort": {
        "worst": N_("最需要处理"),
        "lag": N_("积压最多"),
        "seen": N_("最久没有联系"),
        "version": N_("版本最旧"),
        "disk": N_("磁盘最满"),
        "clock": N_("时钟最偏"),
        "noise": N_("最吵"),
        "devices": N_("断开设备最多"),
        "name": N_("小区名称"),
    },
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
        "dog": N_("狗"),
        "vehicle_tailgating": N_("跟车"),
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
    "stay": {
        "inside": N_("在场"),
        "exited": N_("已离场"),
        "lost_exit": N_("缺出场记录"),
        "no_entry": N_("缺入场记录"),
    },
    "anomaly": {
        "no_entry": N_("没有入场记录"),
        "duplicate_entry": N_("在场时又一次入场"),
        "direction_unknown": N_("有一次识别不知方向"),
        "color_differs": N_("前后车牌颜色不同"),
        "suspect_fake": N_("疑似假牌"),
        "replayed": N_("记录是事后补传的"),
        "time_unsure": N_("时间来自未校准的时钟"),
    },
    "plate_color": {
        "blue": N_("蓝牌"),
        "yellow": N_("黄牌"),
        "white": N_("白牌"),
        "black": N_("黑牌"),
        "green": N_("绿牌"),
        "yellow_green": N_("黄绿牌"),
        "unknown": N_("颜色不明"),
    },
    "plate_status": {
        "no_plate": N_("无牌车"),
        "unreadable": N_("看不清"),
        "encrypted": N_("车牌已加密"),
        "suspect_fake": N_("疑似假牌"),
        "read": N_("已识别"),
    },
    "direction": {"in": N_("入"), "out": N_("出"), "unknown": N_("方向不明")},
    "car_class": {
        "small": N_("小型车"),
        "large": N_("大型车"),
        "nev": N_("新能源小型车"),
        "nev_large": N_("新能源大型车"),
    },
    "charge_reason": {
        "priced": N_("已定价"),
        "corrected": N_("已更正"),
        "voided": N_("已作废"),
        "unpriced": N_("未定价"),
    },
    "stream": {"urgent": N_("紧急事件"), "money": N_("收费事件"), "routine": N_("日常事件")},
    "verdict": {"balanced": N_("一致"), "open": N_("未齐"), "broken": N_("对不上")},
    "untaken": {
        "repeats": N_("重复"),
        "unchanged": N_("状态未变"),
        "flood": N_("超过限速"),
        "undecodable": N_("看不懂"),
        "unknown_device": N_("未登记的设备"),
        "driver_failed": N_("驱动出错"),
        "too_large": N_("过大"),
    },
    "broker": {"connected": N_("已连接"), "away": N_("断开")},
    "desired": {
        "devices": N_("设备清单"),
        "credentials": N_("门禁卡"),
        "doors": N_("门的规则"),
        "passes": N_("通行车牌"),
        "tariffs": N_("收费规则"),
        "watch_lists": N_("布控名单"),
        "policy": N_("策略"),
        "erasures": N_("删除名单"),
        "release": N_("网关程序版本"),
        "lanes": N_("车道"),
        "plate_lists": N_("车牌名单"),
    },
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
    },
    "credential": {"card": N_("门禁卡"), "pin": N_("门禁密码"), "qr": N_("访客码"), "token": N_("手机凭证")},
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
    "subject": {"plate": N_("车牌"), "card": N_("卡号"), "person": N_("姓名")},
    "erasure": {
        "begun": N_("正在删除"),
        "done": N_("已删除并核实"),
        "held": N_("有记录依法保留"),
        "incomplete": N_("没有删净，请再做一次"),
    },
    "order": {"door.open": N_("开门"), "barrier.open": N_("开闸"), "barrier.close": N_("落闸")},
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
    "audit": {
        "login.opened": N_("登录"),
        "login.failed": N_("登录失败"),
        "login.refused": N_("登录被拒"),
        "login.ended": N_("退出登录"),
        "account.made": N_("新建账号"),
        "account.invited": N_("发出邀请"),
        "account.changed": N_("修改账号权限"),
        "account.disabled": N_("停用账号"),
        "account.enabled": N_("恢复账号"),
        "account.unlocked": N_("解除锁定"),
        "invitation.used": N_("接受邀请"),
        "password.changed": N_("修改密码"),
        "session.revoked": N_("结束登录"),
        "second_factor.begun": N_("开始设置动态口令"),
        "second_factor.set": N_("设置动态口令"),
        "second_factor.passed": N_("动态口令通过"),
        "second_factor.failed": N_("动态口令错误"),
        "second_factor.reset": N_("重置动态口令"),
        "place.changed": N_("修改地点"),
        "place.uploaded": N_("上传地点表格"),
        "place.imported": N_("导入地点"),
        "alert.seen": N_("查看报警"),
        "alert.acknowledge": N_("接手报警"),
        "alert.undo": N_("撤销接手"),
        "alert.close": N_("结束报警"),
        "alert.false": N_("标为误报"),
        "plate.shown": N_("查看完整车牌"),
        "subject.shown": N_("查看完整对象"),
        "refusal.shown": N_("查看被拒绝的字节"),
        "stay.seen": N_("查看停车记录"),
        "refusal.seen": N_("查看被拒绝的数据"),
        "statement.seen": N_("查看记录对账"),
        "statement.asked": N_("要求重新对账"),
        "enrol_code.issued": N_("发放登记码"),
        "gateway.enrolled": N_("网关登记"),
        "gateway.replaced": N_("网关停用"),
        "desired.put": N_("下发配置"),
        "desired.seen": N_("查看配置"),
        "order.placed": N_("下达指令"),
        "household.added": N_("新增住户"),
        "household.changed": N_("修改住户"),
        "household.shown": N_("查看住户完整信息"),
        "resident.added": N_("新增住户成员"),
        "resident.changed": N_("修改住户成员"),
        "card.added": N_("发放门禁凭证"),
        "card.revoked": N_("停用门禁凭证"),
        "card.restored": N_("恢复门禁凭证"),
        "card.extended": N_("延长门禁凭证"),
        "pass.added": N_("新增通行车牌"),
        "pass.ended": N_("停用通行车牌"),
        "pass.restored": N_("恢复通行车牌"),
        "pass.extended": N_("延长通行车牌"),
        "visitor_link.made": N_("生成访客链接"),
        "visitor_link.ended": N_("停用访客链接"),
        "visitor.made": N_("住户生成访客码"),
        "visitor.ended": N_("住户停用访客码"),
        "access.changed": N_("修改权限组或时段"),
        "residents.uploaded": N_("上传住户表格"),
        "residents.imported": N_("导入住户"),
        "rollout.made": N_("开始批量下发"),
        "rollout.stopped": N_("停下批量下发"),
        "rollout.resumed": N_("继续批量下发"),
        "rollout.aborted": N_("放弃批量下发"),
        "rollout.back": N_("撤回批量下发"),
        "gateway.tagged": N_("修改网关标签"),
        "projection.rebuilt": N_("重建视图"),
        "centre.backed_up": N_("备份中心"),
        "centre.restored": N_("恢复中心"),
        "record.set_aside": N_("搁置记录"),
        "bills.kept": N_("保存对账结果"),
        "bills.resolved": N_("了结未平款项"),
        "bills.signed": N_("签认当日对账"),
        "retention.hold_placed": N_("开始依法保留"),
        "retention.hold_lifted": N_("解除依法保留"),
        "retention.subject_looked_up": N_("查找一人或一车的记录"),
        "retention.subject_exported": N_("导出一人或一车的记录"),
        "retention.corrected": N_("更正记录"),
        "retention.erasure_begun": N_("开始按申请删除"),
        "retention.erasure_ended": N_("按申请删除结束"),
        "log.verified": N_("核对日志"),
        "complex.moved": N_("小区迁出"),
        "complex.move_taken_back": N_("撤回迁移"),
        "complex.let_go": N_("清除已迁出小区的数据"),
        "complex.arrived": N_("小区迁入"),
        "audit.seen": N_("查看审计"),
        "audit.exported": N_("导出审计"),
        "audit.blanked": N_("清除过期审计内容"),
    },
    "reader": {
        "alerts": N_("报警"),
        "doors": N_("门"),
        "parking": N_("停车"),
        "conservation": N_("对账计数"),
        "orders": N_("指令结果"),
        "charges": N_("收费账"),
    },
    "refusal": {
        "checksum": N_("校验和不符"),
        "version": N_("版本不识"),
        "header": N_("批头有误"),
        "body": N_("内容无法解开"),
        "events": N_("事件格式有误"),
        "count": N_("事件数不符"),
        "gap": N_("序号不连续"),
        "too_large": N_("过大"),
        "wrong_hash": N_("图片与名称不符"),
    },
}
VOCABULARIES = tuple(_WORDS)


def word(vocabulary: str, name: str | None) -> str:
    """The Chinese for a name of a vocabulary; the name itself where there are no words for it, "—" for none."""
    return "—" if name is None or name == "" else _WORDS[vocabulary].get(name, name)


_ICONS: Mapping[str, str] = {
    "door_forced": "door",
    "door_held_open": "door",
    "access_denied": "card",
    "person_at_night": "person",
    "vehicle_tailgating": "car",
    "alarm_barrier_not_opened": "car",
    "alarm_barrier_held_open": "car",
    "alarm_wrong_way": "car",
    "alarm_plate_watched": "car",
    "alarm_plate_black_listed": "car",
    "alarm_sos": "safety",
    "alarm_tailgating": "person",
    "alarm_duress": "safety",
    "alarm_water_leak": "water",
}
_CATEGORY_ICONS: Mapping[str, str] = {"fire": "fire", "device": "device", "security": "security", "safety": "safety"}


def alert_icon(rule: str, category: str) -> str:
    """The icon of templates/icons.html that stands for an alert: of its rule, else of its category."""
    return _ICONS.get(rule) or _CATEGORY_ICONS.get(category, "alert")


def state_word(name: str | None) -> str:
    """The Chinese for a state, of a door or of anything else."""
    return word("door", name) if name in _WORDS["door"] else word("state", name)


def alarm_word(name: str | None) -> str:
    """The Chinese for what a device calls its alarm: the title of the rule that it fires."""
    return next((rule_title(rule) for rule in (f"alarm_{name}", name or "") if rule in RULES), name or "—")


def rule_title(name: str) -> str:
    return RULES[name].title if name in RULES else name


def rule_meaning(name: str) -> str:
    return RULES[name].meaning if name in RULES else DEFAULT_RULE_MEANING
