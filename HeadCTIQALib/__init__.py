"""HeadCTIQA: is this head CT good enough, and why?

A scan flows in one direction, each room handing the next a plain immutable value::

    input  ->  CTVolume  ->  Findings  ->  Measurements  ->  Scores  ->  Assessment
               volume/       networks/     metrics/          scoring     assessment

For research use only; not a medical device.
"""

__version__ = "0.1.0"
RESEARCH_USE = "For research use only; not a medical device."
