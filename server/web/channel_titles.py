"""The words of channels in Chinese: kinds of them, how a delivery stands, and why something was not sent."""

from __future__ import annotations

from collections.abc import Mapping

from server.channels.registry import Channels
from server.web.languages import N_

CHANNEL_WORDS: Mapping[str, Mapping[str, str]] = {
    "means": {
        "screen": N_("打开着的报警页面"),
        "robot": N_("群机器人"),
        "web_push": N_("浏览器推送"),
        "phone": N_("短信或电话"),
        "email": N_("邮件"),
    },
    "delivery": {
        "asked": N_("正在通知"),
        "sent": N_("已通知"),
        "failed": N_("通知失败"),
        "seen": N_("已通知，已打开查看"),
        "held": N_("暂不提醒，等待汇总"),
        "summed": N_("已在汇总里通知"),
        "void": N_("不用再通知"),
    },
    "not_sent": {
        "rate_limited": N_("对方限制了次数"),
        "ill": N_("对方出错或连不上"),
        "timeout": N_("对方没有及时回应"),
        "blocked": N_("被对方的安全设置拦下"),
        "bad_key": N_("密钥或签名不对"),
        "bad_address": N_("号码或地址不对"),
        "gone": N_("浏览器的订阅已失效"),
        "too_long": N_("内容过长"),
        "refused": N_("对方拒绝"),
        "no_channel": N_("没有可用的渠道"),
        "quiet": N_("免打扰时段"),
        "cap": N_("这一小时已到上限"),
    },
}


def channel_title(channels: Channels, name: str) -> str:
    """As people see a channel: by the settings, else by its kind; one that is no longer set up by its name."""
    one = channels.named.get(name)
    means = channels.means(name)
    return (one.title if one else "") or CHANNEL_WORDS["means"].get(means or name, name)
