"""MANSCDP bodies: what is written is read again by others too, in every encoding; what is no such XML is refused."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.gb28181.encodings import ENCODINGS, Encoding, decoded, writable
from domain.gb28181.xml import MOST_BYTES, BadXml, Element, element, read, written

HOSTILE = "<&>\"' ]]> 门 镕 𠮷 \u20ac 1号楼"
BODY = """<?xml version="1.0" encoding="{declared}"?>
<Query><CmdType>Catalog</CmdType><SN>1</SN><Name>阳光花园东门</Name></Query>"""


@given(text=st.text(), encoding=st.sampled_from(ENCODINGS))
@example("阳光·花园—东门", "GB18030")
@example("阳光・花园―东门", "GB2312")
def test_a_text_comes_back_from_every_encoding(text: str, encoding: Encoding) -> None:
    body = written(element("Notify", element("Name", text), Num=text), encoding)
    assert read(body).word("Name") == writable(text).strip()


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030", "GB2312"])
def test_another_reader_of_xml_reads_the_same(encoding: Encoding) -> None:
    body = written(element("Notify", element("Name", HOSTILE)), encoding)
    if encoding == "UTF-8":
        assert ElementTree.fromstring(body).findtext("Name") == HOSTILE
    text = body.decode("gb18030" if encoding != "UTF-8" else "utf-8").split("?>", 1)[1].strip()
    assert ElementTree.fromstring(text).findtext("Name") == HOSTILE


def test_a_body_declared_as_gb2312_holds_nothing_but_gb2312() -> None:
    body = written(element("Notify", element("Name", HOSTILE)), "GB2312")
    assert "&#38229;" in body.decode("gb2312")  # 镕, which the encoding lacks


@pytest.mark.parametrize("declared", ["GB2312", "gb2312", "GBK", "GB18030", "UTF-8", "utf-8", "klingon", ""])
@pytest.mark.parametrize("real", ["gb2312", "gb18030", "utf-8"])
def test_what_declares_one_encoding_and_is_another_is_read_all_the_same(declared: str, real: str) -> None:
    assert read(BODY.format(declared=declared).encode(real)).word("Name") == "阳光花园东门"


def test_a_mark_before_the_declaration_is_no_part_of_it() -> None:
    assert read(b"\xef\xbb\xbf" + BODY.format(declared="UTF-8").encode()).word("SN") == "1"


@given(st.binary(max_size=400))
def test_no_bytes_are_beyond_decoding(body: bytes) -> None:
    assert isinstance(decoded(body), str)


@given(st.binary(max_size=400))
def test_whatever_comes_is_an_element_or_is_refused_in_words(body: bytes) -> None:
    try:
        assert isinstance(read(body), Element)
    except BadXml as error:
        assert str(error)


BOMBS = {
    "a document type": "<!DOCTYPE a><a><CmdType>x</CmdType></a>",
    "an entity": '<!DOCTYPE a [<!ENTITY e "boom">]><a>&e;</a>',
    "entities in entities": '<!DOCTYPE a [<!ENTITY e "b"><!ENTITY f "&e;&e;&e;">]><a>&f;</a>',
    "a file": '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    "an outer subset": '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>',
    "an entity that nobody declared": "<a>&e;</a>",
    "depth": "<a>" * 13 + "</a>" * 13,
    "breadth": "<a>" + "<b/>" * 5_000 + "</a>",
    "nothing": "",
    "half": "<a><b>",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_what_no_message_needs_is_refused(body: str) -> None:
    with pytest.raises(BadXml):
        read(body.encode())


def test_the_control_reads_entities_where_nobody_refuses_them() -> None:
    """What stands between us and an entity is the refusal: the same parser without it resolves it."""
    assert ElementTree.fromstring(BOMBS["an entity"]).text == "boom"


def test_a_body_is_not_read_beyond_its_bound() -> None:
    with pytest.raises(BadXml, match=str(MOST_BYTES)):
        read(b"<a>" + b" " * MOST_BYTES + b"</a>")


def test_names_are_read_in_either_case() -> None:
    assert read(b"<Notify><info><alarmType>2</alarmType></info></Notify>").word("Info", "AlarmType") == "2"
