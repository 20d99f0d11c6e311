#!/usr/bin/env python3
"""Independent oracle for rating: exact fractions, written from the rules and not from the C code.

usage: oracle.py write   writes the golden files beside this one
       oracle.py check   computes them again and compares (exit 1 on a difference)

Worked examples carry the figures of the rules' text; the oracle asserts that it reaches them before
it writes a case. All other cases are generated from a fixed seed.
"""
import calendar
import json
import os
import random
import sys
from datetime import date
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}


# --- numbers ---------------------------------------------------------------------------------------

def floor(x):
    return x.numerator // x.denominator


def ceil(x):
    return -floor(-x)


def rounded(x, scale, mode="half_away"):
    unit = Fraction(10) ** scale
    y = abs(x) * unit
    whole, rest = floor(y), y - floor(y)
    negative = x < 0
    if mode == "half_away":
        up = rest >= Fraction(1, 2)
    elif mode == "half_even":
        up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1)
    elif mode == "up":
        up = rest > 0
    elif mode == "down":
        up = False
    elif mode == "ceiling":
        up = rest > 0 and not negative
    else:
        assert mode == "floor", mode
        up = rest > 0 and negative
    return Fraction(whole + up) / unit * (-1 if negative else 1)


def is_finite(x):
    d = x.denominator
    for p in (2, 5):
        while d % p == 0:
            d //= p
    return d == 1


def text(x, least=0):
    """Plain notation; (text, exact)."""
    if not is_finite(x):
        return text(rounded(x, 12), 12)[0], False
    scale = 0
    while (x * 10 ** scale).denominator != 1:
        scale += 1
    scale = max(scale, least)
    digits = str(abs(x * 10 ** scale)).rjust(scale + 1, "0")
    out = digits if scale == 0 else digits[:-scale] + "." + digits[-scale:]
    return ("-" if x < 0 else "") + out, True


# --- rating of one price -----------------------------------------------------------------------------

def tier_cost(tier, part):
    if "package_size" in tier:
        n = ceil(part / Fraction(tier["package_size"])) if part > 0 else 0
        return n * Fraction(tier["package_amount"]), Fraction(n)
    return part * Fraction(tier["unit_amount"]), None


def tier_row(tiers, i, part, amount, packages):
    t = tiers[i]
    row = {"reason": "billed", "tier": i + 1, "from": "0" if i == 0 else tiers[i - 1]["up_to"],
           "up_to": t["up_to"], "quantity": part, "flat_amount": t.get("flat_amount", "0"),
           "amount": amount}
    if packages is None:
        row["unit_amount"] = t["unit_amount"]
    else:
        row.update(package_size=t["package_size"], package_amount=t["package_amount"],
                   packages=packages)
    if "max_amount" in t:
        row["max_amount"] = t["max_amount"]
    return row


def kernel_rows(k, q):
    kind, zero_flat = k["type"], k.get("zero_usage_flat", True)
    if kind == "per_unit":
        rows = [{"reason": "billed", "quantity": q, "unit_amount": k["unit_amount"],
                 "amount": q * Fraction(k["unit_amount"])}]
    elif kind == "package":
        n = q / Fraction(k["package_size"])
        n = (ceil(n) if k.get("round", "up") == "up" else floor(n)) if q > 0 else 0
        rows = [{"reason": "billed", "quantity": q, "package_size": k["package_size"],
                 "package_amount": k["package_amount"], "packages": Fraction(n),
                 "amount": n * Fraction(k["package_amount"])}]
    elif kind == "graduated":
        rows, tiers = [], k["tiers"]
        bounds = [Fraction(0)] + [Fraction(t["up_to"]) for t in tiers[:-1]] + [None]
        for i, t in enumerate(tiers):
            low, high = bounds[i], bounds[i + 1]
            if q <= low and not (i == 0 and q <= 0):
                break
            part = (q if high is None else min(q, high)) - low
            cost, packages = tier_cost(t, max(part, Fraction(0)))
            amount = Fraction(t.get("flat_amount", "0")) + cost
            if q <= 0 and not zero_flat:
                amount = Fraction(0)
            elif "max_amount" in t:
                amount = min(amount, Fraction(t["max_amount"]))
            rows.append(tier_row(tiers, i, part, amount, packages))
    else:
        assert kind == "volume", kind
        tiers = k["tiers"]
        i = next(i for i, t in enumerate(tiers) if t["up_to"] is None or q <= Fraction(t["up_to"]))
        cost, packages = tier_cost(tiers[i], q)
        amount = Fraction(tiers[i].get("flat_amount", "0")) + cost
        if q <= 0 and not zero_flat:
            amount = Fraction(0)
        rows = [tier_row(tiers, i, q, amount, packages)]
    if len(rows) == 1 and rows[0]["quantity"] == 0 and rows[0]["amount"] == 0:
        return []
    return rows


def prorate(bound, key, days, default):
    value = Fraction(bound[key])
    return value * Fraction(*days) if bound.get("prorated", default) else value


