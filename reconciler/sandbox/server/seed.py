"""What is there before anybody did anything: projects, people, dashboards, recordings. Knows no rule and no HTTP."""

import hashlib
import random
import secrets
import string
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.sandbox.server.models import (
    Dashboard,
    Insight,
    Integration,
    Recording,
    Tile,
    User,
)
from reconciler.sandbox.world import MAIN_PROJECT, OTHER_PROJECT, Key

IDS = range(1, 61)
FOREIGN_IDS = range(1001, 1004)
NAMELESS_INSIGHT = 60  # nobody named it, which later servers show in a way of their own
SLACK_INTEGRATIONS = (1, 2, 3)
OTHER_INTEGRATION = 4  # exists, but is no Slack workspace
FOREIGN_INTEGRATION = 1001
OWNER, TEAMMATE = 1, 2

RECORDINGS = tuple(str(uuid.UUID(int=0x018F3C2E_0000_7000_8000_000000000000 + number)) for number in range(1, 9))
SHARED_RECORDINGS = RECORDINGS[:2]

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TOPICS = ("Growth", "Activation", "Retention", "Revenue", "Checkout", "Onboarding", "Support", "Search")


def fill() -> None:
    """Everything a fresh sandbox has."""
    User.objects.bulk_create([_user(OWNER, "Olive", "Owner"), _user(TEAMMATE, "Tom", "Teammate")])
    _fill_content()
    Integration.objects.bulk_create(
        [Integration(id=number, project_id=MAIN_PROJECT, kind="slack") for number in SLACK_INTEGRATIONS]
        + [Integration(id=OTHER_INTEGRATION, project_id=MAIN_PROJECT, kind="salesforce")]
        + [Integration(id=FOREIGN_INTEGRATION, project_id=OTHER_PROJECT, kind="slack")]
    )
    Recording.objects.bulk_create([_recording(session_id) for session_id in RECORDINGS])


def plausible_row(chance: random.Random, number: int) -> dict[str, Any]:
    """The fields of one row somebody could have made by hand."""
    topic, frequency = chance.choice(_TOPICS), chance.choice(("daily", "weekly", "monthly"))
    start = datetime(2026, 1, 5, chance.randrange(6, 18), tzinfo=UTC) + timedelta(days=chance.randrange(28))
    return {
        "title": f"{topic} {frequency} #{number}",
        "dashboard": chance.choice(IDS),
        "target_value": ",".join(
            f"{name}@example.com" for name in chance.sample(("ana", "bo", "cy", "dee", "eva"), chance.randrange(1, 4))
        ),
        "frequency": frequency,
        "byweekday": [chance.choice(("monday", "wednesday", "friday"))] if frequency == "weekly" else None,
        "start_date": start,
        "created_by": chance.choice((OWNER, TEAMMATE)),
    }


def new_key(user_id: int, scopes: Iterable[str], projects: Iterable[int] | None) -> tuple[str, Key]:
    """A key, and what is kept of it."""
    text = "phx_" + "".join(secrets.choice(_ALPHABET) for _ in range(47))
    return text, Key(digest(text), user_id, frozenset(scopes), None if projects is None else frozenset(projects))


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _fill_content() -> None:
    places = [(number, MAIN_PROJECT) for number in IDS] + [(number, OTHER_PROJECT) for number in FOREIGN_IDS]
    Dashboard.objects.bulk_create(
        [Dashboard(id=number, project_id=project, name=f"Dashboard {number}") for number, project in places]
    )
    Insight.objects.bulk_create(
        [
            Insight(id=number, project_id=project, short_id=f"in{number:06d}", name=_insight_name(number))
            for number, project in places
        ]
    )
    Tile.objects.bulk_create(
        [Tile(dashboard_id=dashboard, insight_id=insight) for dashboard in IDS for insight in tiles_of(dashboard)]
    )


def _insight_name(number: int) -> str | None:
    return None if number == NAMELESS_INSIGHT else f"Insight {number}"


def tiles_of(dashboard: int) -> list[int]:
    """The insights on a dashboard of the main project: twelve, so that ten is a limit one can pass."""
    return [(dashboard + offset - 1) % len(IDS) + 1 for offset in range(12)]


def _user(number: int, first_name: str, last_name: str) -> User:
    return User(
        id=number,
        uuid=uuid.UUID(int=0x095BE615_A8AD_4C33_8E9C_C7612FBF6C00 + number),
        distinct_id=f"user-{number}",
        first_name=first_name,
        last_name=last_name,
        email=f"{first_name.lower()}@hedgehog.example",
        hedgehog_config={"color": "blue"} if number == OWNER else None,
    )


def _recording(session_id: str) -> Recording:
    recording = Recording(project_id=MAIN_PROJECT, session_id=session_id)
    if session_id in SHARED_RECORDINGS:
        recording.is_shared = True
        recording.shared_at = datetime(2026, 2, 1, 10, 30, tzinfo=UTC)
        recording.access_token = f"shared-token-{session_id[-1]}-of-the-sandbox"
    return recording
