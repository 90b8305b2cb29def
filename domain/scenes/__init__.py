"""Scenes: what things that are followed on a picture do in its zones and at its lines, without a picture at hand."""