def whole_period(price, metered, days, digits):
    """L(Q): the whole period's figures of one price, steps 2 to 7."""
    k, rows, line = price["kernel"], [], {}
    if k["type"] == "flat":
        prorated = price.get("prorated", True)
        amount = Fraction(k["flat_amount"]) * (Fraction(*days) if prorated else 1)
        if amount != 0:
            row = {"reason": "billed", "flat_amount": k["flat_amount"], "amount": amount}
            if prorated:
                row.update(billable_days=days[0], period_days=days[1])
            rows.append(row)
    else:
        q = metered
        c = price.get("unit_conversion")
        if c:
            if c["operation"] != "none":
                f = Fraction(c["factor"])
                q = q / f if c["operation"] == "divide" else q * f
            if c.get("round", "none") != "none":
                q = rounded(q, c.get("scale", 0), c["round"])
        if price.get("negative_quantity") == "zero":
            q = max(q, Fraction(0))
        if "included_units" in price:
            billable = max(Fraction(0), q - prorate(price["included_units"], "quantity", days, False))
            if billable != q:
                rows.append({"reason": "included", "quantity": q - billable, "amount": Fraction(0)})
            q = billable
        rows += kernel_rows(k, q)
        line = {"metered": metered, "quantity": q}
    exact = sum((r["amount"] for r in rows), Fraction(0))
    base = rounded(exact, digits)
    discount = rounded(base * Fraction(price.get("discount_percent", "0")) / 100, digits)
    cap = Fraction(0)
    if "maximum" in price and base - discount > 0:
        over = base - discount - prorate(price["maximum"], "amount", days, False)
        cap = min(base - discount, rounded(max(Fraction(0), over), digits))
    left = cap
    for i in reversed(range(len(rows))):
        took = left if i == 0 else min(left, max(Fraction(0), rows[i]["amount"]))
        rows[i]["capped"] = took
        left -= took
    line.update(unrounded=exact, base=base, discount=discount, cap=cap, rows=rows)
    return line


# --- a document's lines ------------------------------------------------------------------------------

def local_day(instant):
    return date.fromisoformat(instant[:10])


def served_days(period):
    if "billable_days" in period:
        return period["billable_days"], period["period_days"]
    start, end = local_day(period["from"]), local_day(period["to"])
    service = period.get("service", period)
    served = local_day(service["to"]) - local_day(service["from"])
    return served.days, calendar.monthrange(start.year, start.month)[1]


def place(row):
    return (row["reason"], row.get("tier", 0))


def row_differences(now, before):
    old, out = {place(r): r for r in before}, []
    new = {place(r): r for r in now}
    for key in sorted(set(old) | set(new), key=lambda p: (p[0] != "included", p[1])):
        row = dict(new.get(key) or old[key])
        changed = False
        for field in ("quantity", "packages", "amount", "capped"):
            if field in row:
                row[field] = (new.get(key, {}).get(field, Fraction(0)) -
                              old.get(key, {}).get(field, Fraction(0)))
                changed |= field != "packages" and row[field] != 0
        if changed:
            out.append(row)
    return out


def rate(plan, usage):
    period, digits, lines = usage["period"], DIGITS[plan["currency"]], []
    final, days = period.get("final", True), served_days(period)
    for price in plan["prices"]:
        flat = price["kernel"]["type"] == "flat"
        advance = price.get("billed") == "in_advance"
        partial = price.get("partial_billing", price["kernel"]["type"] != "volume")
        if not final and not (advance if flat else partial):
            continue
        wanted = price.get("filter", {}).get("delivery")
        metered = sum((Fraction(u["quantity"]) for u in usage["usage"]
                       if u["metric"] == price.get("metric")
                       and (wanted is None or u.get("delivery") in wanted)), Fraction(0))
        kind = "fixed" if flat else "usage"
        billed = [b for b in usage.get("billed_before", []) if b["price_id"] == price["price_id"]]
        main = [b for b in billed if b.get("kind", kind) == kind]
        sums = {f: Fraction(0) for f in ("metered", "base", "discount", "cap")}
        for b in main:
            src = b
            if "base" not in b:
                src = dict(whole_period(price, Fraction(b.get("metered", "0")), days, digits),
                           metered=Fraction(b.get("metered", "0")))
            for f in sums:
                sums[f] += Fraction(src.get(f, 0))
        paid = sums["base"] - sums["discount"] - sums["cap"]
        service_end = local_day(period.get("service", period)["to"])
        unused = (local_day(period["to"]) - service_end).days
        if flat and advance and main and unused > 0 and price.get("prorated", True):
            line = advance_credit(price, paid, unused, days, digits)
        else:
            line = whole_period(price, metered, days, digits)
            if main:
                before = whole_period(price, sums["metered"], days, digits)
                if flat and line["base"] != sums["base"]:
                    before["unrounded"] = sums["base"]
                    before["rows"] = [dict(r, amount=sums["base"]) for r in before["rows"]]
                line["rows"] = row_differences(line["rows"], before["rows"])
                line["unrounded"] -= before["unrounded"]
                if not flat:
                    line["quantity"] -= before["quantity"]
                for f in ("base", "discount", "cap") + (() if flat else ("metered",)):
                    line[f] -= sums[f]
        line["amount"] = line["base"] - line["discount"] - line["cap"]
        number = None
        if line["rows"] or line["amount"] != 0 or line["base"] != 0 or line.get("metered", 0) != 0:
            number = len(lines) + 1
            lines.append(dict(line, line=number, price_id=price["price_id"], kind=kind))
        if final and "minimum" in price:
            total = paid + line["amount"]
            exact = max(Fraction(0), prorate(price["minimum"], "amount", days, True) - total)
            before = sum((Fraction(b["base"]) for b in billed if b.get("kind") == "minimum"),
                         Fraction(0))
            due = rounded(exact, digits) - before
            if due != 0:
                lines.append({"line": len(lines) + 1, "price_id": price["price_id"],
                              "kind": "minimum", "parent": number, "unrounded": exact - before,
                              "base": due, "discount": Fraction(0), "cap": Fraction(0),
                              "amount": due,
                              "rows": [{"reason": "billed", "amount": exact - before}]})
    return lines


