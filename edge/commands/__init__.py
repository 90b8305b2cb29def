"""What an installer types."""
