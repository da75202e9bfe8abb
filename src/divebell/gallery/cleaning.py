"""HTML of strangers, reduced to what only says something: no scripts, styles, forms or frames."""

from __future__ import annotations

import nh3

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del"),
    *("details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span"),
    *(
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ),
}
_NOT_TEXT = {"script", "style", "template", "title", "noscript", "iframe", "object", "svg", "math", "head"}
"""Elements that go with all that is in them."""
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir", "style"},
    "a": {"href", "id"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "details": {"open"},
    "ol": {"start"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_STYLES = {
    *("background-color", "color", "font-family", "font-size", "font-style", "font-weight", "text-align"),
    *(
        "text-decoration",
        "vertical-align",
        "white-space",
        "width",
        "height",
        "max-width",
        "margin",
        "padding",
    ),
    *("border", "border-left", "border-right", "border-top", "border-bottom", "border-color"),
}


def clean(html: object) -> str:
    """Give HTML that runs nothing and loads nothing."""
    return nh3.clean(
        html.decode() if isinstance(html, bytes) else str(html),
        tags=TAGS,
        clean_content_tags=_NOT_TEXT,
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=_STYLES,
    )


def _allowed(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if tag == "img" and value.startswith("data:image/") else None
    if name == "href":
        return value if value.startswith(("https://", "http://", "mailto:", "#")) else None
    return value