def advance_credit(price, paid, unused, days, digits):
    zero = Fraction(0)
    if paid <= 0:
        return {"rows": [], "unrounded": zero, "base": zero, "discount": zero, "cap": zero}
    exact = Fraction(price["kernel"]["flat_amount"]) * Fraction(unused, days[1])
    base = rounded(exact, digits)
    discount = rounded(base * Fraction(price.get("discount_percent", "0")) / 100, digits)
    credit = min(base - discount, paid)
    return {"rows": [{"reason": "billed", "flat_amount": price["kernel"]["flat_amount"],
                      "billable_days": unused, "period_days": days[1], "amount": -exact}],
            "unrounded": -exact, "base": -(credit + discount), "discount": -discount, "cap": zero}


# --- the document ------------------------------------------------------------------------------------

def split(total, weights, digits):
    if total < 0:
        return [-x for x in split(-total, weights, digits)]
    unit, whole = Fraction(1, 10 ** digits), sum(weights)
    exact = [total * w / whole for w in weights]
    parts = [floor(x / unit) * unit for x in exact]
    left = (total - sum(parts)) / unit
    order = sorted(range(len(weights)), key=lambda i: (-(exact[i] - parts[i]), i))
    for i in order[:int(left)]:
        parts[i] += unit
    assert sum(parts) == total
    return parts


def document(plan, lines, terms):
    digits = DIGITS[plan["currency"]]
    category = {p["price_id"]: p.get("tax_category", "S") for p in plan["prices"]}
    groups = []
    for rule in terms.get("taxes", []):
        members = [l for l in lines if category[l["price_id"]] == rule["category"]]
        if not members:
            continue
        net = sum(l["amount"] for l in members)
        fixed = "amount" in rule
        tax = Fraction(rule["amount"]) if fixed else rounded(net * Fraction(rule["rate"]) / 100, digits)
        parts = split(tax, [l["amount"] for l in members], digits) if net != 0 else (
            [tax] + [Fraction(0)] * (len(members) - 1))
        for l, part in zip(members, parts):
            l.setdefault("taxes", []).append((rule, part))
        groups.append((rule, net, tax))
    share = terms.get("revenue_share")
    for l in lines:
        if share:
            net = l["amount"]
            k = net * Fraction(share["percent"]) / 100
            if net >= 0:
                k += Fraction(share.get("fixed", {}).get(plan["currency"], "0"))
                k = max(k, Fraction(share["minimum"])) if "minimum" in share else k
                k = min(k, Fraction(share["maximum"])) if "maximum" in share else k
                k = min(k, net)
            parties = share.get("parties", [{"party": "provider", "share": "100"}])
            mine = rounded(k, digits)
            rest = split(net - mine, [Fraction(p["share"]) for p in parties], digits)
            l["split"] = [("operator", k, mine)] + [(p["party"], None, x)
                                                    for p, x in zip(parties, rest)]
    return groups


# --- JSON --------------------------------------------------------------------------------------------

def exact_member(o, name, x, digits, zero="0"):
    shown, exact = text(x, digits)
    o[name] = zero if x == 0 and zero is not None else shown
    if not exact:
        o["exact"] = False


def row_json(row, digits):
    o = {k: v for k, v in row.items() if isinstance(v, (str, int)) or v is None}
    for f in ("quantity", "packages"):
        if f in row:
            o[f] = text(row[f])[0]
    exact_member(o, "amount", row["amount"], digits)
    if row.get("capped", 0) != 0:
        exact_member(o, "capped", row["capped"], digits)
    return o


def line_json(line, digits):
    o = {f: line[f] for f in ("line", "price_id", "kind", "parent") if f in line}
    for f in ("metered", "quantity"):
        if f in line:
            o[f] = text(line[f])[0]
    exact_member(o, "unrounded", line["unrounded"], digits, zero=None)
    for f in ("base", "discount", "cap", "amount"):
        o[f] = text(line[f], digits)[0]
    o["rows"] = [row_json(r, digits) for r in line["rows"]]
    return o


def tax_json(rule):
    return {k: rule[k] for k in ("category", "rate") if k in rule}


def result_json(plan, usage, terms):
    digits = DIGITS[plan["currency"]]
    lines = rate(plan, usage)
    if terms is None:
        return [line_json(l, digits) for l in lines]
    groups, out = document(plan, lines, terms), []
    money = lambda x: text(x, digits)[0]
    for l in lines:
        o = dict(line_json(l, digits), document_discount=money(Fraction(0)), net=money(l["amount"]))
        taxes = [dict(tax_json(rule), amount=money(x)) for rule, x in l.get("taxes", [])]
        if taxes:
            o["tax"] = taxes[0] if len(taxes) == 1 else taxes
        if "split" in l:
            o["split"] = []
            for party, exact, amount in l["split"]:
                part = {"party": party, "amount": money(amount)}
                if exact is not None:
                    exact_member(part, "unrounded", exact, digits, zero=None)
                o["split"].append(part)
        out.append(o)
    net, tax = sum((l["amount"] for l in lines), Fraction(0)), sum((t for _, _, t in groups), Fraction(0))
    out.append({"kind": "document", "document_discount": money(Fraction(0)), "net": money(net),
                "coupons": [], "credits": [], "tax": money(tax), "total": money(net + tax),
                "due": money(net + tax),
                "taxes": [dict(tax_json(rule), net=money(n), amount=money(t)) for rule, n, t in groups]})
    return out


