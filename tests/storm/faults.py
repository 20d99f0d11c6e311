"""Which faults, in which order: all of it follows from the seed."""

import random
from dataclasses import dataclass, field

KILLED = {"meter": 12, "tap": 12, "postgres": 6, "broker": 5}  # of 35 kills
BESIDE = {"reader killed": 6, "reader closed": 2, "meter stopped": 1, "leaders moved": 2, "leaders back": 3, "back": 2, "beginning cut": 1, "broker restarted": 1}


@dataclass
class Fault:
    """`victims` die together and come back in this order; or one of BESIDE."""

    kind: str
    victims: list = field(default_factory=list)  # (kind, number)
    group: int = 0  # which group of readers, modulo their number
    member: int = 0
    records: int = 0  # that are produced before it
    lying: int = 0  # that are produced before the victims come back

    def __str__(self):
        return " and ".join(f"{kind} {number}".replace("postgres 1", "postgres") for kind, number in self.victims) or self.kind


def victim(dice, kind):
    return kind, 1 if kind == "postgres" else dice.randint(1, 3)


def row_of(seed, kills, rate):
    """`kills` kills and what goes with them. `rate`: records a second, the measure of how long things lie."""
    dice = random.Random(seed)
    kinds = []
    while len(kinds) < kills:  # every kind in its share, in any order
        share = [kind for kind, weight in KILLED.items() for _ in range(weight)]
        dice.shuffle(share)
        kinds += share
    kinds = kinds[:kills]
    faults = []
    while kinds:
        victims = [victim(dice, kinds.pop())]
        if kinds and kinds[-1] != victims[0][0] and dice.random() < 0.25:
            victims.append(victim(dice, kinds.pop()))
            dice.shuffle(victims)
        faults.append(Fault("killed", victims))
    for kind, weight in BESIDE.items():
        for _ in range(round(kills * weight / 35)):
            faults.insert(dice.randint(0, len(faults)), Fault(kind))
    for fault in faults:
        fault.group, fault.member = dice.randrange(60), dice.randint(1, 2)
        fault.records = dice.randint(rate // 20, rate // 2)
        fault.lying = dice.choice((0, 0, dice.randint(1, rate)))
    return faults
