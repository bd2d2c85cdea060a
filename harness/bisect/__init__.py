"""Which commit made a case slower or faster: paired measurements, with the chance of a wrong name held."""
