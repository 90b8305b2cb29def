"""The lower side of GB/T 28181, without media: we register at an upper platform, and tell it of alarms."""
