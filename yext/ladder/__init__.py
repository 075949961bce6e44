"""A call drawn from the record: which messages are its, and the arrows between its participants."""
