"""Pixels become events: what cameras without cleverness of their own show, seen in child processes of the agent."""