# --- cases -------------------------------------------------------------------------------------------

FILES = {}


def period(**changes):
    p = {"from": "2027-06-01T00:00:00+02:00", "to": "2027-07-01T00:00:00+02:00",
         "zone": "Europe/Berlin", "final": True}
    p.update(changes)
    return p


def plan_of(*prices, currency="EUR"):
    return {"plan_id": "pln", "version": 1, "currency": currency, "valid_from": "2027-01-01",
            "prices": list(prices)}


def price_of(kernel, **more):
    p = {"price_id": "p", "kernel": kernel}
    if kernel["type"] != "flat":
        p["metric"] = "messages"
    p.update(more)
    return p


def used(quantity, metric="messages", **more):
    return dict({"metric": metric, "quantity": str(quantity)}, **more)


def case(file, name, plan, rows, before=None, terms=None, figures=None, **changes):
    """Adds a case; `figures` are what the rules' text says the lines' amounts are (or, for a
    document, {line number: {member: figure}}). Returns the result."""
    usage = {"period": period(**changes), "usage": rows, "billed_before": before or []}
    result = result_json(plan, usage, terms)
    if isinstance(figures, list):
        got = [l["amount"] for l in result if l["kind"] != "document"]
        assert [Fraction(x) for x in got] == [Fraction(x) for x in figures], (name, got, figures)
    elif figures:
        for number, members in figures.items():
            line = result[number - 1]
            for member, figure in members.items():
                assert line[member] == figure, (name, number, member, line[member], figure)
    c = {"name": name, "plan": plan, "usage": usage, "document": terms, "result": result}
    FILES.setdefault(file, []).append(c)
    return result


def sequence(file, name, plan, steps, figures):
    """Documents of one period, each with what the earlier ones billed. A step is a quantity, or
    (quantity, final)."""
    before, got = [], []
    for i, step in enumerate(steps):
        quantity, final = step if isinstance(step, tuple) else (step, False)
        result = case(file, "%s, document %d" % (name, i + 1), plan, [used(quantity)],
                      before=list(before), final=final)
        got.append(sum((Fraction(l["amount"]) for l in result), Fraction(0)))
        before += [{k: v for k, v in l.items() if k != "rows"} for l in result]
    if figures is not None:
        assert got == [Fraction(x) for x in figures], (name, got, figures)


def per_unit(amount):
    return {"type": "per_unit", "unit_amount": amount}


def flat(amount):
    return {"type": "flat", "flat_amount": amount}


T = [{"up_to": "40", "unit_amount": "0.25", "flat_amount": "2.00"},
     {"up_to": "250", "unit_amount": "0.18", "flat_amount": "1.50"},
     {"up_to": None, "unit_amount": "0.11"}]


def tiers(kind, list_of_tiers, **more):
    return dict({"type": kind, "tiers": list_of_tiers}, **more)


def package(size, amount, **more):
    return dict({"type": "package", "package_size": size, "package_amount": amount}, **more)


def gb(**more):
    return dict({"operation": "divide", "factor": "1000000000"}, **more)


def worked_kernels():
    for currency, x, result in (("JPY", "417.5", "418"), ("KWD", "1.2345", "1.235"),
                                ("EUR", "-2.675", "-2.68")):
        case("rounding", "2.4 minor digits %s" % currency,
             plan_of(price_of(flat(x), prorated=False), currency=currency), [], figures=[result])
    gib = {"operation": "divide", "factor": "1073741824"}
    case("per_unit", "5.2 with the conversion of 4.6",
         plan_of(price_of(per_unit("0.0425"), metric="bytes", unit_conversion=gb())),
         [used("7300000001", "bytes")], figures=["0.31"])
    for divisor, name, mode, scale, quantity in (
            (gb(), "GB", "none", 0, "7.300000001"), (gb(), "GB", "ceiling", 0, "8"),
            (gb(), "GB", "ceiling", 2, "7.31"), (gb(), "GB", "floor", 2, "7.3"),
            (gib, "GiB", "none", 0, "6.798654795624315738677978515625"),
            (gib, "GiB", "ceiling", 0, "7"), (gib, "GiB", "ceiling", 2, "6.8"),
            (gib, "GiB", "floor", 2, "6.79")):
        case("conversion", "4.6 %s %s %d" % (name, mode, scale),
             plan_of(price_of(per_unit("0.0425"), metric="bytes",
                              unit_conversion=dict(divisor, round=mode, scale=scale))),
             [used("7300000001", "bytes")], figures={1: {"quantity": quantity}})
    for q, amount in (("0", "2.00"), ("40", "12.00"), ("40.001", "13.50"), ("312.5", "58.18")):
        case("graduated", "5.3 T at %s" % q, plan_of(price_of(tiers("graduated", T))), [used(q)],
             figures=[amount])
    case("graduated", "5.3 T at 0, no zero_usage_flat",
         plan_of(price_of(tiers("graduated", T, zero_usage_flat=False))), [used("0")], figures=[])
    capped = [dict(t) for t in T]
    capped[1]["max_amount"] = "30.00"
    case("graduated", "5.3 T with max_amount", plan_of(price_of(tiers("graduated", capped))),
         [used("312.5")], figures=["48.88"])
    for q, amount in (("250", "46.50"), ("250.001", "27.50"), ("312.5", "34.38")):
        case("volume", "5.4 T at %s" % q, plan_of(price_of(tiers("volume", T))), [used(q)],
             figures=[amount])
    inc = {"quantity": "100000"}
    for q, mode, amount in (("910000", "up", "19.00"), ("910000", "down", "14.25"),
                            ("350000", "up", "4.75")):
        case("package", "5.6 %s %s" % (q, mode),
             plan_of(price_of(package("250000", "4.75", round=mode), included_units=inc)),
             [used(q)], figures=[amount])
    packs = [{"up_to": "500", "package_size": "50", "package_amount": "1.10"},
             {"up_to": None, "package_size": "200", "package_amount": "3.60"}]
    case("package", "5.6 graduated in packages", plan_of(price_of(tiers("graduated", packs))),
         [used("1137")], figures=["25.40"])
    case("package", "5.6 volume in packages", plan_of(price_of(tiers("volume", packs))),
         [used("1137")], figures=["21.60"])


