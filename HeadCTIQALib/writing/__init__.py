"""Files and folders written whole or not at all; every writer of the library goes through here.

What is written grows under a hidden name beside its destination and takes its place in one step.  A run that is killed
may leave that hidden entry; the next run with the same destination removes it, or finishes what had begun.
"""

from .ahead import check_writable
from .files import adopt, is_json, make_room, output_error, refuse_foreign, starts_with, whole_file, write_text
from .folders import recover, recover_inside, whole_folder
from .names import is_kept
from .system import held_signals

__all__ = [
    "adopt", "check_writable", "held_signals", "is_json", "is_kept", "make_room", "output_error", "recover", "recover_inside", "refuse_foreign", "starts_with",
    "whole_file", "whole_folder", "write_text",
]  # fmt: skip
