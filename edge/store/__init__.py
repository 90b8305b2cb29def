"""What the gateway keeps: its file, its pictures, and what is done when disk or file fail."""
