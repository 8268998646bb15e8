"""What happens to a row when it is written, delivered or left: dates, whole-row saves, messages. Knows no HTTP."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.sandbox import delivery
from reconciler.sandbox.delivery import Letter
from reconciler.sandbox.records import Message
from reconciler.sandbox.schedule import BUFFER
from reconciler.sandbox.server.models import Subscription
from reconciler.sandbox.world import World

WITH_RELATIONS = ("dashboard", "insight", "created_by")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a write comes from: a request, or (without a number) a person in the UI."""

    write: int | None = None

    def of(self, letters: Iterable[Letter]) -> list[Letter]:
        """The letters, with the reason 'ui' where a person caused them."""
        return [letter if self.write is not None else replace(letter, why="ui") for letter in letters]


def create(world: World, row: Subscription, origin: Origin, send_now: bool | None = None) -> Subscription:
    """Store a new row and tell its recipients."""
    row.next_delivery_date = row.schedule(world.rules).next_delivery(world.clock.now())
    row.save()
    letters = delivery.after_create(row.target(world.rules), world.rules, send_now)
    tell(world, row, origin.of(letters), origin.write)
    return row


def update(
    world: World, before: Subscription, row: Subscription, origin: Origin, send_now: bool | None = None
) -> Subscription:
    """Store the whole *row*, which was *before* when it was loaded, and tell those whom the change concerns."""
    _reschedule(world, before, row)
    row.save()
    letters = delivery.after_update(before.target(world.rules), row.target(world.rules), world.rules, send_now)
    tell(world, row, origin.of(letters), origin.write)
    return row


def unsubscribe(row: Subscription, address: str) -> bool:
    """Take the exact *address* out of the row; the last one takes the row along (contract §8). False: not in it."""
    kept = row.target_value.split(",")
    if address not in kept:
        return False
    row.target_value = ",".join(each for each in kept if each != address)
    row.deleted = row.deleted or not row.target_value
    row.save()
    return True


def disable(world: World, row: Subscription) -> list[Message]:
    """Switch a row off because its channel is broken, and mail whoever made it."""
    row.enabled = False
    row.save()
    maker = [row.created_by] if row.created_by is not None else []
    return tell(world, row, [Letter(user.email, "email", "disabled") for user in maker], None)


def deliver_due(world: World, now: datetime) -> list[Message]:
    """One run of the scheduler (contract §6), and what it sent."""
    due = Subscription.objects.select_related(*WITH_RELATIONS).filter(
        next_delivery_date__lte=now + BUFFER, deleted=False
    )
    return [
        message
        for row in due.order_by("next_delivery_date", "id")
        if row.next_delivery_date is not None and row.enabled and row.has_live_content
        for message in _deliver(world, row, row.next_delivery_date, now)
    ]


def tell(
    world: World, row: Subscription, letters: Iterable[Letter], write: int | None, at: datetime | None = None
) -> list[Message]:
    """Put *letters* into the outbox, as sent *at* a moment or now."""
    messages = [
        Message(
            at=at or world.clock.now(),
            subscription_id=row.pk,
            recipient=letter.recipient,
            channel=letter.channel,
            why=letter.why,
            write=write,
            title=row.title,
            unsubscribe_link=_link(world, row, letter),
        )
        for letter in letters
    ]
    world.outbox.extend(messages)
    return messages


def _link(world: World, row: Subscription, letter: Letter) -> str | None:
    if letter.channel != "email" or letter.why == "disabled":
        return None
    return world.link_for(row.pk, letter.spelled)


def _reschedule(world: World, before: Subscription, row: Subscription) -> None:
    schedule, now = row.schedule(world.rules), world.clock.now()
    is_enabled_again = row.enabled and not before.enabled
    if schedule.rule != before.schedule(world.rules).rule or is_enabled_again:
        row.next_delivery_date = schedule.next_delivery(now)
        row.restored_at = None
    elif before.deleted and not row.deleted:
        # The old date is kept: if it has passed, everybody is mailed on the next run (contract §7).
        row.restored_at = now


def _deliver(world: World, row: Subscription, date: datetime, now: datetime) -> list[Message]:
    target = row.target(world.rules)
    if not target.has_channel and world.rules.has("later-fields"):
        return disable(world, row)
    is_stale = row.restored_at is not None and date <= row.restored_at
    letters = delivery.on_schedule(target, world.rules, "restore-stale" if is_stale else "schedule")
    if not letters:
        return []  # the real server raises before it advances the date
    row.next_delivery_date = row.schedule(world.rules).next_delivery(now, after=date)
    row.restored_at = None
    row.save()
    return tell(world, row, letters, None, at=now)
