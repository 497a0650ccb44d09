"""What scans are judged by: a shipped profile or a site's own, chosen in the panel, kept in the scene as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from HeadCTIQALib.errors import HeadCTIQAError
from HeadCTIQALib.scoring import DEFAULT, Profile
from HeadCTIQALib.scoring.profile import to_json
from HeadCTIQALib.scoring.profile_file import load_profile, profile_of_text, shipped_profiles
from HeadCTIQALib.text import printable

from .session import Event, Session


class ProfileChoice:
    """The selector: shows what the assessment judged by, or without one what the next will be; a choice scores again at once.

    Args:
        box: the combo box.
        session: whose assessment is scored again.
        tell: shows a sentence to the user; an empty one clears it.
        choose_file: asks for the file of a profile; tests put their own in.
    """

    def __init__(
        self, box: Any, session: Session, tell: Callable[[str], None], choose_file: Callable[[], str] | None = None
    ) -> None:
        self._box, self._session, self._tell = box, session, tell
        self._choose_file = choose_file or self._ask_file
        self._parameters: Any = None
        self._chosen: Profile = DEFAULT
        self._offered: list[Profile] = []
        box.connect("activated(int)", self._activated)
        session.observe(self._changed)
        self._show()

    def cleanup(self) -> None:
        """Stop following the session."""
        self._session.unobserve(self._changed)

    def follow(self, parameters: Any) -> None:
        """Take over the choice in these parameters of the scene, and keep it there from now on."""
        self._parameters = parameters
        try:
            self._chosen = profile_of_text(parameters.profile, _("of the scene")) if parameters.profile else DEFAULT
        except HeadCTIQAError as error:
            self._chosen = DEFAULT
            self._tell(str(error))
        self._show()

    @property
    def current(self) -> Profile:
        """What the selector shows."""
        model = self._model()
        return self._chosen if model is None else model.profile

    def choose(self, profile: Profile) -> None:
        """Judge by ``profile`` from now on, the assessment that is shown at once.

        Raises:
            ModelError: the assessment is scored by a model that was fitted with another profile.
        """
        from HeadCTIQALib.record import measurements_from_record, rescored_record
        from HeadCTIQALib.scoring import score
        from HeadCTIQALib.scoring.choice import with_profile

        self._session.settle()
        before = self._model()
        model = None if before is None else with_profile(before, profile)
        self._chosen = profile
        if self._parameters is not None:
            self._parameters.profile = "" if profile == DEFAULT else json.dumps(to_json(profile))
        record = self._session.record
        if record is not None and model is not None and model is not before:
            self._session.update(rescored_record(record, score(measurements_from_record(record), model), model))

    def _model(self) -> Any | None:
        """The model that the shown assessment was scored by; None without one, or where it is damaged."""
        from HeadCTIQALib.record import model_of

        try:
            return None if self._session.record is None else model_of(self._session.record)
        except HeadCTIQAError:
            return None  # said when somebody corrects

    def _activated(self, index: int) -> None:
        self._tell("")
        try:
            if index < len(self._offered):
                self.choose(self._offered[index])
            elif path := self._choose_file():
                self.choose(load_profile(Path(path)))
        except HeadCTIQAError as error:
            self._tell(str(error))
        self._show()

    def _changed(self, event: Event) -> None:
        if event == "assessment":
            self._show()

    def _show(self) -> None:
        current = self.current
        self._offered = list(shipped_profiles().values())
        if current not in self._offered:
            self._offered.append(current)
        self._box.clear()
        for profile in self._offered:
            self._box.addItem(printable(profile.name))
        self._box.addItem(_("From file..."))
        self._box.setCurrentIndex(self._offered.index(current))

    def _ask_file(self) -> str:
        return str(qt.QFileDialog.getOpenFileName(self._box, _("Profile"), "", _("Profiles (*.toml *.json)")) or "")
