"""Curation: from problems to canvases of several paths of reasoning (arXiv:2602.23225, 4.1).

A teacher (`teachers/`) works each problem out several times, the paths are judged, filters
(`filters/`) say which may stand together, and m of them in random order make a record with the
right answer. What a teacher said is kept, so that other filters cost no second asking.
"""
