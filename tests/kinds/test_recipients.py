"""Whom a `target_value` means, and how a row's own text is edited towards the people that are wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds import recipients
from reconciler.kinds.recipients import EMAIL, SLACK, TEAMS, WEBHOOK

ADDRESSES = ("ana@example.com", "ana@Example.COM", "Ana@example.com", "bo@x.example", "cy@x.example", "dee@y.example")
# What a row may hold after people, unsubscribes and other tools had their way with it.
rows = st.lists(
    st.tuples(st.sampled_from(["", " ", "  ", "\t"]), st.sampled_from([*ADDRESSES, ""]), st.sampled_from(["", " "])),
    max_size=5,
).map(lambda parts: ",".join("".join(part) for part in parts))
people = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("target_type", "one", "other"),
    [
        (EMAIL, "a@x.org,b@x.org", "b@x.org, a@x.org"),
        (EMAIL, "a@x.org,b@x.org", " a@x.org ,,b@x.org,"),
        (EMAIL, "a@x.org,a@x.org", "a@x.org"),
        (EMAIL, "a@X.Org", "a@x.org"),
        (SLACK, "C1|#growth", "C1|#growth-renamed"),
        (SLACK, "C1|#growth", "C1"),
        (SLACK, " C1 |#growth", "C1"),
        (TEAMS, "https://one.webhook.office.com/secret", "one.webhook.office.com"),
        (TEAMS, "https://One.webhook.office.com:443/secret", "one.webhook.office.com"),
        (TEAMS, "https://one.webhook.office.com/a", "https://one.webhook.office.com/b"),
        (WEBHOOK, "https://example.com/a ", "https://example.com/a"),
        ("carrier-pigeon", "grey one ", "grey one"),
    ],
)
def test_two_spellings_of_one_target_are_equal(target_type: str, one: str, other: str) -> None:
    """Recipients are a set, a Slack channel is its id, a Teams URL is the host that is shown (traps T-5 to T-8)."""
    left, right = recipients.target(target_type, one), recipients.target(target_type, other)

    assert left == right
    assert hash(left) == hash(right)


@pytest.mark.parametrize(
    ("target_type", "one", "other"),
    [
        (EMAIL, "a@x.org,b@x.org", "a@x.org"),
        (EMAIL, "A@x.org", "a@x.org"),
        (SLACK, "C1|#growth", "C2|#growth"),
        (TEAMS, "https://one.webhook.office.com/a", "https://two.webhook.office.com/a"),
        (WEBHOOK, "https://example.com/a", "https://example.com/b"),
        ("carrier-pigeon", "grey one", "white one"),
    ],
)
def test_what_reaches_others_is_another_target(target_type: str, one: str, other: str) -> None:
    """The local part of an address is the mail server's to judge, so its case counts."""
    assert recipients.target(target_type, one) != recipients.target(target_type, other)


def test_a_target_is_not_its_text() -> None:
    """A Target equals Targets only."""
    assert recipients.target(SLACK, "C1") != "C1"


@pytest.mark.parametrize(
    ("target_type", "text", "secret"),
    [
        (EMAIL, "ana@example.com", "ana"),
        (WEBHOOK, "https://example.com/hook-4711", "4711"),
        (TEAMS, "https://one.webhook.office.com/hook-4711", "4711"),
        ("carrier-pigeon", "https://example.com/hook-4711", "4711"),
    ],
)
def test_a_target_does_not_tell_its_secret(target_type: str, text: str, secret: str) -> None:
    """Addresses and URLs stay out of str, repr and f-strings, also where they are compared."""
    target = recipients.target(target_type, text)

    assert secret not in f"{target} {target!r} {target!s} {(target,)}"


