"""The ways devices really speak; each ends in the same intake."""