def worked_modifiers():
    case("modifiers", "7.3 discount and cap",
         plan_of(price_of(per_unit("0.031"), discount_percent="15", maximum={"amount": "45.00"})),
         [used("1850")], figures={1: {"base": "57.35", "discount": "8.60", "cap": "3.75",
                                      "amount": "45.00"}})
    case("modifiers", "7.3 discount and minimum",
         plan_of(price_of(per_unit("0.031"), discount_percent="15", minimum={"amount": "30.00"})),
         [used("850")], figures=["22.40", "7.60"])
    result = case("modifiers", "7.3 cap on rows",
                  plan_of(price_of(tiers("graduated", T), maximum={"amount": "50.00"})),
                  [used("312.5")], figures={1: {"cap": "8.18", "amount": "50.00"}})
    assert [r.get("capped") for r in result[0]["rows"]] == [None, "1.305", "6.875"]
    case("modifiers", "15.2 the discount is taken from the rounded base",
         plan_of(price_of(per_unit("1.005"), discount_percent="50")), [used("1")],
         figures={1: {"base": "1.01", "discount": "0.51", "amount": "0.50"}})
    case("modifiers", "7.3 minimum of a discounted fee",
         plan_of(price_of(flat("3.333"), discount_percent="33.3", minimum={"amount": "5"})), [],
         figures=["2.22", "2.78"])
    case("modifiers", "7.3 minimum by days",
         plan_of(price_of(per_unit("1"), minimum={"amount": "150.00"})), [used("61.35")],
         billable_days=20, period_days=31, figures=["61.35", "35.42"])
    case("modifiers", "15.2 minimum without usage",
         plan_of(price_of(per_unit("1"), minimum={"amount": "10.00"})), [], figures=["10.00"])
    case("modifiers", "5.12 graduated below zero", plan_of(price_of(tiers("graduated", T))),
         [used("-5")], figures=["2.00"])
    case("modifiers", "5.12 volume below zero", plan_of(price_of(tiers("volume", T))),
         [used("-5")], figures=["0.75"])
    case("modifiers", "5.12 volume below zero, no zero_usage_flat",
         plan_of(price_of(tiers("volume", T, zero_usage_flat=False))), [used("-5")], figures=["0"])
    case("modifiers", "5.12 per_unit below zero", plan_of(price_of(per_unit("0.10"))),
         [used("-5")], figures=["-0.50"])
    case("modifiers", "4.7 below zero clamped",
         plan_of(price_of(per_unit("0.10"), negative_quantity="zero")), [used("-5")], figures=["0"])
    case("modifiers", "5.12 package below zero", plan_of(price_of(package("10", "1.00"))),
         [used("-5")], figures=["0"])
    for q, billable in (("40", "0"), ("92.5", "28.5"), ("102.5", "38.5")):
        case("modifiers", "4.8 included at %s" % q,
             plan_of(price_of(per_unit("1"), included_units={"quantity": "64"})), [used(q)],
             figures={1: {"quantity": billable}})


