"""Every text that people see has its English: none missing, none left over, none that lost a blank to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from server.api import alerts
from server.web import languages
from server.web.languages import catalogue_path, translate
from server.web.render import TEMPLATES

WEB, API = TEMPLATES.parent, Path(alerts.__file__).parent
BLANK = re.compile(r"%\(\w+\)s")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
_TEMPLATE_OPTIONS = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}


@cache
def in_template(content: bytes) -> set[str]:
    found: Iterator[Any] = babel_extract(BytesIO(content), ["_", "gettext"], [], _TEMPLATE_OPTIONS)
    # With blanks to fill in, what was found is the text and a None for each.
    return {text if isinstance(text, str) else text[0] for _, _, text, _ in found}


def in_source(content: bytes) -> set[str]:
    found: Iterator[Any] = iter(extract("python", BytesIO(content), keywords={"N_": None}))
    return {text for _, text, _, _ in found if isinstance(text, str)}


@cache
def all_texts() -> frozenset[str]:
    texts: set[str] = set()
    for path in TEMPLATES.glob("*.html"):
        texts |= in_template(path.read_bytes())
    for path in [*WEB.glob("*.py"), *API.glob("*.py")]:
        texts |= in_source(path.read_bytes())
    return frozenset(texts)


def catalogue() -> dict[str, str]:
    with catalogue_path("en").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file, locale="en") if entry.id}


def test_texts_are_found_in_templates_and_sources() -> None:
    assert in_template('<p>{{ _("你好 %(n)s", n=1) }}</p>'.encode()) == {"你好 %(n)s"}
    assert in_source('X = N_("甲" "乙")\ny = other("丙")\n'.encode()) == {"甲乙"}
    assert {"接手", "门被强行打开", "%(n)s 分钟前", "%(actor)s 已接手", "网关"} <= all_texts()


def test_every_text_has_english() -> None:
    known = catalogue()
    missing = sorted(text for text in all_texts() if not known.get(text))
    assert not missing, f"add to {catalogue_path('en').name}: {missing}"


def test_nothing_is_translated_that_is_not_there() -> None:
    assert sorted(set(catalogue()) - all_texts()) == []


def test_translations_keep_their_blanks_and_are_english() -> None:
    for text, english in catalogue().items():
        assert sorted(BLANK.findall(text)) == sorted(BLANK.findall(english)), text
        assert not CHINESE.search(english), english


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_text_of_a_template_holds_no_bare_percent(language: str) -> None:
    """There what is between two blanks is filled in after a percent sign: another one is an error of the page."""
    known = catalogue() if language == "en" else {}
    texts = {text for path in TEMPLATES.glob("*.html") for text in in_template(path.read_bytes())}
    assert [text for text in texts if "%" in BLANK.sub("", known.get(text, text)).replace("%%", "")] == []


def test_templates_hold_no_chinese_outside_of_translated_texts() -> None:
    """What stands bare in a template would stay Chinese in English; only the language's own name may."""
    for path in TEMPLATES.glob("*.html"):
        bare = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.S).replace(">中文<", "")
        assert CHINESE.findall(bare) == [], path.name


def test_a_language_we_do_not_have_is_chinese() -> None:
    assert languages.language_of({"lang": "fr"}) == "zh"
    assert languages.language_of({}) == "zh"
    assert translate("zh", "接手") == "接手"


@pytest.mark.parametrize("text", ["接手", "门被强行打开", "夜间有人进入"])
def test_english_is_a_switch(text: str) -> None:
    assert CHINESE.search(text)
    assert not CHINESE.search(translate("en", text))
