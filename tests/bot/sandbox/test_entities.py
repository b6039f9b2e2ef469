import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.detection import detect
from bot.sandbox.entities import Entity, Formatted, parse_html, to_html
from bot.sandbox.markup_html import BROKEN_UNICODE
from bot.sandbox.refusals import Refusal
from bot.sandbox.tidying import tidy
from bot.sandbox.utf16 import length_units, slice_units

# The refusals and the readings of TDLib's own test of parse_html.
PREFIX = "🏟 🏟&lt;"
REFUSED = [
    ("&#57311;", BROKEN_UNICODE),
    ("&#xDFDF", BROKEN_UNICODE),
    (PREFIX + "<abacaba", "Unclosed start tag at byte offset 13"),
    (PREFIX + "<abac aba>", 'Unsupported start tag "abac" at byte offset 13'),
    (PREFIX + "<abac>", 'Unsupported start tag "abac" at byte offset 13'),
    (PREFIX + "<i   =aba>", 'Empty attribute name in the tag "i" at byte offset 13'),
    (PREFIX + "<i    aba>", 'Can\'t find end tag corresponding to start tag "i"'),
    (PREFIX + "<i    aba  =  ", 'Unclosed start tag "i" at byte offset 13'),
    (PREFIX + "<i    aba  =  190azAz-.,", "Unexpected end of name token at byte offset 27"),
    (PREFIX + '<i    aba  =  "&lt;&gt;&quot;>', "Unclosed start tag at byte offset 13"),
    (PREFIX + "<i    aba  =  '&lt;&gt;&quot;>", "Unclosed start tag at byte offset 13"),
    (PREFIX + "</", "Unexpected end tag at byte offset 13"),
    (PREFIX + "<b></b></", "Unexpected end tag at byte offset 20"),
    (PREFIX + "<i>a</i   ", "Unclosed end tag at byte offset 17"),
    (PREFIX + "<i>a</em   >",
     'Unmatched end tag at byte offset 17, expected "</i>", found "</em>"'),
    ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ("<<", "Unclosed start tag at byte offset 0"),
    ("<br/>", 'Unsupported start tag "br/" at byte offset 0'),
    ("<script>alert(1)</script>", 'Unsupported start tag "script" at byte offset 0'),
    ("<a href", 'Unclosed start tag "a" at byte offset 0'),
    ('<a href="x"', "Unclosed start tag at byte offset 0"),
    ("<a href=x/>y</a>", "Unexpected end of name token at byte offset 8"),
    ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("x</b>", "Unexpected end tag at byte offset 1"),
    ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
    ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
    ('<tg-emoji emoji-id="x">y</tg-emoji>', "Invalid custom emoji identifier specified"),
    ('<tg-time unix="12345" format="rt">x</tg-time>', "Invalid date format used"),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "reason"), REFUSED)
