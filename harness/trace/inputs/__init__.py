"""Forms in which traces come: folders, archives and packings, and the files of other profilers."""
