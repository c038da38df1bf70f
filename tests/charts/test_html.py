"""What is not markup is escaped."""

from __future__ import annotations

from loadgen.charts import Markup, el


def test_an_element_escapes_what_is_not_markup() -> None:
    assert el("p", "<b>", Markup("<i></i>"), title='"&', hidden=True, id=None) == (
        '<p title="&quot;&amp;" hidden>&lt;b&gt;<i></i></p>'
    )
