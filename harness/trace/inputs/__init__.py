"""What a trace may come as: folders, archives and packings, and the files of other profilers."""
