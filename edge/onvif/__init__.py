"""Speaking ONVIF with a camera: what it has, shows and says, and where it looks. The library is loaded late."""
