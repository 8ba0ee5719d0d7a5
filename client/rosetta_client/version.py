"""The version of this client: that of the hub it is published with."""

VERSION = "0.1.0"
