"""Everything an operator touches: shell, remote manager, batch runs."""
