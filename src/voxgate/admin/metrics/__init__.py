"""`/metrics`: the edge and its engines as Prometheus reads them.

exposition.py  families and samples -> the text format 0.0.4 (pure)
edge.py        the status of the edge -> families (pure)
engines.py     what the engines tell of themselves -> families (pure)

Names follow the conventions: `voxgate_` or the engine's name first, the unit last, `_total` for what only grows.
"""
