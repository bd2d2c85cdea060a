"""A history that a team acts on: alarms that are measured anew, accepted changes, and the level that is owed."""
