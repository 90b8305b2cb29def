"""Chinese text in bytes that do not say how they are written: GB 18030 by the documents, UTF-8 from some rebrands."""

from __future__ import annotations

import re

_HANZI = re.compile("[\u4e00-\u9fff]")


def chinese(raw: bytes) -> str:
    """The text. Raises UnicodeDecodeError where it is neither.

    Told apart by what comes out: bytes that are UTF-8 with Chinese characters in it are hardly ever GB 18030, while
    some of GB 18030 (鲁) is UTF-8 without any.
    """
    try:
        if raw.isascii() or _HANZI.search(raw.decode()):
            return raw.decode()
    except UnicodeDecodeError:
        pass  # then it is GB 18030, or nothing
    return raw.decode("gb18030")
