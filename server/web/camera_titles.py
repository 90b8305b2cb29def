"""The words of cameras in Chinese: what is drawn, rules of a scene and what they ask, what is seen."""

from __future__ import annotations

from collections.abc import Mapping

from server.web.languages import N_

CAMERA_WORDS: Mapping[str, Mapping[str, str]] = {
    "drawn": {
        "zone": N_("区域"),
        "line": N_("线"),
        "mask": N_("隐私遮挡"),
        "still": N_("不看动静"),
    },
    "drawn_meaning": {
        "zone": N_("规则看这里面。至少三个点。"),
        "line": N_("有人或车越过就算。两个点；从第一个点走向第二个点，右手边是右。"),
        "mask": N_("这里面谁都看不到：不看、不存、不发。有遮挡的摄像机不存录像片段。"),
        "still": N_("这里的动静不看，画面照常：墙外的马路、旗子、画面上的时钟。"),
    },
    "scene_rule": {
        "person_in_zone": N_("有人进入区域"),
        "loitering": N_("有人逗留"),
        "vehicle_standing": N_("车辆停着不走"),
        "line_crossing": N_("越线"),
        "crowd": N_("多人聚集"),
        "ebike_in_lift": N_("电动车进电梯"),
        "motion_line": N_("大的东西越线（只看动静）"),
    },
    "rule_question": {
        "zone": N_("区域"),
        "line": N_("线"),
        "hours": N_("时间段，例如 22:00-05:00"),
        "name": N_("规则的名称"),
        "minutes": N_("停多少分钟"),
        "seconds": N_("持续多少秒"),
        "persons": N_("多少人"),
        "labels": N_("算哪些：person car truck …"),
        "to": N_("越到哪一边才算"),
        "inward": N_("哪一边是小区里"),
        "two_wheels": N_("两轮车也算"),
        "smallest": N_("至少占画面多少"),
        "seen": N_("记成什么"),
    },
    "rule_answer": {"left": N_("左边"), "right": N_("右边")},
    "camera_label": {
        "person": N_("人"),
        "loitering": N_("逗留"),
        "parked": N_("停着的车"),
        "line_crossed": N_("越线"),
        "crowd": N_("多人聚集"),
        "ebike_in_elevator": N_("电梯里的电动车"),
    },
    "camera_metric": {"stayed_s": N_("已停留（秒）"), "persons": N_("人数")},
}
