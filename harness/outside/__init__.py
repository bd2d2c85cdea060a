"""Programs outside of this program's processes, measured there: commands, runners, servers."""
