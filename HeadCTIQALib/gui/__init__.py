"""Everything that runs inside 3D Slicer: the module's panel, overlays, corrections and background process.

Only this package imports ``slicer``, ``qt``, ``ctk`` and ``vtk``.  Each class does one thing and is given its
collaborators; what needs no Slicer (rows, sentences, statistics) lives in :mod:`HeadCTIQALib.report`.
"""
