"""Video in: a stream opened and read, its frames with times that can be relied on, the newest handed over."""
