"""A seeded campaign of damaged inputs against every reader and loader: ``python -m Testing.fuzz --help``.

    seeds     good files of every format, made here from a coarse simulated head
    mutate    damage to bytes, text headers and JSON;  elements: damage to DICOM, element by element
    special   files that are no files: pipes, devices, folders, files with holes
    formats   the table: which seeds, what damage, which loader, what a sane result is
    worker    a child process that tries case after case and tells what happened
    campaign  the parent: starts children, ends those that hang or grow, counts

A case is ``FORMAT:NUMBER`` under a seed; the same three give the same bytes.
"""
