"""Channels: by what people are told of alerts beyond the screens of ours that stand open."""
