"""Realistic data: trades of an intraday power market, the same for the same seed."""

import json
import random
from datetime import datetime, timedelta, timezone

AREAS = {"DE-LU": 84.0, "AT": 88.5, "FR": 71.0}
VENUES = ["EPEX", "NORDPOOL", "ETPA"]


def trades(count, seed):
    """(key, value) pairs. Prices walk at random around each area's level."""
    chance = random.Random(seed)
    price = dict(AREAS)
    at = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.utc)
    for number in range(count):
        at += timedelta(milliseconds=chance.randint(5, 900))
        area = chance.choice(list(AREAS))
        price[area] += chance.gauss(0, 0.6) + (AREAS[area] - price[area]) * 0.01
        minutes = chance.choice([15, 15, 60])
        start = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=chance.randint(1, 8))
        trade = {
            "trade_id": f"{seed:04d}-{number:08d}-{chance.getrandbits(48):012x}",
            "traded_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "market_area": area,
            "delivery_start": start.isoformat().replace("+00:00", "Z"),
            "delivery_minutes": minutes,
            "price": round(price[area], 2),
            "volume": round(chance.uniform(0.1, 40), 1),
            "venue": chance.choice(VENUES),
        }
        yield area.encode(), json.dumps(trade, separators=(",", ":")).encode()
