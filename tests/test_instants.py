"""Instants in words and in the form for machines; the words of deliveries are in tests/report/test_deliveries.py."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler import instants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05T09:00:00Z", None),
        ("2026-01-05T09:00:00+00:00", None),
        ("2026-01-05T09:00:00-00:00", None),
        ("2026-01-05", None),
        ("2026-01-05T09:00:00.123456+05:45", "+05:45"),
        ("2026-01-05T09:00-03:30", "-03:30"),
        ("2026-01-05T09:00:00+01:00:30", "+01:00:30"),
    ],
)
def test_the_offset_is_the_one_that_is_written(text: str, expected: str | None) -> None:
    """None for UTC, however it is written; and every offset is one that can be shown again."""
    assert expected == instants.offset(text)
    if expected is not None:
        assert datetime.fromisoformat(text).utcoffset() == instants.zone(expected).utcoffset(None)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "less than 1 min"), (59, "less than 1 min"), (60, "1 min"), (3599, "59 min")]
)
def test_a_wait_is_told_in_minutes(seconds: int, expected: str) -> None:
    """Whole ones: nobody is early."""
    assert expected == instants.wait_in_words(timedelta(seconds=seconds))


def test_an_instant_is_spelled_as_the_server_spells_it() -> None:
    """UTC, whole seconds (contract §3.2)."""
    assert "2026-01-05T09:00:00Z" == instants.spelled(datetime(2026, 1, 5, 9, 0, 0, 999, tzinfo=UTC))
