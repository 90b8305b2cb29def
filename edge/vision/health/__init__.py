"""Whether a camera sees what it should: dark, covered, out of focus, moved, frozen, gone."""
