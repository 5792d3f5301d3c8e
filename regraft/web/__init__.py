"""One exchange with a web that is not trusted: addresses checked where the socket connects, deadlines, caps."""
