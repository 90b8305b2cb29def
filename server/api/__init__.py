"""HTTP, one thin file per noun."""
