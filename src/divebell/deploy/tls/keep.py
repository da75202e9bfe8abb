"""Keep a server's certificate as it should be: run by each deploy and every hour, it does what is due."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from divebell.deploy.tls.authority import EARLY, SERVER_LIFE
from divebell.deploy.tls.order import Run, order
from divebell.deploy.tls.pair import Pair, for_server, is_address, new_key, read_pair, subject
from divebell.deploy.tls.refused import Refused
from divebell.deploy.tls.settings import Settings
from divebell.errors import DivebellError
from divebell.event.standing import SELF_SIGNED, CertificateStanding
from divebell.event.state import write_private

AUTOMATIC = "automatic"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
"""After a refusal the timer waits, twice as long each time: issuers count failures too."""


@dataclass(frozen=True)
class Kept:
    """What was done, and how the certificate stands now."""

    changed: bool
    """Whether nginx shows another certificate than before."""
    ordered: bool
    standing: CertificateStanding


@dataclass(frozen=True)
class _Tries:
    """Refusals in a row, for the timer."""

    refused: int = 0
    again: str = ""
    reason: str = ""
    name: str = ""

    def wait(self, now: datetime) -> bool:
        return bool(self.again) and now < datetime.fromisoformat(self.again)

    def more(self, why: str, name: str, now: datetime) -> _Tries:
        pause = min(FIRST_WAIT * 2 ** min(self.refused, 10), LONGEST_WAIT)
        return _Tries(self.refused + 1, (now + pause).isoformat(timespec="seconds"), why, name)


def keep(settings: Settings, now: datetime, *, asked: bool, run: Run | None = None) -> Kept:
    """Get what is due, show the best there is, say how it stands. `asked`: somebody waits, try at once."""
    Path(settings.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    ordered, why = _automatic(settings, now, asked=asked, run=run)
    shown, pair = _best(settings, now)
    changed = _show(settings, pair)
    standing = CertificateStanding(
        settings.wanted,
        shown,
        pair.until.isoformat(timespec="seconds"),
        pair.names,
        why or _lack(settings, shown),
    )
    _say(Path(settings.standing), standing)
    return Kept(changed, ordered, standing)


def placeholder(file: Path, name: str, now: datetime) -> None:
    """Let nginx start: write a self-signed certificate where there is none at all."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, _self_signed(name, now).pem().decode())


def _automatic(settings: Settings, now: datetime, *, asked: bool, run: Run | None) -> tuple[bool, str]:
    """Order a certificate where one is wanted and due; tell whether, and what stands in the way."""
    if settings.wanted != AUTOMATIC:
        return False, ""
    if is_address(settings.name):
        return False, "issuers give certificates for host names; set `address` in the event file"
    has = _read(settings, AUTOMATIC)
    if has and has.good(settings.name, now) and not has.due(now):
        _forget(settings)
        return False, ""
    tries = _tries(settings)
    if not asked and tries.wait(now):
        return False, tries.reason
    got = order(settings, run)
    if isinstance(got, Refused):
        _remember(settings, tries.more(got.reason, settings.name, now))
        return True, got.reason
    write_private(settings.pem(AUTOMATIC), got.pem().decode())
    _forget(settings)
    return True, ""


def _best(settings: Settings, now: datetime) -> tuple[str, Pair]:
    """Give the certificate that is wanted where it is good, else a self-signed one that is."""
    if settings.wanted != SELF_SIGNED:
        wanted = _read(settings, settings.wanted)
        if wanted and wanted.good(settings.name, now):
            return settings.wanted, wanted
    known = _read(settings, SELF_SIGNED)
    if known is None or not known.good(settings.name, now) or known.due(now):
        known = _self_signed(settings.name, now)
        write_private(settings.pem(SELF_SIGNED), known.pem().decode())
    return SELF_SIGNED, known


def _lack(settings: Settings, shown: str) -> str:
    if shown == settings.wanted:
        return ""
    return f"there is no good certificate ({settings.wanted}) for {settings.name}; run divebell deploy again"


def _show(settings: Settings, pair: Pair) -> bool:
    """Give nginx the certificate; tell whether it had another."""
    file, text = settings.pem("server"), pair.pem().decode()
    if file.exists() and file.read_text() == text:
        return False
    write_private(file, text)
    done = subprocess.run(settings.reload, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DivebellError(
            f"nginx did not take the new certificate: {done.stderr.strip()}", next_step="journalctl -u nginx"
        )
    return True


def _self_signed(name: str, now: datetime) -> Pair:
    key = new_key()
    certificate = (
        for_server((name,), key)
        .issuer_name(subject(name))
        .not_valid_before(now - EARLY)
        .not_valid_after(now - EARLY + SERVER_LIFE)
        .sign(key, hashes.SHA256())
    )
    return Pair((certificate,), key)


def _read(settings: Settings, kind: str) -> Pair | None:
    try:
        return read_pair(settings.pem(kind).read_bytes())
    except (OSError, ValueError):
        return None


def _say(path: Path, standing: CertificateStanding) -> None:
    """Write how it stands for everybody to read: the web app has an account of its own."""
    if path.exists() and path.read_text() == standing.text():
        return
    write_private(path, standing.text())
    path.chmod(0o644)


def _tries(settings: Settings) -> _Tries:
    try:
        known = _Tries(**json.loads((Path(settings.folder) / "tries.json").read_text()))
    except (OSError, ValueError, TypeError):
        return _Tries()
    return known if known.name == settings.name else _Tries()


def _remember(settings: Settings, tries: _Tries) -> None:
    write_private(Path(settings.folder) / "tries.json", json.dumps(asdict(tries)) + "\n")


def _forget(settings: Settings) -> None:
    (Path(settings.folder) / "tries.json").unlink(missing_ok=True)


def moment() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)
