"""The log up to the centre; later, desired state down."""
