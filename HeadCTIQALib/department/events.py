"""Events after which a scanner is another one: services, software, new tubes; from a table that a site keeps."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.files import read_regular

_LARGEST = 10_000_000
_WHEN = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ]+(\d\d):?(\d\d)(?::?(\d\d))?)?")


@dataclass(frozen=True)
class Event:
    """One event: ``time`` as YYYYMMDDTHHMMSS, ``scanner`` part of its name or hash in small letters, "" for all."""

    time: str
    scanner: str
    words: str

    def concerns(self, row: dict[str, Any]) -> bool:
        """Whether it happened to the scanner of a scan."""
        known = " ".join(str(row[n] or "") for n in ("manufacturer", "model", "scanner_id", "station_id"))
        return self.scanner in known.lower()


def read_events(path: Path) -> tuple[Event, ...]:
    """The events in a CSV table with the columns ``date`` (2026-05-31, with a time if wished), ``scanner`` and ``event``.

    Raises:
        InputError: it is no such table.
    """
    try:
        text = read_regular(path, _LARGEST, "The table of events").decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"The table of events {path} does not exist; check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The table of events {path} is no text in UTF-8; save it as CSV again.") from error
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    if not {"date", "event"} <= {(name or "").strip().lower() for name in rows.fieldnames or ()}:
        raise InputError(f"The table of events {path} needs the columns date, scanner and event in its first line.")
    events = []
    for n, raw in enumerate(rows, 2):
        row = {str(k).strip().lower(): (v or "").strip() for k, v in raw.items() if isinstance(v, (str, type(None)))}
        when = _WHEN.fullmatch(row["date"])
        if when is None:
            raise InputError(f"Line {n} of the table of events {path} has no date like 2026-05-31; correct it.")
        year, month, day, hour, minute, second = (part or "00" for part in when.groups())
        events.append(
            Event(
                f"{year}{month}{day}T{hour}{minute}{second}",
                row.get("scanner", "").lower().lstrip("#"),
                row["event"] or "an event",
            )
        )
    return tuple(sorted(events, key=lambda e: e.time))
