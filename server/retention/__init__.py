"""What the centre lets go of, what it holds, and whose data it erases."""