def worked_periods():
    case("proration", "9 calendar days", plan_of(price_of(flat("89.00"))), [],
         service={"from": "2027-06-10T00:30:00+02:00", "to": "2027-07-01T00:00:00+02:00"},
         figures=["62.30"])
    case("proration", "8.3 trial days", plan_of(price_of(flat("45.90"))), [],
         billable_days=18, period_days=30, figures=["27.54"])
    case("proration", "9 first part", plan_of(price_of(flat("62.00"))), [], billable_days=18,
         period_days=31, figures=["36.00"])
    advance = price_of(flat("34.00"), billed="in_advance")
    ended = {"from": "2027-06-01T00:00:00+02:00", "to": "2027-06-20T09:00:00+02:00"}
    paid = [{"price_id": "p", "kind": "fixed", "base": "34.00", "discount": "0", "cap": "0"}]
    case("proration", "9 old fee at a plan change", plan_of(advance), [], before=paid,
         service=ended, figures=["-12.47"])
    case("proration", "9 new fee at a plan change",
         plan_of(price_of(flat("59.00"), billed="in_advance")), [],
         service={"from": ended["to"], "to": "2027-07-01T00:00:00+02:00"}, figures=["21.63"])
    august = {"from": "2027-08-01T00:00:00+02:00", "to": "2027-09-01T00:00:00+02:00"}
    until = dict(august, to="2027-08-21T00:00:00+02:00")
    fee = plan_of(price_of(flat("64.90"), billed="in_advance"))
    full = {"price_id": "p", "kind": "fixed", "base": "64.90"}
    case("proration", "9 credit", fee, [], before=[full], service=until, **august,
         figures=["-23.03"])
    limited = [{"price_id": "p", "kind": "fixed", "base": "30.00"},
               {"price_id": "p", "kind": "fixed", "base": "-12.50"}]
    case("proration", "9 credit limit", fee, [], before=limited, service=until, **august,
         figures=["-17.50"])
    case("proration", "9 nothing paid is left", fee, [],
         before=[full, dict(full, base="-64.90")], service=until, **august, figures=[])
    case("proration", "10.1 a fee in arrears whose days were corrected",
         plan_of(price_of(flat("49.00"))), [],
         before=[{"price_id": "p", "kind": "fixed", "base": "49.00"}], billable_days=19,
         period_days=31, figures=["-18.97"])
    case("proration", "5.1 in arrears waits for the last document",
         plan_of(price_of(flat("49.00"))), [], final=False, figures=[])
    case("proration", "5.1 in advance", fee, [], final=False, figures=["64.90"])
    case("proration", "5.1 in advance, once", fee, [], before=[full], figures=[])
    sequence("rerating", "10.1 per unit", plan_of(price_of(per_unit("0.0712"))),
             ["3", "6", "9", ("8.2", True)], ["0.21", "0.22", "0.21", "-0.06"])
    sequence("rerating", "10.1 packages", plan_of(price_of(package("250", "4.75"))),
             ["620", "780", "745"], ["14.25", "4.75", "-4.75"])
    sequence("rerating", "10.1 T graduated", plan_of(price_of(tiers("graduated", T))),
             ["0", "35", "52", "38"], ["2.00", "8.75", "4.91", "-4.16"])
    sequence("rerating", "10.1 maximum",
             plan_of(price_of(per_unit("0.031"), maximum={"amount": "60.00"})),
             ["900", "2100", "1800"], ["27.90", "32.10", "-4.20"])
    sequence("rerating", "10.1 minimum",
             plan_of(price_of(per_unit("0.031"), minimum={"amount": "40.00"})),
             ["300", ("900", True)], ["9.30", "30.70"])
    sequence("rerating", "4.6 running units",
             plan_of(price_of(per_unit("3.00"), unit_conversion={
                 "operation": "divide", "factor": "500", "round": "ceiling"})),
             ["620", "1270"], ["6.00", "3.00"])
    sequence("rerating", "10.2 volume waits", plan_of(price_of(tiers("volume", T))),
             ["240", ("260", True)], ["0", "28.60"])
    sequence("rerating", "10.2 volume billed anyway",
             plan_of(price_of(tiers("volume", T), partial_billing=True)),
             ["240", "260"], ["44.70", "-16.10"])
    sequence("rerating", "17.2 lowered and raised back",
             plan_of(price_of(tiers("graduated", T), discount_percent="7.5", maximum={"amount": "50"},
                              minimum={"amount": "20"})),
             [("312.5", True), ("80", True), ("10", True), ("312.5", True)], None)
    for metered in ("0", "35", "300"):
        case("rerating", "15.1 billed before stands for L(%s)" % metered,
             plan_of(price_of(tiers("graduated", T), discount_percent="10")), [used("52")],
             before=[{"price_id": "p", "metered": metered}])


def chapter_16():
    night = None
    plan = {
        "plan_id": "pln_ticks", "version": 3, "currency": "EUR", "valid_from": "2027-01-01",
        "interval": {"unit": "month", "count": 1, "alignment": "calendar"},
        "prices": [
            {"price_id": "access", "kernel": flat("49.00")},
            {"price_id": "fresh", "metric": "bytes", "filter": {"delivery": ["fresh"]},
             "unit_conversion": gb(), "included_units": {"quantity": "5"}, "discount_percent": "10",
             "kernel": tiers("graduated", [
                 {"up_to": "50", "unit_amount": "0.12"},
                 {"up_to": "200", "unit_amount": "0.09", "flat_amount": "3.00"},
                 {"up_to": None, "unit_amount": "0.07"}])},
            {"price_id": "replay", "metric": "bytes", "filter": {"delivery": ["replay"]},
             "unit_conversion": gb(), "kernel": per_unit("0.05"), "maximum": {"amount": "4.00"}},
            {"price_id": "messages", "metric": "messages",
             "kernel": package("1000000", "0.35"),
             "minimum": {"amount": "10.00", "prorated": True}}]}
    rows = [used("263480000000", "bytes", delivery="fresh"),
            used("41300000000", "bytes", delivery="replay", bucket=night),
            used("12345678")]
    days = {"billable_days": 24, "period_days": 30}
    result = case("complete", "16 without time bucket, connections and plan minimum", plan, rows,
                  figures=["39.20", "23.93", "2.07", "4.55", "3.45"], **days)
    fresh = result[1]
    assert (fresh["metered"], fresh["quantity"], fresh["unrounded"], fresh["base"],
            fresh["discount"]) == ("263480000000", "258.48", "26.5936", "26.59", "2.66")
    assert [(r["quantity"], r["amount"]) for r in fresh["rows"]] == [
        ("5", "0"), ("50", "6.00"), ("150", "16.50"), ("58.48", "4.0936")]
    billed = [{k: v for k, v in l.items() if k != "rows"} for l in result]
    late = [used("269680000000", "bytes", delivery="fresh"), rows[1], rows[2]]
    case("complete", "10.3 6.2 GB arrive late", plan, late, before=billed,
         figures=["0.40"], **days)
    fewer = [rows[0], rows[1], used(12345678 - 445678)]
    case("complete", "10.3 445,678 messages fewer", plan, fewer, before=billed,
         figures=["-0.35", "0.35"], **days)
    case("complete", "17.2 unchanged usage", plan, rows, before=billed, figures=[], **days)
    case("complete", "16 with tax and share", plan, rows, **days,
         terms={"taxes": [{"category": "S", "rate": "19"}],
                "revenue_share": {"percent": "15", "parties": [{"party": "provider",
                                                                "share": "100"}]}})


