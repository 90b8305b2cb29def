"""One file a device family; ``driver`` is the contract. A new file is found by itself."""
