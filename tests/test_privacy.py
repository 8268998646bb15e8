"""What a masked value shows to whom, and that nothing that holds one tells more."""

import copy
import dataclasses
import pickle
import time
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Problem, ServerError, UsageError
from reconciler.kinds.effects import Audience
from reconciler.kinds.reading import ManifestFacts
from reconciler.kinds.recipients import target
from reconciler.model import (
    Action,
    Change,
    Config,
    Desired,
    Effect,
    FieldChange,
    Finding,
    Live,
    Manifest,
    Request,
    Severity,
    Source,
)
from reconciler.privacy import Address, Key, Private, Recipients, SecretUrl, guarded, listed, quoted, say, show
from reconciler.resource import Draft, Fault, Wish
from tests.yardstick import seconds

SECRET = "s3cr3t"
SOURCE = Source("a.yaml", 1)
VALUES: list[Private] = [
    Private(SECRET),
    Key(f"phx_{SECRET}"),
    Address(f"{SECRET}@example.com"),
    Address(SECRET),
    Recipients(f"x{SECRET}@example.com, y{SECRET}@example.com"),
    SecretUrl(f"https://example.com/{SECRET}?{SECRET}#{SECRET}"),
    SecretUrl(f"https://{SECRET}:{SECRET}@example.com/"),
    SecretUrl(SECRET),
]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Key("phx_abc"), "***"),
        (Address("ana@example.com"), "a***@example.com"),
        (Address(" ana@example.com "), "a***@example.com"),
        (Address("@example.com"), "***@example.com"),
        (Address("ana"), "***"),
        (Address(""), "***"),
        (Address("ana@example.com bo"), "a***@***"),
        (Address("ana@example.com;bo@example.com"), "a***@example.com"),
        (Recipients("ana@example.com, bo@example.com"), "a***@example.com,b***@example.com"),
        (Recipients(""), ""),
        (SecretUrl("https://hooks.example.com:8443/T0/B0?key=x"), "https://hooks.example.com/***"),
        (SecretUrl("https://ana:pw@Hooks.example.com"), "https://hooks.example.com/***"),
        (SecretUrl("hooks.example.com/T0"), "***"),
        (SecretUrl("https://[::1/x"), "***"),
        (SecretUrl("https://"), "***"),
        (SecretUrl(""), "***"),
    ],
)
def test_a_mask_tells_what_kind_of_thing_it_hides(value: Private, expected: str) -> None:
    """A first letter and a domain, a scheme and a host, or nothing (design §6)."""
    assert expected == value.mask


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_formatting_shows_the_mask(value: Private) -> None:
    """However a value gets into a text by accident."""
    texts = (str(value), repr(value), f"{value}", f"{value!r:>40}", "%s %r" % (value, value), "{:^30}".format(value))  # noqa: UP031, UP032

    assert not [text for text in texts if SECRET in text]


def test_a_mask_can_be_aligned() -> None:
    """A format is the mask's."""
    assert "  ***" == f"{Key('x'):>5}"


def test_addresses_are_shown_to_those_who_may_see_them() -> None:
    """The reviewer and the machine; keys and URLs are shown to nobody (design §6)."""
    shown = [
        value.shown(addresses=True) for value in (Address("a@x.org"), Recipients("a@x.org,b"), Key("k"), SecretUrl("u"))
    ]

    assert ["a@x.org", "a@x.org,b", "***", "***"] == shown
    assert ["a***@x.org", "a***@x.org,***", "***", "***"] == [
        value.shown(addresses=False)
        for value in (Address("a@x.org"), Recipients("a@x.org,b"), Key("k"), SecretUrl("u"))
    ]


def test_values_are_equal_when_they_hold_the_same() -> None:
    """And are of one class: a URL is not an address."""
    assert Address("a@x.org") == Address("a@x.org")
    assert {Address("a@x.org")} == {Address("a@x.org"), Address("a@x.org")}
    assert len({Address("a@x.org"), Recipients("a@x.org"), "a@x.org"}) == 3


def test_a_value_survives_being_copied() -> None:
    """Between threads and processes."""
    address = Address("a@x.org")

    assert (address, address) == (copy.deepcopy(address), pickle.loads(pickle.dumps(address)))  # noqa: S301  # our own


def test_a_value_cannot_be_changed() -> None:
    """Frozen, as everything that flows."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Address("a@x.org").value = "b@x.org"  # type: ignore[misc]


def holders(value: Private) -> list[Any]:
    """One of every sort of thing that may hold *value*."""
    fields = {"target_value": value}
    manifest = Manifest("Subscription", "weekly", SOURCE, {"target_value": value.value})
    finding = Finding("twin", Severity.BLOCK, say("row ", value))
    request = Request("POST", "subscriptions/", fields)
    change = FieldChange("target_value", value, value)
    effect = Effect("mail", (value,), channel=value)
    return [
        manifest,
        Config("growth", (), recipients={"team": (value.value,)}),
        Desired(manifest, fields),
        Live("Subscription", 1, None, False, fields, value),
        request,
        change,
        effect,
        finding,
        Change(
            Action.CREATE, "Subscription", "weekly", None, SOURCE, (change,), (request,), (effect,), (value,), (value,)
        ),
        Draft((request,), (effect,), (finding,), (value,), (value,)),
        Fault(("spec",), "address", say("not ", value)),
        Problem("address", say("not ", value)),
        Wish(resubscribe=(value.value,)),
        Audience("email", value.value),
        ManifestFacts((value.value,), None, names_title=True),
        *(target(kind, value.value) for kind in ("email", "webhook", "carrier-pigeon")),
        UsageError("no ", value),
        ServerError("no ", value),
    ]


@pytest.mark.parametrize("value", VALUES[2:], ids=lambda value: type(value).__name__)
def test_what_holds_a_value_does_not_tell_it(value: Private) -> None:
    """Nouns, messages and errors are printed in tracebacks and logs."""
    told = [type(holder).__name__ for holder in holders(value) if SECRET in f"{holder} {holder!r} {(holder,)}"]

    assert [] == told


def test_a_traceback_does_not_tell_a_value() -> None:
    """An error's text is for everybody."""
    try:
        raise UsageError("cannot use ", Address(f"{SECRET}@example.com"))
    except UsageError as error:
        text = "".join(traceback.format_exception(error))

    assert "cannot use s***@example.com" in text
    assert f"{SECRET}@" not in text.replace(f'{SECRET}@example.com")', "")