@pytest.mark.parametrize(
    ("row", "wanted", "expected"),
    [
        ("a@x.org,b@x.org", ["a@x.org", "b@x.org"], "a@x.org,b@x.org"),
        ("b@x.org, a@x.org", ["a@x.org", "b@x.org"], "b@x.org, a@x.org"),
        ("a@x.org,,b@x.org", ["a@x.org", "b@x.org"], "a@x.org,,b@x.org"),
        ("a@x.org, b@x.org", ["a@x.org"], "a@x.org"),
        ("a@x.org, b@x.org", ["b@x.org"], "b@x.org"),
        ("a@x.org, b@x.org", ["a@x.org", "b@x.org", "c@x.org"], "a@x.org, b@x.org,c@x.org"),
        ("a@x.org, b@x.org", ["c@x.org", "b@x.org"], "b@x.org,c@x.org"),
        ("a@X.ORG, a@x.org", ["a@x.org", "c@x.org"], "a@X.ORG, a@x.org,c@x.org"),
        ("a@X.ORG", ["a@x.org"], "a@X.ORG"),
        ("", ["a@x.org", "b@x.org"], "a@x.org,b@x.org"),
        ("a@x.org", ["b@x.org", "c@x.org"], "b@x.org,c@x.org"),
        (" a@x.org", ["a@x.org", " b@x.org"], "a@x.org,b@x.org"),
    ],
)
def test_an_edit_keeps_the_spelling_of_the_row(row: str, wanted: list[str], expected: str) -> None:
    """What goes is cut out, what comes is appended with a comma, and what stays is spelled as it was (design §5)."""
    assert expected == recipients.edited(row, wanted)


@given(rows, people)
def test_an_edited_row_means_exactly_what_is_wanted(row: str, wanted: list[str]) -> None:
    """However a row is spelled, its edit reaches the people who are wanted and nobody else."""
    assert recipients.people(",".join(wanted)) == recipients.people(recipients.edited(row, wanted))


@given(rows)
def test_editing_a_row_to_what_it_means_changes_nothing(row: str) -> None:
    """A difference of spelling alone is never written, because old servers mail people for it (trap T-6)."""
    assert row == recipients.edited(row, recipients.addresses_in(row))


@given(rows, people)
def test_an_edit_is_edited_once(row: str, wanted: list[str]) -> None:
    """The edited text, trimmed as the server trims it, needs no second edit."""
    once = recipients.edited(row, wanted)

    assert once.strip() == recipients.edited(once.strip(), wanted)


@given(rows, people)
def test_whoever_joins_is_new_to_every_server(row: str, wanted: list[str]) -> None:
    """An address that the row did not mean is seen as new by old and by later servers alike."""
    after = recipients.edited(row, wanted)
    joined = recipients.people(after) - recipients.people(row)

    for seen in (recipients.new_by_text(row, after), recipients.new_by_meaning(row, after)):
        assert joined <= set(map(recipients.normal, seen))


@pytest.mark.parametrize(
    ("before", "after", "by_text", "by_meaning"),
    [
        ("a@x,b@x", "a@x,b@x", (), ()),
        ("a@x, b@x", "a@x,b@x", ("b@x",), ()),
        ("a@x,b@x", "a@x, b@x", ("b@x",), ()),
        (" b@x", "b@x", ("b@x",), ()),
        ("a@x", "a@x,c@x,c@x", ("c@x",), ("c@x",)),
        ("a@x", "a@X", ("a@X",), ("a@X",)),
        ("", "a@x", ("a@x",), ("a@x",)),
        ("a@x,", "a@x,,", (), ()),
    ],
)
def test_servers_compare_recipients_as_text(
    before: str, after: str, by_text: tuple[str, ...], by_meaning: tuple[str, ...]
) -> None:
    """Old servers compare what stands between commas, later ones trim it first; neither knows that a@X is a@x (§7)."""
    assert (by_text, by_meaning) == (recipients.new_by_text(before, after), recipients.new_by_meaning(before, after))


@pytest.mark.parametrize(
    "text",
    ["a@x.org", "ana.maria+news@mail.example.com", "o'neil@example.co.uk", "a@1.2", "x" * 64 + "@example.com"],
)
def test_what_a_mail_form_accepts_is_an_address(text: str) -> None:
    """The HTML standard's rule, with a dot in the domain."""
    assert recipients.is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@x.org", "a@", "a@x", "a b@x.org", "a@x.org b", "a@x.org\n", "a,b@x.org", "a@-x.org", "a@x-.org",
        "a@x..org", "a@.org", "Ana <a@x.org>", "ä@x.org", "a@x_y.org", "a@b@x.org", "x" * 65 + "@example.com",
        "a@" + "x" * 64 + ".org", "a@" + "x." * 126 + "org",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    """The server accepts all of these, and would send company data to wherever they lead (trap T-29)."""
    assert not recipients.is_address(text)


def test_a_domain_is_what_follows_the_last_at() -> None:
    """In lower case, as policies are written."""
    assert "example.com" == recipients.domain_of("Ana@Example.Com ")
