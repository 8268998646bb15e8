"""The sandbox as a command: start, say where and with which key, run until told to stop. Knows no click."""

import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.loopback import refuse_others
from reconciler.sandbox.sandbox import Sandbox

DEFAULT_PORT = 8010


def run(  # noqa: PLR0913  # one for each option of the command
    *,
    port: int = DEFAULT_PORT,
    database: str | Path | None = None,
    profile: str = "seed",
    seed: int = 0,
    faults_file: str | Path | None = None,
    hazards: bool = False,
    insecure_bind: bool = False,
    host: str = "127.0.0.1",
    flags: Iterable[str] = (),
    echo: Callable[[str], None] = print,
    rows: int = 0,
    throttle_scale: float = 1.0,
    new_key: bool = False,
    as_json: bool = False,
) -> None:
    """Serve a sandbox until SIGINT or SIGTERM, then finish the requests in flight and return."""
    faults = [] if faults_file is None else _faults(Path(faults_file))
    with _as_usage_errors():
        refuse_others(host, insecure_bind)
        sandbox = Sandbox(profile, database, seed, hazards, tuple(flags), rows, throttle_scale)
    sandbox.faults.add(*faults)
    try:
        with _stopped_by_signals() as stop, sandbox.serve(port, host, insecure_bind) as server:
            key = sandbox.new_key() if new_key and not sandbox.key else sandbox.key
            echo(_as_json(server.url, sandbox, key) if as_json else _as_text(server.url, sandbox, key))
            # The system may hand the signal to a thread that serves: this one, which handles it, must wake up to hear.
            while not stop.wait(0.5):
                pass
    except OSError as error:
        raise UsageError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    finally:
        sandbox.close()


@contextmanager
def _as_usage_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise UsageError(str(error)) from error
    except ImportError as error:
        raise UsageError(f"the sandbox needs its extra: pip install 'posthog-reconciler[sandbox]' ({error})") from error


def _faults(path: Path) -> list[Fault]:
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
        return [Fault.from_json(document) for document in documents]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: not a JSON list of faults ({error})") from error


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _as_json(url: str, sandbox: Sandbox, key: str) -> str:
    facts = {"url": url, "project_id": sandbox.project_id, "key": key or None, "profile": sandbox.rules.profile}
    return json.dumps(facts)


def _as_text(url: str, sandbox: Sandbox, key: str) -> str:
    shown = key or "<the key printed when this file was made; --new-key makes another>"
    return "\n".join(
        (
            f"Sandbox ({sandbox.rules.profile}) on {url}  (open it in a browser to watch; Ctrl-C stops it)",
            "",
            f"export POSTHOG_HOST={url}",
            f"export POSTHOG_PROJECT_ID={sandbox.project_id}",
            f"export POSTHOG_PERSONAL_API_KEY={shown}",
            "",
            "The key is shown this once." if key else "Keys are kept as hashes only.",
        )
    )