def document_cases():
    fees = plan_of(*[price_of(flat("10.13"), price_id="a%d" % i) for i in range(3)],
                   price_of(flat("12.92"), price_id="b", tax_category="AA"))
    case("document", "12.2 tax per rate", fees, [],
         terms={"taxes": [{"category": "S", "rate": "19"}, {"category": "AA", "rate": "7"}]},
         figures={5: {"tax": "6.67", "total": "49.98"}})
    parties = [{"party": "provider", "share": "60"}, {"party": "org_b", "share": "25"},
               {"party": "org_c", "share": "15"}]
    result = case("document", "14 commission and three parties", plan_of(price_of(flat("37.45"))), [],
                  terms={"revenue_share": {"percent": "12.5", "parties": parties}})
    assert [p["amount"] for p in result[0]["split"]] == ["4.68", "19.66", "8.19", "4.92"]
    case("document", "two taxes of one category and a fixed one",
         plan_of(price_of(flat("10.01"), price_id="a"), price_of(flat("7.77"), price_id="b")), [],
         terms={"taxes": [{"category": "S", "rate": "6.25"}, {"category": "S", "rate": "1.5"},
                          {"category": "S", "amount": "0.51"}]})
    case("document", "no tax, no share", plan_of(price_of(flat("5.00"))), [], terms={})
    for name, share in (
            ("fixed", {"percent": "0", "fixed": {"EUR": "0.30", "USD": "0.35"}}),
            ("fixed above the net", {"percent": "10", "fixed": {"EUR": "99"}}),
            ("minimum", {"percent": "1", "minimum": "2.50"}),
            ("minimum above the net", {"percent": "1", "minimum": "250"}),
            ("maximum", {"percent": "50", "maximum": "1.00"}),
            ("maximum below the minimum", {"percent": "5", "minimum": "3", "maximum": "2"}),
            ("all", {"percent": "100"}),
            ("ties", {"percent": "0", "parties": [{"party": c, "share": "1"} for c in "abcdefg"]}),
            ("a party of nothing", {"percent": "3.3", "parties": [{"party": "provider", "share": "0"},
                                                                  {"party": "x", "share": "1"}]})):
        case("document", "14 share, " + name, plan_of(price_of(flat("20.05"))), [],
             terms={"taxes": [{"category": "S", "rate": "19"}], "revenue_share": share})
    case("document", "14 a negative line", plan_of(price_of(flat("-20.05"))), [],
         terms={"taxes": [{"category": "S", "rate": "19"}],
                "revenue_share": {"percent": "12.5", "fixed": {"EUR": "1"}, "minimum": "5",
                                  "parties": parties}})


EDGES = [0, 1, 2, 39, 40, 41, 249, 250, 251, 10 ** 12 - 1, 10 ** 12, 2 ** 53 - 1, 2 ** 53,
         2 ** 53 + 1, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64, 2 ** 127 - 1, 2 ** 127,
         2 ** 128 - 1]
PRICES = ["0.042", "0.000000000042", "0.000000000000000000000001", "0.123456789012",
          "0.999999999999999999999999", "1", "13.370000000001", "123456789012.345678901234"]


def edge_cases():
    kernels = {
        "per_unit": [per_unit(p) for p in PRICES[:5]],
        "graduated": [tiers("graduated", T), tiers("graduated", [
            {"up_to": "0.000000000001", "unit_amount": PRICES[4]},
            {"up_to": "1000000000000", "unit_amount": PRICES[1], "flat_amount": "0.005"},
            {"up_to": "18446744073709551616", "unit_amount": PRICES[2], "max_amount": "77.777"},
            {"up_to": None, "unit_amount": "0.000000000000000001"}])],
        "volume": [tiers("volume", T), tiers("volume", [
            {"up_to": "9007199254740992", "unit_amount": PRICES[1]},
            {"up_to": "9223372036854775808", "unit_amount": PRICES[2], "flat_amount": "9.995"},
            {"up_to": None, "package_size": "3", "package_amount": "0.000000000000000000000001"}])],
        "package": [package("3", "0.000000000001"), package("1000000", "0.35", round="down"),
                    package("0.7", "0.015")],
    }
    draw = random.Random(20270601)
    for kind, list_of_kernels in kernels.items():
        for i, kernel in enumerate(list_of_kernels):
            for q in draw.sample(EDGES, 9):
                currency = draw.choice(sorted(DIGITS))
                case(kind, "edge %d at %d %s" % (i + 1, q, currency),
                     plan_of(price_of(kernel), currency=currency), [used(q)])


def random_decimal(draw, whole_digits, fraction):
    whole = draw.randrange(10 ** draw.randrange(1, whole_digits + 1))
    places = draw.choice(fraction)
    return str(whole) if places == 0 else "%d.%0*d" % (whole, places, draw.randrange(10 ** places))


