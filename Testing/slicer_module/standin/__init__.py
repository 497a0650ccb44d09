"""A stand-in for the 3D Slicer application: real MRML (slicer-core) under a PythonQt-style Qt (PySide6).

pythonqt    ``qt``: PySide6 made to behave as PythonQt does, and to refuse what PythonQt refuses
surface     ``ctk``, ``slicer.qMRML*``, ``slicer.qSlicer*``: classes with exactly the signals, properties and slots that
            ``api_manifest.json`` lists (taken from the headers of Slicer and CTK); anything else raises
widgets     what those classes do, where the module under test relies on it
ui          QUiLoader for Designer files with such widgets
python      ``slicer.ScriptedLoadableModule``, ``slicer.i18n``, ``slicer.parameterNodeWrapper``, which slicer-core lacks
scene       the MRML scene with its logics
views       off-screen slice views through the real displayable managers
application ``slicer.app``, layout manager, reading and writing, loading a module file as Slicer does

Every difference to Slicer that is found becomes a check here.
"""
