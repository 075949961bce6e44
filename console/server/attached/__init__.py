"""A yext as an attached console sees it: the far end of `console.interface`."""
