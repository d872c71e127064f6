"""What was promised, beside what was measured: for the benchmarks that compare with a peer."""


def verdict(measured, target, limit, more):
    """Where the limit is nearer than the target, 80 % of it is what was promised."""
    reached = None if limit is None else measured / limit if more else limit / measured
    if target is None:
        said = "no peer to compare with"
    elif measured >= target if more else measured <= target:
        return "met"
    else:
        said = f"{measured / target if more else target / measured:.0%} of it"
    if reached is None:
        return said
    nearer = target is not None and (limit < target if more else limit > target)
    return f"{said}, {reached:.0%} of the {'nearer ' if nearer else ''}limit" + (": met" if nearer and reached >= 0.8 else "")


def number(value):
    return f"{value:13,.2f}" if value is not None else f"{'-':>13}"


def print_promises(promises):
    """promises: (promise, measured, target or None, limit or None, is more better)."""
    print(f"\n{'promise':62}{'measured':>13}{'target':>13}{'limit':>13}")
    for label, measured, target, limit, more in promises:
        print(f"{label:62}{number(measured)}{number(target)}{number(limit)}  {verdict(measured, target, limit, more)}")
