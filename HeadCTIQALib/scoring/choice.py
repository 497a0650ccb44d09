"""The scoring model that a user asks for: one fitted to readers, or the guideline model, and the profile that it judges by."""

from __future__ import annotations

from pathlib import Path

from HeadCTIQALib.errors import ModelError
from HeadCTIQALib.scoring.guideline import guideline_model
from HeadCTIQALib.scoring.profile import DEFAULT, Profile
from HeadCTIQALib.scoring.profile_file import find_profile
from HeadCTIQALib.scoring.storage import load_model
from HeadCTIQALib.scoring.types import ScoringModel


def chosen_model(scoring: Path | None = None, profile: str | None = None) -> ScoringModel:
    """The model in the file ``scoring`` (None: the guideline model) with a profile.

    Args:
        profile: name of a shipped one, or a file; None for the default, and for that which a fitted model was fitted with.

    Raises:
        ModelError: a file cannot be used, or the model was fitted with another profile.
    """
    judging = None if profile is None else find_profile(profile)
    model = guideline_model(judging or DEFAULT) if scoring is None else load_model(scoring)
    return model if judging is None else with_profile(model, judging)


def with_profile(model: ScoringModel, profile: Profile) -> ScoringModel:
    """``model`` judging by ``profile``: the guideline model can take any, a fitted one has its own.

    Raises:
        ModelError: the model was fitted with another one.
    """
    if model.profile == profile:
        return model
    if model.kind == "guideline":
        return guideline_model(profile)
    raise ModelError(
        f'The scoring model "{model.name}" was fitted with the profile "{model.profile.id}" ({model.profile.name}) and cannot judge by '
        f'"{profile.id}" ({profile.name}); use it with its own profile, or fit it again with headctiqa fit --profile.'
    )
