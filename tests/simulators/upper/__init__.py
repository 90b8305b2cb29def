"""The upper platform, by clients that are none of ours."""
