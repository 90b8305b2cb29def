"""The words of lanes and stays: cars, plates, doubts, corrections, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

PARKING_WORDS: Mapping[str, Mapping[str, str]] = {
    "stay": {
        "inside": N_("在场"),
        "exited": N_("已离场"),
        "lost_exit": N_("缺出场记录"),
        "no_entry": N_("缺入场记录"),
        "voided": N_("误读作废"),
        "merged": N_("已并入另一次停车"),
    },
    "anomaly": {
        "no_entry": N_("没有入场记录"),
        "duplicate_entry": N_("在场时又一次入场"),
        "direction_unknown": N_("有一次识别不知方向"),
        "color_differs": N_("前后车牌颜色不同"),
        "suspect_fake": N_("疑似假牌"),
        "clock_step": N_("时钟跳变，先后颠倒"),
        "entry_by_hand": N_("入场时间由人补录"),
        "replayed": N_("记录是事后补传的"),
        "time_unsure": N_("时间来自未校准的时钟"),
    },
    "doubt": {
        "no_entry": N_("没有入场记录"),
        "unread": N_("没有读出车牌"),
        "duplicate_entry": N_("在场时又一次入场"),
        "direction_unknown": N_("不知方向"),
        "color_differs": N_("前后车牌颜色不同"),
        "suspect_fake": N_("疑似假牌"),
        "clock_step": N_("时钟跳变，先后颠倒"),
        "tailgate": N_("跟车通过"),
        "opened_by_hand": N_("道闸处手动抬杆"),
    },
    "correction": {
        "plate": N_("更正车牌"),
        "direction": N_("更正方向"),
        "time": N_("更正时间"),
        "void": N_("误读作废"),
        "part": N_("同一次停车"),
        "entry": N_("补录入场时间"),
        "no_entry": N_("没有入场，按设定收费"),
        "seen": N_("看过"),
        "undo": N_("撤销"),
    },
    "correction_refused": {
        "alarm": N_("这不是车辆通行，只能标记为看过。"),
        "plate": N_("这不是一个车牌。"),
        "direction": N_("请说明是入场还是出场。"),
        "time": N_("请填写时间。"),
        "only_exit": N_("只有出场才能这样处理。"),
        "after_exit": N_("入场时间晚于出场时间，没有保存。"),
        "gone": N_("这条记录已经不在了。"),
        "reason": N_("请填写原因。"),
    },
    "piece": {"alike": N_("形近"), "differs": N_("不同"), "same": N_("相同")},
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
        "tailgate": N_("跟车通过"),
        "read": N_("已识别"),
    },
    "direction": {"in": N_("入"), "out": N_("出"), "unknown": N_("方向不明")},
    "car_class": {
        "small": N_("小型车"),
        "large": N_("大型车"),
        "nev": N_("新能源小型车"),
        "nev_large": N_("新能源大型车"),
        "police": N_("警车"),
        "armed_police": N_("武警车"),
        "military": N_("军车"),
        "emergency": N_("应急救援车"),
        "embassy": N_("使馆车"),
        "consulate": N_("领馆车"),
        "trailer": N_("挂车"),
        "coach": N_("教练车"),
    },
}
