"""Rounds at the centre: a day as it stands, what phones tell, the form of a route."""
