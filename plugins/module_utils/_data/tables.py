"""What every dated table is: rows that were true on a day, and where they come from."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

Row = t.TypeVar("Row")


@dataclass(frozen=True)
class Dated(t.Generic[Row]):
    """Rows with the day on which they were true.

    Args:
        title: what the table tells, as a noun.
        as_of: day of the newest source read for it.
        source: the public documents it was taken from.
    """

    title: str
    as_of: datetime.date
    source: str
    rows: tuple[Row, ...]

    @property
    def edition(self) -> str:
        """Title and date, as findings name the table that decided."""
        return f"{self.title} as of {self.as_of.isoformat()}"

    def age(self, today: datetime.date) -> int:
        """Days since `as_of`."""
        return (today - self.as_of).days


def last_day(year: int, month: int) -> datetime.date:
    """The last day of a month: the date of what is known to the month only."""
    first_of_next = datetime.date(year + month // 12, month % 12 + 1, 1)
    return first_of_next - datetime.timedelta(days=1)


def read_day(text: object) -> datetime.date | None:
    """A day as "2026-06-19", or the last day of a month from "2026-06"; None for nothing.

    Raises:
        ValueError: the text is neither.
    """
    words = "" if text is None else str(text).strip()
    if not words:
        return None
    try:
        if len(words) == len("2026-06"):
            first = datetime.date.fromisoformat(f"{words}-01")
            return last_day(first.year, first.month)
        return datetime.date.fromisoformat(words)
    except (ValueError, OverflowError):
        raise ValueError(f"{words!r} is no date; write it as '2026-06-19' or '2026-06'.") from None
