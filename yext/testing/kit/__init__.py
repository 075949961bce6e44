"""The parts of the fixture `yext`: its clock, its stubs, its calls, the text of its failures."""
