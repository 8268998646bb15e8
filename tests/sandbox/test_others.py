"""What others change behind the API's back: contract §8, and checklist items 17 and 18."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Fault, Message, Sandbox
from reconciler.sandbox.records import JOURNAL_SIZE
from tests.sandbox.support import NOW, SLACK, Api, mixed

UNSUBSCRIBED: dict[str, tuple[str, str, str, bool]] = {
    "the first": ("a@x,b@x,c@x", "a@x", "b@x,c@x", False),
    "twins": ("a@x,b@x,a@x", "a@x", "b@x", False),
    "by exact text": ("a@x, b@x", "b@x", "a@x, b@x", False),
    "with its space": ("a@x, b@x", " b@x", "a@x", False),
    "without its space": ("b@x, b@x", "b@x", " b@x", False),
    "somebody else": ("a@x,b@x", "z@x", "a@x,b@x", False),
    "the last": ("a@x", "a@x", "", True),
}


@pytest.mark.parametrize(("before", "address", "after", "deleted"), **mixed(UNSUBSCRIBED))
def test_8_unsubscribing(seed: Api, before: str, address: str, after: str, deleted: bool) -> None:
    """The exact address goes; the last one takes the row along."""
    row = seed.new(target_value=before)
    seed.sandbox.clear_outbox()

    assert (before != after) == seed.sandbox.unsubscribe(row, address)
    assert (after, deleted) == ((now := seed.sandbox.row(row))["target_value"], now["deleted"])
    assert [] == seed.told()


def test_8_auto_disable_switches_off_and_mails_the_maker(latest: Api) -> None:
    """Nobody else is told."""
    row = latest.new(**SLACK, send_test_now=False)
    latest.sandbox.disable(row)

    assert False is latest.sandbox.row(row)["enabled"]
    assert ["olive@hedgehog.example disabled"] == latest.told()


def test_8_the_seed_server_disables_nothing(seed: Api) -> None:
    """It has no such switch, and a row that is off for no reason one can see would be no oracle."""
    with pytest.raises(ValueError, match="later-fields"):
        seed.sandbox.disable(seed.new())
    assert 2 == len(seed.told())


def test_8_a_disconnected_slack_row_disables_itself_when_it_is_due(latest: Api) -> None:
    """The failure is permanent, so the server gives up."""
    row = latest.new(**SLACK, send_test_now=False)
    latest.sandbox.remove_integration(1)
    latest.sandbox.tick(NOW + timedelta(hours=1))

    assert (None, False) == ((now := latest.sandbox.row(row))["integration_id"], now["enabled"])
    assert ["olive@hedgehog.example disabled"] == latest.told()


def test_8_an_old_webhook_row_disables_itself_on_later_servers(latest: Api) -> None:
    """The channel is no longer supported."""
    row = latest.sandbox.add(target_type="webhook", next_delivery_date="2026-03-02T08:00:00Z")["id"]
    latest.sandbox.tick(NOW)

    assert False is latest.sandbox.row(row)["enabled"]


def test_8_an_edit_in_the_ui_follows_the_rules_of_a_patch(seed: Api) -> None:
    """Its messages say so, and no request is logged."""
    row = seed.new()
    seed.sandbox.clear_outbox()
    seed.sandbox.clear_requests()
    edited = seed.sandbox.edit(row, target_value="ana@x.example,cy@x.example", title="by hand")

    assert "by hand" == edited["title"]
    assert ["cy@x.example ui"] == seed.told()
    assert None is seed.sandbox.outbox()[0].write
    assert [] == seed.sandbox.requests()


def test_8_a_wrong_edit_is_refused(seed: Api) -> None:
    """With the reason; nothing is changed."""
    row = seed.new()

    with pytest.raises(ValueError, match="not a valid choice"):
        seed.sandbox.edit(row, frequency="hourly")
    with pytest.raises(ValueError, match="interval"):
        seed.sandbox.edit(row, interval=0)
    assert 1 == seed.sandbox.row(row)["interval"]


def test_8_hard_deleted_content_takes_its_rows_along(seed: Api) -> None:
    """Then they are really gone."""
    by_dashboard, by_insight = seed.new(dashboard=5), seed.new(dashboard=None, insight=6)
    seed.sandbox.remove_dashboard(5, hard=True)
    seed.sandbox.remove_insight(6, hard=True)

    assert [404, 404] == [seed.get(f"subscriptions/{row}/").status_code for row in (by_dashboard, by_insight)]


def test_8_softly_deleted_content_keeps_its_rows_listed_and_silent(seed: Api) -> None:
    """Until it is restored."""
    seed.new()
    seed.sandbox.clear_outbox()
    seed.sandbox.remove_dashboard(42)
    assert 1 == seed.get().json()["count"]
    assert [] == seed.sandbox.tick(NOW + timedelta(hours=1))

    seed.sandbox.restore_dashboard(42)
    assert 2 == len(seed.sandbox.tick(NOW + timedelta(hours=1)))


def test_8_a_user_who_leaves_stays_nobodys_maker(seed: Api) -> None:
    """created_by becomes null; the rows stay."""
    row = seed.sandbox.add(created_by=2)["id"]
    seed.sandbox.remove_user(2)

    assert None is seed.get(f"subscriptions/{row}/").json()["created_by"]


def test_8_the_keys_of_a_user_who_leaves_stop_working(seed: Api) -> None:
    """401, like any unknown key; a reset brings user and keys back."""
    seed.sandbox.remove_user(1)
    gone = seed.get().status_code
    seed.sandbox.reset()

    assert (401, 200) == (gone, seed.get().status_code)


LOST: dict[str, dict[str, Any]] = {
    "an edit": {"fields": {"title": "by hand"}},
    "an unsubscribe": {"fields": {"target_value": "ana@x.example"}},
}


@pytest.mark.parametrize("change", **mixed(LOST))
def test_4_4_what_others_change_during_a_patch_is_lost(seed: Api, change: dict[str, Any]) -> None:
    """The whole row is saved from the copy that was loaded at the start."""
    row = seed.new()
    before = seed.sandbox.row(row)
    seed.sandbox.faults.add(Fault("shift", method="PATCH", phase="during", row=row, **change))

    seed.patch(row, interval=2)

    assert {**before, "interval": 2, "summary": "sent every 2 weeks"} == seed.sandbox.row(row)


def test_4_4_two_patches_at_once_lose_one(seed: Api) -> None:
    """Real threads, no lock between loading and saving."""
    row = seed.new()
    loaded = Fault("shift", method="PATCH", phase="during", shift="insert")  # a sign that the slow one has its copy
    seed.sandbox.faults.add(loaded, Fault("delay", method="PATCH", phase="during", seconds=0.3))
    slow = threading.Thread(target=seed.patch, args=(row,), kwargs={"title": "slow"})
    slow.start()
    while len(seed.sandbox.rows()) == 1:
        time.sleep(0.005)
    with Api(seed.sandbox) as other:
        other.patch(row, count=7)
    slow.join()

    assert ("slow", None) == ((now := seed.sandbox.row(row))["title"], now["count"])


SHIFTS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "an insert": ({"shift": "insert"}, [4, 3, 3, 2, 1]),
    "a delete": ({"shift": "delete", "row": 4}, [4, 3, 1]),
    "a patch": ({"shift": "patch", "row": 1, "fields": {"title": "x"}}, [4, 3, 2, 1]),
}


@pytest.mark.parametrize(("shift", "seen"), **mixed(SHIFTS))
def test_2_6_rows_shift_between_two_pages(latest: Api, shift: dict[str, Any], seen: list[int]) -> None:
    """On later servers an insert repeats a row, a delete skips one, a patch does nothing."""
    for day in range(1, 5):
        latest.sandbox.add(created_at=f"2026-01-0{day}")
    latest.sandbox.faults.add(Fault("shift", method="GET", phase="after", **shift))

    pages = [latest.get(f"subscriptions/?limit=2&offset={offset}").json()["results"] for offset in (0, 2, 4)]

    assert seen == [row["id"] for page in pages for row in page]


@pytest.mark.parametrize("shift", ["patch", "delete"])
@pytest.mark.parametrize("row", [None, 99])
def test_2_6_a_shift_of_what_is_not_there_is_none(seed: Api, shift: str, row: int | None) -> None:
    """Somebody came too late; the request does not notice."""
    seed.sandbox.faults.add(Fault("shift", shift=shift, row=row, fields={"title": "x"}))

    assert 0 == seed.get().json()["count"]


def test_a_run_of_the_scheduler_tells_only_of_its_own_messages(seed: Api) -> None:
    """Whatever else is sent in the same moment, and however full the outbox is."""
    seed.sandbox.add(next_delivery_date=NOW.isoformat())
    seed.sandbox.world.outbox.extend([Message(NOW, 9, "x", "email", "create", 1, None)] * JOURNAL_SIZE)

    assert ["somebody@example.com"] == [message.recipient for message in seed.sandbox.tick(NOW)]


@pytest.mark.parametrize("database", [None, "sandbox.db"])
def test_people_and_requests_at_once_do_not_disturb_each_other(tmp_path: Path, database: str | None) -> None:
    """Resets and removals, in the middle of lists and writes: nothing fails that would not fail alone."""
    sandbox = Sandbox(flags=("no-throttle",), rows=30, database=database and tmp_path / database)
    interval, done = sys.getswitchinterval(), threading.Event()
    sys.setswitchinterval(1e-5)

    def statuses(number: int) -> set[int]:
        found: set[int] = set()
        with Api(sandbox) as api:
            while not done.is_set():
                response = api.get() if number % 2 else api.post(dashboard=30)
                found.add(response.status_code)
        return found

    try:
        with ThreadPoolExecutor(4) as people:
            answers = [people.submit(statuses, number) for number in range(4)]
            try:
                for dashboard in range(1, 7):
                    sandbox.remove_dashboard(dashboard, hard=True)
                    sandbox.remove_user(2)
                    sandbox.reset()
            finally:
                done.set()
    finally:
        sys.setswitchinterval(interval)

    assert {200, 201} == set().union(*(answer.result() for answer in answers))
    sandbox.close()


def test_a_row_made_by_hand_has_every_default(seed: Api) -> None:
    """And nobody is told unless it is wanted."""
    row = seed.sandbox.add(title="by hand", created_by=2, next_delivery_date="2030-01-01")

    assert ("by hand", 2, "2030-01-01T00:00:00Z", "email", "weekly") == (
        row["title"], row["created_by"]["id"], row["next_delivery_date"], row["target_type"], row["frequency"],
    )  # fmt: skip
    assert [] == seed.told()
    seed.sandbox.add(notify=True)
    assert ["somebody@example.com ui"] == seed.told()


def test_a_row_made_by_hand_has_no_unknown_field(seed: Api) -> None:
    """A typo in a test is an error."""
    with pytest.raises(ValueError, match="titel"):
        seed.sandbox.add(titel="x")


def test_rows_are_what_the_wire_shows(seed: Api) -> None:
    """The oracle and the API agree about every value."""
    seed.new(byweekday=["friday", "monday"], title="")
    seed.new(deleted=True)

    assert seed.get().json()["results"] == seed.sandbox.rows(deleted=False)
    assert [1, 2] == [row["id"] for row in seed.sandbox.rows()]


def test_a_reset_brings_back_the_start_and_keeps_the_keys(seed: Api) -> None:
    """Rows, outbox, requests, faults and flags are as they were made."""
    key = seed.sandbox.new_key()
    seed.new()
    seed.sandbox.remove_dashboard(1, hard=True)
    seed.sandbox.faults.add(Fault("drop", count=None))
    seed.sandbox.reset()

    assert ([], [], [], []) == (
        seed.sandbox.rows(), seed.sandbox.outbox(), seed.sandbox.requests(), seed.sandbox.faults.all(),
    )  # fmt: skip
    assert 201 == seed.send("POST", key=key, json=seed.body(dashboard=1)).status_code
