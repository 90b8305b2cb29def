"""The words of the gate's screen: Chinese, and English where the browser asks for it."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, str]

# Reasons are tapped, not typed: the name is kept, the word is shown.
DEBT_REASONS = ("没带钱", "手机没电", "支付失败", "对金额有异议", "拒绝付款")
HAND_REASONS = ("救护车", "消防车", "警车", "抢险车", "入场未识别", "设备故障", "其他")

_NOT_OPENED = "已记账，但道闸没有应答：再点一次同一个按钮会再抬杆，不会再收钱。"
_ENGLISH = {
    "门岗": "Gate",
    "值班员": "Guard",
    "密码": "PIN",
    "登录": "Log in",
    "退出": "Log out",
    "密码不对，或输错太多次。五分钟后可以再试。": "Wrong PIN, or too many tries. Try again in five minutes.",
    "还没有人可以登录：请在中心的“停车 → 门岗”里添加值班员。": "Nobody may log in yet: the centre adds guards.",
    "没有车在等": "No car is waiting",
    "道闸已抬起": "The arm is up",
    "出口": "Exit",
    "入口": "Entrance",
    "入场": "Entered",
    "识别": "Read",
    "费用": "Fee",
    "应收": "Due",
    "没有读到车牌": "No plate was read",
    "收现金": "Cash taken",
    "欠费放行": "Let out with a debt",
    "人工抬杆": "Open by hand",
    "今天": "Today",
    "现金": "Cash",
    "欠费": "Debts",
    "人工": "By hand",
    "收据": "Receipt",
    "打印": "Print with the browser’s print key.",
    "回到车道": "Back to the lanes",
    "实收": "Paid",
    "车牌": "Plate",
    "时间": "Time",
    "原因": "Reason",
    "没带钱": "no money with them",
    "手机没电": "telephone is flat",
    "支付失败": "payment failed",
    "对金额有异议": "disputes the amount",
    "拒绝付款": "refuses to pay",
    "救护车": "ambulance",
    "消防车": "fire engine",
    "警车": "police",
    "抢险车": "repair crew",
    "入场未识别": "entry was not read",
    "设备故障": "device fault",
    "其他": "other",
    "好了，已抬杆。": "Done, the arm was told to open.",
    _NOT_OPENED: "On record, but the barrier cannot be reached: the same button asks it again and takes nothing twice.",
    "没有记下来，也没有抬杆：磁盘写不进去。": "Not recorded and not opened: the disk takes nothing.",
    "这辆车已经不在了。": "That car is no longer here.",
    "这辆车不用交钱。": "Nothing is due of this car.",
    "应收已经变了，请按新的金额收。": "What is due has changed: take the new amount.",
    "请选一个原因。": "Choose a reason.",
    "没有这个车道。": "There is no such lane.",
    "待缴费": "to be paid",
    "没有入场记录": "no entry on record",
    "没有价格": "no price",
    "看不清车牌": "plate not clear",
    "疑似假牌": "plate may be a fake",
    "不在名单": "on no list",
    "黑名单": "black-listed",
    "请人工处理": "a person decides",
}
REFUSED = {
    "gone": "这辆车已经不在了。",
    "nothing_due": "这辆车不用交钱。",
    "changed": "应收已经变了，请按新的金额收。",
    "no_reason": "请选一个原因。",
    "no_lane": "没有这个车道。",
    "not_written": "没有记下来，也没有抬杆：磁盘写不进去。",
    "barrier": _NOT_OPENED,
    "done": "好了，已抬杆。",
}
REASONS = {  # why the lane did not open by itself
    "due": "待缴费",
    "no_entry": "没有入场记录",
    "unpriced": "没有价格",
    "unread": "没有读到车牌",
    "low_confidence": "看不清车牌",
    "suspect_fake": "疑似假牌",
    "unknown_plate": "不在名单",
    "black_list": "黑名单",
}


def spoken(accepted: str) -> tuple[str, Words]:
    """The page's language and its words; one that has no other word says the Chinese one."""
    return ("en", _ENGLISH) if accepted.strip().lower().startswith("en") else ("zh-CN", {})
