"""The sandbox as one object: a server, its rows, and everybody who touches them. Imports Django only when one is made.

sandbox = Sandbox(profile="latest")
client = httpx.Client(transport=httpx.WSGITransport(app=sandbox.app), base_url="http://sandbox")
with sandbox.serve() as server: ...          # the same, on a port
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.faults import Faults
from reconciler.sandbox.loopback import refuse_others
from reconciler.sandbox.records import Message, Request
from reconciler.sandbox.rules import Rules
from reconciler.sandbox.world import HIDDEN_PROJECT, MAIN_PROJECT, OTHER_PROJECT, World

if TYPE_CHECKING:
    from reconciler.sandbox.gateway import WSGI, Environ, StartResponse
    from reconciler.sandbox.web import Server

EVERY_SCOPE = ("*",)
READ_SCOPES = ("subscription:read", "sharing_configuration:read", "session_recording:read", "query:read")


class Sandbox:
    """One PostHog, as far as this project needs one."""

    def __init__(  # noqa: PLR0913  # one for each switch a sandbox has
        self,
        profile: str = "seed",
        database: str | Path | None = None,
        seed: int = 0,
        hazards: bool = False,
        flags: Iterable[str] = (),
        rows: int = 0,
        throttle_scale: float = 1.0,
    ) -> None:
        """Make a sandbox that answers as *profile* with *flags* does.

        *database* is a file that keeps the rows (None: memory); *seed* decides everything random; *rows* is how many
        rows people made by hand before; *hazards* lets it hang where the real server hangs; *throttle_scale*
        stretches or shrinks the windows of the rate limits.
        """
        self.world = World.of(Rules.of(profile, flags, hazards), seed, throttle_scale)
        self._start = (profile, tuple(flags), seed, hazards)
        self._rows = rows
        self._open(None if database is None else Path(database))

    def _open(self, path: Path | None) -> None:
        from reconciler.sandbox.server.database import Database, configure

        configure()
        from django.core.handlers.wsgi import WSGIHandler

        from reconciler.sandbox.control import Control
        from reconciler.sandbox.gateway import Desk, Gateway
        from reconciler.sandbox.inprocess import InProcess
        from reconciler.sandbox.page import Page
        from reconciler.sandbox.server import seed
        from reconciler.sandbox.server.people import People

        self._database = Database(path, seed.fill)
        self._people = People(self.world, self._database)
        self._seed = seed
        page = Page(self)
        desks: Mapping[str, Desk] = {"/": page.overview, "/unsubscribe": page.unsubscribe, "/_sandbox": Control(self)}
        self.gateway = self._bound(Gateway(self.world, WSGIHandler(), self._people.shift, desks))
        self.app = InProcess(self.gateway)
        self.key, self.read_key = "", ""  # a file that was there keeps its keys, of which it knows only hashes
        if self._database.is_new:
            self.key, self.read_key = self.new_key(EVERY_SCOPE), self.new_key(READ_SCOPES)
            self._people.add_plausible(self._rows)

    # What there is

    @property
    def faults(self) -> Faults:
        """What goes wrong: `.add(Fault(...))`, `.clear()`."""
        return self.world.faults

    @property
    def rules(self) -> Rules:
        """The profile and the flags it answers by."""
        return self.world.rules

    @property
    def project_id(self) -> int:
        """The project everything happens in."""
        return MAIN_PROJECT

    @property
    def other_project_id(self) -> int:
        """Another project of the same user."""
        return OTHER_PROJECT

    @property
    def hidden_project_id(self) -> int:
        """A project that exists and that the user cannot see."""
        return HIDDEN_PROJECT

    @property
    def dashboards(self) -> tuple[int, ...]:
        """The dashboards of the main project."""
        return tuple(self._seed.IDS)

    @property
    def insights(self) -> tuple[int, ...]:
        """The insights of the main project."""
        return tuple(self._seed.IDS)

    @property
    def foreign_ids(self) -> tuple[int, ...]:
        """Dashboards and insights of the other project."""
        return tuple(self._seed.FOREIGN_IDS)

    @property
    def integrations(self) -> tuple[int, ...]:
        """The Slack integrations of the main project."""
        return self._seed.SLACK_INTEGRATIONS

    def tiles(self, dashboard: int) -> list[int]:
        """The insights on a dashboard."""
        return self._seed.tiles_of(dashboard)

    def rows(self, deleted: bool | None = None, project: int = MAIN_PROJECT) -> list[dict[str, Any]]:
        """The rows of a project as stored, deleted ones too unless *deleted* says otherwise, in id order."""
        return self._people.rows(deleted, project)

    def newest_rows(self, limit: int) -> tuple[list[dict[str, Any]], int]:
        """The newest rows as stored, newest first, and how many there are in all."""
        return self._people.newest_rows(limit)

    def row(self, row_id: int) -> dict[str, Any]:
        """One row as stored."""
        return self._people.row(row_id)

    def outbox(self) -> list[Message]:
        """Every message that would have been sent, oldest first."""
        return self.world.outbox.entries()

    def clear_outbox(self) -> None:
        """Forget the messages."""
        self.world.outbox.clear()

    def requests(self) -> list[Request]:
        """Every request to the API, oldest first."""
        return self.world.log.entries()

    def clear_requests(self) -> None:
        """Forget the requests."""
        self.world.log.clear()

    # What people and time do

    def add(self, notify: bool = False, project: int = MAIN_PROJECT, **fields: Any) -> dict[str, Any]:
        """Somebody made a row by hand; every field has a default, and nobody is told unless *notify*."""
        return self._people.add(notify, project, fields)

    def edit(self, row_id: int, **fields: Any) -> dict[str, Any]:
        """Somebody edits a row in the UI; the messages say 'ui'. Refusals raise ValueError."""
        return self._people.edit(row_id, fields)

    def unsubscribe(self, row_id: int, address: str) -> bool:
        """Somebody follows the link in a mail; False when the exact *address* was not there."""
        return self._people.unsubscribe(row_id, address)

    def follow(self, token: str) -> bool:
        """The link itself; False when it is unknown, too old, or followed before."""
        link = self.world.link(token)
        try:
            return link is not None and self.unsubscribe(link.subscription_id, link.address)
        except LookupError:  # the row is gone altogether
            return False

    def disable(self, row_id: int) -> None:
        """A later server switches a row off because its channel broke, and mails whoever made it."""
        self._people.disable(row_id)

    def forget(self, row_id: int) -> None:
        """The row vanishes altogether."""
        self._people.forget(row_id)

    def remove_dashboard(self, dashboard: int, hard: bool = False) -> None:
        """A dashboard is deleted; *hard* takes its subscriptions along."""
        self._people.remove_content("dashboard", dashboard, hard)

    def remove_insight(self, insight: int, hard: bool = False) -> None:
        """An insight is deleted; *hard* takes its subscriptions along."""
        self._people.remove_content("insight", insight, hard)

    def restore_dashboard(self, dashboard: int) -> None:
        """A softly deleted dashboard comes back."""
        self._people.change_content("dashboard", dashboard, deleted=False)

    def restore_insight(self, insight: int) -> None:
        """A softly deleted insight comes back."""
        self._people.change_content("insight", insight, deleted=False)

    def restrict_dashboard(self, dashboard: int, restricted: bool = True) -> None:
        """The owner of the keys may not view a dashboard (later servers)."""
        self._people.change_content("dashboard", dashboard, is_restricted=restricted)

    def restrict_insight(self, insight: int, restricted: bool = True) -> None:
        """The owner of the keys may not view an insight (later servers)."""
        self._people.change_content("insight", insight, is_restricted=restricted)

    def remove_integration(self, integration: int) -> None:
        """A Slack workspace is disconnected."""
        self._people.remove_integration(integration)

    def remove_user(self, user: int) -> None:
        """Somebody leaves; 1 owns the keys, 2 is a teammate."""
        self._people.remove_user(user)

    def add_recording(
        self, session_id: str, shared_at: datetime | None = None, access_token: str | None = None
    ) -> None:
        """A recording is made, and shared where *shared_at* is given."""
        self._people.add_recording(session_id, shared_at, access_token)

    def recordings(self, deleted: bool = False) -> list[str]:
        """The recordings that are there, or those that were deleted."""
        return self._people.recordings(deleted)

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.world.clock.now()

    def set_now(self, moment: datetime | None) -> None:
        """Stop the sandbox's clock at *moment*; None lets it run again."""
        self.world.clock.set(moment)

    def tick(self, now: datetime) -> list[Message]:
        """One run of the scheduler at *now*, to which a stopped clock moves on; what was sent."""
        return self._people.tick(now)

    # The sandbox itself

    def new_key(self, scopes: Sequence[str] = EVERY_SCOPE, projects: Sequence[int] | None = None) -> str:
        """A key with *scopes*, for *projects* only where they are given."""
        return self._people.new_key(scopes, projects)

    def reset(self, profile: str | None = None, flags: Iterable[str] | None = None, seed: int | None = None) -> None:
        """Back to the start, as *profile* where it is given; what is left out is as it was made. Keys stay valid."""
        made_profile, made_flags, made_seed, hazards = self._start
        rules = Rules.of(profile or made_profile, made_flags if flags is None else flags, hazards)
        self.world.reset(rules, made_seed if seed is None else seed)
        self._people.reset(self._rows)

    def serve(self, port: int = 0, host: str = "127.0.0.1", insecure_bind: bool = False) -> "Server":
        """A real HTTP server in threads of this process, as a context manager; on loopback unless *insecure_bind*."""
        from reconciler.sandbox.web import Server

        refuse_others(host, insecure_bind)
        return Server(self.gateway, self.world.closing, host, port)

    def close(self) -> None:
        """Let go of the file and of every hanging request. Doing it twice does nothing."""
        self.world.closing.set()
        self._database.close()

    def _bound(self, gateway: "WSGI") -> "WSGI":
        def bound(environ: "Environ", start_response: "StartResponse") -> Iterable[bytes]:
            self._database.bind()
            return gateway(environ, start_response)

        return bound