def test_a_message_is_shown_by_who_looks() -> None:
    """Its parts are masked one by one; numbers are text."""
    message = say("row ", 5, " reaches ", *listed([Address("a@x.org"), "C1", 7]), Key("k"))

    assert "row 5 reaches a@x.org, C1, 7***" == show(message, addresses=True)
    assert "row 5 reaches a***@x.org, C1, 7***" == show(message, addresses=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weekly", '"weekly"'),
        ("two\nlines", '"two\\nlines"'),
        ("x" * 70, '"' + "x" * 59 + '…"'),
        ("ana@example.com", '"a***@example.com"'),
        ("@team", '"@team"'),
        ("phx_" + "a" * 30, "***"),
        ("https://example.com/secret", "https://example.com/***"),
    ],
)
def test_quoted_text_is_masked_where_it_looks_private(text: str, expected: str) -> None:
    """What a person wrote in the wrong place may be an address, a URL or a key."""
    assert expected == show(quoted(text), addresses=False)


@given(st.from_regex(r"[a-z]{9,12}@[a-z]{2,8}\.org", fullmatch=True), st.sampled_from([Address, Recipients]))
def test_no_mask_holds_a_whole_local_part(text: str, kind: type[Private]) -> None:
    """Its first letter is all there is."""
    assert text.partition("@")[0] not in kind(text).mask


TOKEN = "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No such option: --ana@example.com", "No such option: -***@example.com"),
        ("Got unexpected extra arguments (ana@example.com bo@example.com)", "(a***@example.com b***@example.com)"),
        (f"'phx_{'a' * 30}' is none", "'***' is none"),
        ("see https://us.posthog.com, or https://us.posthog.com:8000.", None),
        ("must begin with https://", None),
        ("posted to https://hooks.example.com/services/T0?x=1", "posted to https://hooks.example.com/***"),
        ("posted to https:/hooks.example.com/services/T0", "posted to ***"),
        ("at https://ana:secret@example.com", "at https://example.com/***"),
        ("at https://phx_abcdefgh", "at ***"),
        (f"the token {TOKEN} is", "the token *** is"),
        ("0190a6f2-7b2c-7c5e-9d61-1f2e3d4c5b6a", None),
        ("sha256:" + "0a1b2c3d" * 8, None),
        ("/work/Test_2026_A_folder_with_a_long_name/x.yaml", None),
        ("weekly-growth [growth:weekly] HEAD@{1} @growth-team", None),
        ("", None),
    ],
)
def test_what_looks_private_in_a_text_is_masked(text: str, expected: str | None) -> None:
    """And nothing else: names, digests, ids, paths and hosts stay (None: the text as it is)."""
    shown = show(guarded(text), addresses=False)

    assert shown.endswith(text if expected is None else expected) or shown == expected


@given(
    st.text()
    | st.lists(st.sampled_from(["ana@x.org", "https://a.b/c", f"phx_{SECRET}{SECRET}", " ", ",", "x"])).map("".join)
)
def test_a_guarded_text_is_the_text(text: str) -> None:
    """Masked in parts, never changed: what is taken out of the parts again is what was put in."""
    assert text == "".join(part.value if isinstance(part, Private) else part for part in guarded(text))


@pytest.mark.parametrize("secret", ["https://hooks.example.com/T0/B0", f"phx_{SECRET}{SECRET}"])
@pytest.mark.parametrize("kind", [Address, Recipients])
def test_a_secret_in_the_place_of_an_address_stays_one(kind: type[Private], secret: str) -> None:
    """Whoever may see addresses may not see it."""
    assert secret not in kind(secret).shown(addresses=True)


def test_what_was_typed_is_masked_in_the_error_about_it() -> None:
    """Wherever the error is shown, and whoever raised it with plain text."""
    error = UsageError(
        f"{SECRET}@example.com: there is no such file, nor ", "https://h/x", "; see ", Address("a@x.org")
    )

    assert f"{SECRET[0]}***@example.com: there is no such file, nor https://h/***; see a***@x.org" == str(error)


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a@" * 100_000, "aB3" * 60_000 + "!", "://" * 90_000, "a.b+" * 50_000, "a-" * 100_000]
)
def test_no_text_takes_long_to_be_guarded(text: str) -> None:
    """An answer or a word may be of any length."""
    before = time.process_time()
    guarded(text)

    assert time.process_time() - before < seconds(1)
