"""An upper platform of GA/T 1400 (视图库) as observed servers behave: seven profiles, and what goes wrong there."""