def test_broken_markup_is_refused_in_the_words_of_telegram(markup: str, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_html(markup)
    assert refused.value.description == f"Bad Request: can't parse entities: {reason}"
    assert refused.value.code == 400


READ = [
    ("", "", []),
    ("&ge;&lt;&gt;&amp;&quot;&laquo;&#12345678;", '&ge;<>&"&laquo;&#12345678;', []),
    ("a > b & c", "a > b & c", []),
    ("&#9888;&#x26d4;", "⚠⛔", []),
    ("➡️ ➡️<i>➡️ ➡️</i><b>➡️ ➡️</b>", "➡️ ➡️➡️ ➡️➡️ ➡️", [("italic", 5, 5), ("bold", 10, 5)]),
    ("<em>a</em><strong>b</strong><ins>c</ins><strike>d</strike><del>e</del>", "abcde",
     [("italic", 0, 1), ("bold", 1, 1), ("underline", 2, 1), ("strikethrough", 3, 1),
      ("strikethrough", 4, 1)]),
    ("🏟 🏟<i>🏟 &lt🏟</i>", "🏟 🏟🏟 <🏟", [("italic", 5, 6)]),
    ("🏟<i>🏟 &gt;<b aba   =   caba>&lt🏟</b></i>", "🏟🏟 ><🏟", [("italic", 2, 7), ("bold", 6, 3)]),
    (PREFIX + "<i    aba  =  '&lt;&gt;&quot;'>a</>", "🏟 🏟<a", [("italic", 6, 1)]),
    (PREFIX + "<i>a</    >", "🏟 🏟<a", [("italic", 6, 1)]),
    (PREFIX + "<b></b>", "🏟 🏟<", []),
    ('<span class = "tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>', "ab",
     [("spoiler", 0, 1), ("spoiler", 1, 1)]),
    ("<a>telegram.org </a>", "telegram.org ", []),
    ("<a href='javascript:alert(1)'>x</a>", "x", []),
    ("<blockquote   expandable   asd>a&lt;</>", "a<", [("expandable_blockquote", 0, 2)]),
    ("<B>x</b>", "x", [("bold", 0, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "text", "entities"), READ)
def test_markup_is_read_as_telegram_reads_it(
    markup: str, text: str, entities: list[tuple[str, int, int]]
) -> None:
    read = parse_html(markup)
    assert read.text == text
    assert [(e.type, e.offset, e.length) for e in read.entities] == entities


def test_extras_of_links_emoji_code_and_dates_are_kept() -> None:
    read = tidy(
        parse_html(
            '<a href="telegram.org">a</a><a href="https://x.y/?a=1&amp;b=2">b</a>'
            '<tg-emoji emoji-id="12345">👍</tg-emoji>'
            '<tg-time unix="1647531900" format="wDT">now</tg-time>'
            '<pre><code class="language-py">x</code></pre>'
        )
    )
    assert [dict(e.extra) for e in read.entities] == [
        {"url": "http://telegram.org/"},
        {"url": "https://x.y/?a=1&b=2"},
        {"custom_emoji_id": "12345"},
        {"unix_time": 1647531900, "date_time_format": "wDT"},
        {"language": "py"},
    ]
    assert [e.type for e in read.entities][-1] == "pre"


def test_a_stored_text_is_trimmed_and_its_entities_with_it() -> None:
    read = tidy(parse_html("\n  hello <b>you \r\n</b> \n <i> </i>\n"))
    assert read.text == "hello you"
    assert [(e.type, e.offset, e.length) for e in read.entities] == [("bold", 6, 3)]


def test_code_holds_no_other_entity_and_splits_what_reaches_around_it() -> None:
    read = tidy(parse_html("<b>see <code>x</code> now</b>"))
    assert [(e.type, slice_units(read.text, e.offset, e.length)) for e in read.entities] == [
        ("bold", "see "),
        ("code", "x"),
        ("bold", " now"),
    ]


def test_commands_mentions_and_links_are_found_but_not_in_code() -> None:
    read = detect(
        tidy(parse_html("/buy btc, ask @owner_olivia, https://x.y/z. <code>/stop</code>"))
    )
    found = [(e.type, slice_units(read.text, e.offset, e.length)) for e in read.entities]
    assert found == [
        ("bot_command", "/buy"),
        ("mention", "@owner_olivia"),
        ("url", "https://x.y/z"),
        ("code", "/stop"),
    ]


@pytest.mark.parametrize("text", ["BTC/USDT", "1/2", "a//b", "/", "//x", "/a/b"])
def test_a_slash_inside_words_is_no_command(text: str) -> None:
    assert detect(Formatted(text=text)).entities == ()


PLAIN = st.text(
    st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("<>&\"'🏟−▓\n"), max_size=12
)
NESTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")


def _nested(inner: st.SearchStrategy[Formatted]) -> st.SearchStrategy[Formatted]:
    return st.tuples(st.sampled_from(NESTABLE), st.lists(inner, min_size=1, max_size=3)).map(_wrap)


def _wrap(drawn: tuple[str, list[Formatted]]) -> Formatted:
    kind, parts = drawn
    joined = _join(parts)
    # One kind inside itself would be read back merged, and an empty entity not at all.
    if not joined.text or any(e.type == kind for e in joined.entities):
        return joined
    whole = Entity(type=kind, offset=0, length=length_units(joined.text))
    return Formatted(text=joined.text, entities=(whole, *joined.entities))


def _join(parts: list[Formatted]) -> Formatted:
    text, entities = "", []
    for part in parts:
        at = length_units(text)
        entities += [
            Entity(type=e.type, offset=e.offset + at, length=e.length) for e in part.entities
        ]
        text += part.text
    return Formatted(text=text, entities=tuple(entities))


FORMATTED = st.recursive(PLAIN.map(lambda text: Formatted(text=text)), _nested, max_leaves=8)


@given(FORMATTED)
def test_what_is_written_as_html_is_read_back_the_same(formatted: Formatted) -> None:
    read = parse_html(to_html(formatted))
    assert read.text == formatted.text
    assert sorted((e.type, e.offset, e.length) for e in read.entities) == sorted(
        (e.type, e.offset, e.length) for e in formatted.entities
    )


@given(st.text(st.sampled_from("<>/&;#ab=\"' 🏟"), max_size=30))
def test_no_text_whatever_makes_the_parser_fail_otherwise_than_by_refusing(markup: str) -> None:
    try:
        read = tidy(parse_html(markup))
    except Refusal:
        return
    assert all(0 <= e.offset < e.end <= length_units(read.text) for e in read.entities)
