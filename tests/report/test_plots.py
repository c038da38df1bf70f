"""The plots' axis of quantiles."""

from __future__ import annotations

import pytest

from loadgen.report.plots import format_quantile


@pytest.mark.parametrize(("share", "text"), [(0.5, "50%"), (0.99, "99%"), (0.9999, "99.99%")])
def test_a_quantile_has_as_many_digits_as_tell_it_from_all(share: float, text: str) -> None:
    assert format_quantile(share) == text
