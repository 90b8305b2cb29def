"""Money: corrected by new entries, never rebuilt."""
