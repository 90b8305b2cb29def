"""A camera that speaks ONVIF: its services over SOAP, its moods, its faults."""
