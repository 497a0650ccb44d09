"""``headctiqa profiles``: what a profile says that the default does not."""

from __future__ import annotations

from collections.abc import Iterator

from HeadCTIQALib.curve import range_words
from HeadCTIQALib.hierarchy import CATEGORIES, IQM_BY_ID, IQMS
from HeadCTIQALib.scoring.profile import DEFAULT, Profile
from HeadCTIQALib.scoring.profile_file import find_profile, shipped_profiles


def listed() -> str:
    """The shipped profiles, each with what differs from the default."""
    lines = [
        line
        for p in shipped_profiles().values()
        for line in (f"{p.id}: {p.name}", *(f"    {d}" for d in differences(p)))
    ]
    return (
        "\n".join(
            [
                *lines,
                "",
                "headctiqa profiles default shows the default in full; Docs/profiles.md explains how a site writes its own.",
            ]
        )
        + "\n"
    )


def one(name: str) -> str:
    """What a profile says: one of a site by what differs from the default, a shipped one in full.

    Raises:
        ModelError: it cannot be used.
    """
    profile = find_profile(name)
    if profile == shipped_profiles().get(profile.id):
        return "\n".join([f"{profile.id}: {profile.name}", *(f"    {line}" for line in _settings(profile))]) + "\n"
    found = list(differences(profile)) or ["nothing differs from the default"]
    return (
        "\n".join([f"{profile.id}: {profile.name}", *(f"    {line}" for line in found), "This profile can be used."])
        + "\n"
    )


def differences(profile: Profile) -> Iterator[str]:
    """What differs from the default, a line each."""
    default = set(_settings(DEFAULT))
    return (line for line in _settings(profile) if line not in default)


def _settings(profile: Profile) -> Iterator[str]:
    yield f"baseline: orbitomeatal line at {profile.baseline_target_deg:g} deg to the slices"
    yield f"noise and contrast judged {'as those of 5 mm slices' if profile.at_5mm else 'as they are, whatever the thickness'}"
    yield f"shown, but not scored: {', '.join(IQM_BY_ID[i].item_title for i in profile.left_out) or 'nothing'}"
    for c in CATEGORIES:
        yield f"weight of {c.title}: {profile.weights[c.id]:g}"
    for m in IQMS:
        knots, unit = profile.knots[m.id], "" if m.unit == "1" else f" {m.unit}"
        bands = ", ".join(f"{band} {words}" for band, words in range_words(knots).items())
        yield f"{m.title}{unit and ','}{unit}: {bands} (curve {' '.join(f'{x:g}:{y:g}' for x, y in knots)})"
