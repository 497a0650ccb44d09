"""Where training heads come from and on what terms, for model cards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .label_maps import parent_of

SITE = "site-"  # names of heads that a site adds begin so


@dataclass(frozen=True)
class Source:
    """One collection of heads: what it is, its terms, and how its heads were labelled."""

    title: str
    terms: str
    labels: str


_READ = "two readers' landmarks"
_CARRIED = "carried over from two atlas heads by registration, about 2.5 mm"
KNOWN = {
    "ge-revolution-dental": Source("ge-revolution-dental (PHCTQA demonstration case)", "Apache-2.0", _READ),
    "ge-vct-tumour": Source("ge-vct-tumour (TCIA CPTAC-GBM C3N-01192)", "CC BY", _READ),
    "ge-hispeed-tilt": Source("ge-hispeed-tilt (neurolabusc/dcm_qa_ct)", "BSD-2", _READ),
    "onkodicom-hn": Source("onkodicom-hn (OnkoDICOM test data)", "openly published with LGPL-2.1 software", _CARRIED),
    "visible-human-male": Source("visible-human-male (National Library of Medicine)", "public domain", _CARRIED),
}
OPENKBP = Source("OpenKBP head-and-neck planning CTs (Babier et al., Med Phys 2021)", "MIT", _CARRIED)
SIMULATED = Source("simulated heads of this project", "Apache-2.0", "exact")
SITES = Source(
    "scans of a site, corrected there", "the site's own; not for distribution without its consent", "the site's readers"
)
UNKNOWN = Source("other heads of the data folder", "see the data folder", "see the data folder")


def source_of(head: str) -> Source:
    """The collection that a head belongs to, by its name; one made from a label map belongs to that of its labels."""
    head = parent_of(head)
    if head in KNOWN:
        return KNOWN[head]
    for start, source in (("simulated", SIMULATED), (SITE, SITES), ("head", OPENKBP)):
        if head.startswith(start):
            return source
    return UNKNOWN


def counted(heads: Iterable[str]) -> dict[Source, int]:
    """How many heads of every collection there are."""
    out: dict[Source, int] = {}
    for head in heads:
        source = source_of(head)
        out[source] = out.get(source, 0) + 1
    return out
