"""A department's scans: found in any tree, each assessed once, kept in a cohort, tabulated, and watched for drift.

A cohort is a folder of assessment folders, which are the truth; beside them lie ``sources.private.jsonl``, what became of
every scan and where it was read from, and ``cohort.sqlite``, an index that is made anew at any time.
"""
