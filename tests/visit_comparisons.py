"""Events seen only at visits: what tests/reference/visits.R gives, beside the estimates here."""

import numpy as np
import pandas as pd

from comparison import CLOSED, ITERATIVE, Comparison
from survival_cases import reference
from tallystats.survival.current_status import current_status, current_status_causes
from tallystats.survival.seen_at_visits import seen_at_visits
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally


def visit_rows(case):
    """Return the patients of a case of visits, as the package takes them."""
    data = {name[5:]: values for name, values in reference("visits")[case].items() if name.startswith("data_")}
    if "status" in data:
        codes = data["status"].astype(int)
        data["event"] = pd.array(codes > 0, dtype="boolean")
        data["cause"] = pd.Categorical.from_codes(codes, ["none", *(f"cause {k + 1}" for k in range(codes.max()))])
    if "died" in data:
        data["died"] = pd.array(data["died"] > 0, dtype="boolean")
    return pd.DataFrame(data)


def visits():
    """Yield the comparisons of intervals, of one visit, and of death beside it."""
    for case, values in reference("visits").items():
        tally = Tally.from_rows(visit_rows(case))
        if "turnbull" in values:

            def found(tally=tally, times=values["turnbull_time"]):
                fit = turnbull(tally, left="left", right="right")
                return np.append(fit.at(times)["estimate"], fit.log_likelihood)

            expected = np.append(values["turnbull"], values["turnbull_likelihood"])
            yield Comparison(
                topic="turnbull",
                statistic="Turnbull, and its likelihood",
                data=case,
                found=found,
                counterpart="the definition, in R by EM",
                expected=expected,
                tolerance=ITERATIVE,
            )

            def read(tally=tally, times=values["survfit_time"]):
                return 1 - turnbull(tally, left="left", right="right").at(times)["estimate"]

            label = "Turnbull, survival after each interval (survfit stops at 5e-5)"
            yield Comparison(
                topic="turnbull",
                statistic=label,
                data=case,
                found=read,
                counterpart='survival::survfit(Surv(l, r, type = "interval2") ~ 1)',
                expected=values["survfit"],
                tolerance=2e-3,
            )
        elif "incidence" in values:

            def both(tally=tally):
                living = current_status(tally, time="time", event="event")
                return seen_at_visits(living, tally, time="days", death="died").at(living.times)["estimate"]

            yield Comparison(
                topic="visits",
                statistic="Incidence seen at visits, death competing",
                data=case,
                found=both,
                counterpart="isotonic regression and survival::survfit, in R",
                expected=values["incidence"],
            )
        else:
            causes = range(1, 1 + sum(name.startswith("estimate") for name in values))

            only = len(causes) == 1

            def status(field, tally=tally, one=only):
                fits = (
                    (current_status(tally, time="time", event="event", confidence_level=0.9),)
                    if one
                    else (current_status_causes(tally, time="time", cause="cause", confidence_level=0.9).values())
                )
                return np.hstack([fit.frame[field] for fit in fits])

            alone = "the definition, in R: the greatest of the least means"
            together = ("Current status, competing causes", "the definition, in R by EM", ITERATIVE)
            single, tolerance = ("Current status", alone, CLOSED), CLOSED if only else ITERATIVE
            for field, (statistic, counterpart, allowed) in (
                ("estimate", single if only else together),
                ("naive", ("Current status, each cause alone", alone, CLOSED)),
            ):
                yield Comparison(
                    topic="current_status",
                    statistic=statistic,
                    counterpart=counterpart,
                    data=case,
                    found=lambda field=field, read=status: read(field),
                    tolerance=allowed,
                    expected=np.hstack([values[f"{field}{k}"] for k in causes]),
                )
            low, high, estimate = (np.hstack([values[f"{end}{k}"] for k in causes]) for end in ("low", "high", "estimate"))
            yield Comparison(
                topic="current_status",
                statistic="Kim, Fay and Proschan's interval",
                data=case,
                counterpart="the definition, in R by binom.test",
                tolerance=tolerance,
                found=lambda read=status: np.hstack([read("conf_low"), read("conf_high")]),
                expected=np.hstack([low, np.maximum(high, estimate)]),
            )
