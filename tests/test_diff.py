"""What differs between a row as it should be and as it is."""

from reconciler.diff import changed, changes
from reconciler.kinds.recipients import EMAIL, target


def test_equal_fields_are_no_change() -> None:
    """Nothing is named where everything agrees."""
    assert () == changed({"a": 1, "b": None}, {"a": 1, "b": None})


def test_fields_that_differ_are_named_in_the_order_wanted() -> None:
    """The order is the wanted side's, not the alphabet's."""
    assert ("b", "a") == changed({"a": 1, "b": 2}, {"b": 3, "a": 4})


def test_a_field_that_is_left_out_is_not_ours() -> None:
    """Only fields that are wanted are compared."""
    assert () == changed({"a": 1, "enabled": False}, {"a": 1})


def test_a_field_that_the_row_lacks_differs_from_a_value_only() -> None:
    """An older server's row has no such field, which means the same as null."""
    assert ("a",) == changed({}, {"a": 1, "b": None})


def test_a_text_that_looks_like_a_set_is_none() -> None:
    """Whoever writes a row cannot hide a change of its target."""
    assert ("a",) == changed({"a": target(None, "['ana@example.com']")}, {"a": target(EMAIL, "ana@example.com")})


def test_clearing_a_field_is_a_change() -> None:
    """From a value to null, and back."""
    assert ("a", "b") == changed({"a": 1, "b": None}, {"a": None, "b": 1})


def test_a_kinds_own_values_are_compared_by_what_they_mean() -> None:
    """Two spellings of one set of recipients are equal; another set is not."""
    row = {"to": target(EMAIL, "ana@x.example, bo@x.example")}

    assert () == changed(row, {"to": target(EMAIL, "bo@X.example,ana@x.example")})
    assert ("to",) == changed(row, {"to": target(EMAIL, "bo@x.example")})


def test_a_list_in_another_order_is_a_change() -> None:
    """What is a set is made one by its kind, which knows it (design §5); here a list is a list."""
    assert ("tiles",) == changed({"tiles": [3, 1, 2]}, {"tiles": [1, 2, 3]})


def test_many_pairs_are_compared_as_each_by_itself() -> None:
    """However many of them differ, and in whatever."""
    pairs = [({"a": number, "b": [1]}, {"b": [number % 3], "a": number - number % 2}) for number in range(3_000)]

    assert [changed(before, after) for before, after in pairs] == changes(pairs)
    assert [("b",), ("a",)] == changes(pairs)[:2]
    assert [] == changes([])
