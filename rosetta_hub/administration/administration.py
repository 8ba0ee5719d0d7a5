"""What administrators see and set, together."""

from rosetta_hub.administration.announcements import Announcements
from rosetta_hub.administration.drains import Drains
from rosetta_hub.administration.numbers import DailyReport
from rosetta_hub.administration.overview import Overview
from rosetta_hub.database.database import Database


class Administration:
    """One of each, on one database."""

    def __init__(self, database: Database, heartbeat_interval: int) -> None:
        self.announcements = Announcements(database)
        self.drains = Drains(database)
        self.report = DailyReport(database)
        self.overview = Overview(database, heartbeat_interval)
