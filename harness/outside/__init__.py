"""What runs outside of this program's processes and is measured there: commands, runners, servers."""