def random_tiers(draw, packages_too):
    bounds = sorted({draw.randrange(1, 10 ** draw.randrange(1, 8)) for _ in range(draw.randrange(0, 4))})
    out = []
    for b in [str(b) for b in bounds] + [None]:
        t = {"up_to": b}
        if packages_too and draw.random() < 0.3:
            t.update(package_size=str(draw.randrange(1, 500)),
                     package_amount=random_decimal(draw, 2, [2, 4]))
        else:
            t["unit_amount"] = random_decimal(draw, 1, [2, 6, 12, 24])
        if draw.random() < 0.4:
            t["flat_amount"] = random_decimal(draw, 2, [0, 2, 3])
        out.append(t)
    return out


def random_price(draw, i):
    kind = draw.choice(["per_unit", "graduated", "volume", "package"])
    if kind == "per_unit":
        kernel = per_unit(random_decimal(draw, 1, [2, 6, 12, 24]))
    elif kind == "package":
        kernel = package(draw.choice(["1", "250", "999.75", "0.003"]), random_decimal(draw, 2, [2, 5]),
                         round=draw.choice(["up", "down"]))
    else:
        kernel = tiers(kind, random_tiers(draw, True))
        if draw.random() < 0.3:
            kernel["zero_usage_flat"] = False
        if kind == "graduated" and draw.random() < 0.3:
            kernel["tiers"][0]["max_amount"] = random_decimal(draw, 3, [2])
    p = price_of(kernel, price_id="p%d" % i, metric=draw.choice(["bytes", "messages", "fetches"]))
    if draw.random() < 0.5:
        p["unit_conversion"] = {"operation": draw.choice(["divide", "multiply"]),
                                "factor": draw.choice(["1000", "1024", "7", "0.3"]),
                                "round": draw.choice(["none", "half_away", "half_even", "up", "down",
                                                      "ceiling", "floor"]),
                                "scale": draw.choice([-1, 0, 2])}
    if draw.random() < 0.5:
        p["included_units"] = {"quantity": random_decimal(draw, 4, [0, 1]),
                               "prorated": draw.random() < 0.5}
    if draw.random() < 0.4:
        p["discount_percent"] = random_decimal(draw, 1, [0, 2])
    if draw.random() < 0.4:
        p["maximum"] = {"amount": random_decimal(draw, 4, [2]), "prorated": draw.random() < 0.5}
    if draw.random() < 0.4:
        p["minimum"] = {"amount": random_decimal(draw, 3, [2]), "prorated": draw.random() < 0.5}
    if draw.random() < 0.3:
        p["filter"] = {"delivery": draw.choice([["fresh"], ["replay"], ["fresh", "replay"]])}
    if draw.random() < 0.2:
        p["negative_quantity"] = "zero"
    if draw.random() < 0.3:
        p["tax_category"] = "AA"
    return p


def random_usage(draw):
    return [used(draw.choice([0, draw.randrange(10 ** draw.randrange(1, 13)), draw.choice(EDGES),
                              -draw.randrange(1, 5000)]),
                 metric, **({"delivery": d} if d else {}))
            for metric in ("bytes", "messages", "fetches")
            for d in ("fresh", "replay") if draw.random() < 0.7]


def random_cases(count):
    draw = random.Random(4217)
    for n in range(count):
        currency = draw.choice(sorted(DIGITS))
        prices = [random_price(draw, i) for i in range(draw.randrange(1, 4))]
        prices.append(price_of(flat(random_decimal(draw, 3, [2])), price_id="fee",
                               prorated=draw.random() < 0.7))
        plan = plan_of(*prices, currency=currency)
        days = {"billable_days": draw.randrange(0, 31), "period_days": 30}
        first = result_json(plan, {"period": period(final=True, **days), "usage": random_usage(draw)},
                            None)
        keep = draw.random() < 0.5
        before = [{k: v for k, v in l.items() if k != "rows"} for l in first] if keep else []
        share = {"percent": random_decimal(draw, 1, [0, 1]),
                 "parties": [{"party": p, "share": str(draw.randrange(1, 100))}
                             for p in ("provider", "x", "y")[:draw.randrange(1, 4)]]}
        terms = {"taxes": [{"category": "S", "rate": "19"}, {"category": "AA", "rate": "7.7"}],
                 "revenue_share": share}
        case("mixed", "mixed %03d%s" % (n + 1, ", corrected" if keep else ""), plan,
             random_usage(draw), before=before, terms=terms, **days)


def files():
    worked_kernels()
    worked_modifiers()
    worked_periods()
    chapter_16()
    document_cases()
    edge_cases()
    random_cases(120)
    out = {}
    for name, cases in FILES.items():
        assert len({c["name"] for c in cases}) == len(cases), name
        lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
        out[name + ".json"] = "[\n%s\n]\n" % lines
    return out


def main():
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command not in ("write", "check"):
        sys.exit(__doc__)
    wrong = 0
    for name, content in sorted(files().items()):
        path = os.path.join(HERE, name)
        if command == "write":
            with open(path, "w", encoding="utf-8") as f:
                f.write(content)
        elif not os.path.exists(path) or open(path, encoding="utf-8").read() != content:
            print("%s differs from what the oracle computes" % name)
            wrong = 1
        print("%s: %d cases" % (name, len(FILES[name[:-5]])))
    print("%d cases in all" % sum(len(c) for c in FILES.values()))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
