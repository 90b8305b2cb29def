"""What is wrong with a centre, why, and what to do: each check by itself, none changes anything."""
