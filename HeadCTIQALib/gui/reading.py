"""What the sections "Reader scores" and "Work list" share: who reads, into which folder, which scan, and whether blinded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from slicer.i18n import tr as _

from . import forms
from .session import Session

if TYPE_CHECKING:
    from HeadCTIQALib.cohort.reader_entry import ReaderFile

# parts of the module's window that tell what the program thinks of the scan
_TELLING = ("qualityButton", "correctionsButton", "comparisonButton")
_shared: WeakKeyDictionary[Session, Reading] = WeakKeyDictionary()


class Reading:
    """One reader at work; get it by :func:`of`.

    Attributes:
        reader: id; empty until entered.
        folder: where the readers' files lie, or None until chosen.
        blinded: whether the automatic assessment is hidden.
        path: file or folder of the scan when it came from the work list, else None.
        turning: whether the work list is just changing the scan.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reader = forms.reader_id()
        known = forms.setting("readersFolder")
        self.folder = Path(known) if known else None
        self.blinded = False
        self.path: Path | None = None
        self.turning = False
        self._observers: list[Callable[[], None]] = []

    def set(self, *, reader: str | None = None, folder: Path | None = None, blinded: bool | None = None) -> None:
        """Change who reads, where the files lie, or whether blinded; remembered on this computer (but for ``blinded``)."""
        if reader is not None:
            self.reader = reader.strip()
            forms.keep_reader_id(self.reader)
        if folder is not None:
            self.folder = folder
            forms.keep_setting("readersFolder", str(folder))
        if blinded is not None:
            self.blinded = blinded
            if blinded:
                self._session.select(None)  # no overlay either
        self.tell()

    def turn_to(self, path: Path | None) -> None:
        """The scan at work is the one at ``path``."""
        self.path = path
        self.tell()

    @contextmanager
    def at(self, path: Path) -> Iterator[None]:
        """While the block runs the work list turns to the scan at ``path``; afterwards that is the scan at work."""
        self.turning, self.path = True, path
        try:
            yield
        finally:
            self.turning = False
        self.tell()

    @property
    def file(self) -> ReaderFile:
        """The reader's file.

        Raises:
            InputError: reader or folder are not chosen yet.
        """
        from HeadCTIQALib.cohort.reader_entry import ReaderFile
        from HeadCTIQALib.errors import InputError

        if self.folder is None:
            raise InputError(_("Choose the folder for the reader scores first."))
        return ReaderFile(self.folder, self.reader)

    @property
    def scan(self) -> tuple[str, ...]:
        """What the scan at work is called in the readers' files; the first is what it is filed under.

        Raises:
            InputError: it has no name.
        """
        from HeadCTIQALib.cohort.reader_entry import scan_keys

        return scan_keys(self.path, self._session.record)

    def observe(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` on every change from now on."""
        self._observers.append(callback)

    def unobserve(self, callback: Callable[[], None]) -> None:
        """Stop calling ``callback``."""
        if callback in self._observers:
            self._observers.remove(callback)

    def tell(self) -> None:
        """Tell the observers that something changed, e.g. that scores were saved."""
        for callback in list(self._observers):
            callback()


def of(session: Session) -> Reading:
    """The reading of a session, the same for all sections."""
    if session not in _shared:
        _shared[session] = Reading(session)
    return _shared[session]


def hide_assessment(window: Any, hidden: bool) -> None:
    """Hide or show everything in the module's window that tells the automatic scores."""
    import qt

    for name in _TELLING:
        part = window.findChild(qt.QWidget, name) if window is not None else None
        if part is not None:
            part.setVisible(not hidden)
