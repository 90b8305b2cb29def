"""Stand-ins for what people are told by: robots of groups, a push service with browsers, a mail server, a telephone."""
