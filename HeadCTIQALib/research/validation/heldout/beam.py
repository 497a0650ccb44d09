"""A tube at 120 kV and what attenuates its beam, in seven energies from 40 to 120 keV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Material = Literal["titanium", "steel", "platinum"]
#: Share of the signal of an energy-integrating detector behind the filter of a CT tube (after Boone and Seibert, Med Phys
#: 1997;24:1661, filtered by 6 mm aluminium, coarsely binned).
SIGNAL = (0.05, 0.15, 0.21, 0.20, 0.16, 0.15, 0.08)
#: cm^2/g at 40, 50, 60, 70, 80, 100 and 120 keV, NIST XAAMDI (Hubbell and Seltzer 1995); 70 and 120 keV interpolated in log-log below and above the K edge.
MASS_ATTENUATION: Mapping[str, tuple[float, ...]] = {
    "water": (0.2683, 0.2269, 0.2059, 0.1929, 0.1837, 0.1707, 0.1614),
    "bone": (0.6655, 0.4242, 0.3148, 0.2600, 0.2229, 0.1855, 0.1680),
    "titanium": (2.214, 1.213, 0.7661, 0.5440, 0.4052, 0.2721, 0.2160),
    "steel": (3.629, 1.958, 1.205, 0.8260, 0.5952, 0.3717, 0.2780),
    "platinum": (12.45, 6.954, 4.339, 2.920, 8.731, 4.993, 3.150),
}
#: g/cm^3; bone is counted in g/cm^2.
DENSITY = {"water": 1.0, "bone": 1.0, "titanium": 4.54, "steel": 7.87, "platinum": 21.45}
SPECTRUM = tuple(
    (share, {name: DENSITY[name] * mu[n] for name, mu in MASS_ATTENUATION.items()}) for n, share in enumerate(SIGNAL)
)
#: 1/cm at the beam's mean: what a thin layer attenuates.
EFFECTIVE = {name: sum(share * mu[name] for share, mu in SPECTRUM) for name in MASS_ATTENUATION}
