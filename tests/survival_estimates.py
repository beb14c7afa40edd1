"""Curves, rates, log-rank tests and cumulative incidence beside R: the comparisons of survival.csv and quantiles.csv."""

import numpy as np

from comparison import Comparison
from survival_cases import reference, rows_of
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.curves import kaplan_meier, reverse_kaplan_meier
from tallystats.survival.logrank import log_rank
from tallystats.survival.rate import event_rate
from tallystats.tally import Tally


def tally_of(case):
    """Return a case of survival.csv as a tally with an event."""
    rows = rows_of(case)
    if "event" not in rows:
        rows["event"] = (rows["cause"] != "censored").astype("boolean")
    return Tally.from_rows(rows)


WHERE = {"time": "time", "event": "event"}
ENTRIES = (("", None, "Surv(time, event)", ""), ("late_", "entry", "Surv(entry, time, event)", ", delayed entry"))
INTERVALS = (("log-log", 0.95, ""), ("log", 0.9, "_log"), ("plain", 0.95, "_plain"))


def curves():
    for case, values in reference().items():
        for prefix, entry, y, more in ENTRIES:
            if f"{prefix}survival" not in values:
                continue

            def of(name, case=case, values=values, prefix=prefix):
                return values[f"{prefix}{name}"]

            def one(statistic, call, found, expected, case=case):
                return Comparison(
                    topic="curves", statistic=statistic, counterpart=call, data=case, found=found, expected=np.hstack(expected)
                )

            def curve(case=case, entry=entry, **options):
                return kaplan_meier(tally_of(case), **WHERE, entry=entry, **options)

            def counts(curve=curve):
                c = curve()
                return np.hstack([c.times, c.n_risk, c.n_events, c.n_censored, c.survival, c.std_error])

            columns = ("time", "n_risk", "n_events", "n_censored", "survival", "std_error")
            yield one(
                f"Kaplan-Meier, counts and standard error{more}",
                f"survival::survfit({y} ~ 1)",
                counts,
                [of(name) for name in columns],
            )
            for conf_type, level, suffix in INTERVALS:

                def limits(curve=curve, conf_type=conf_type, level=level):
                    c = curve(conf_type=conf_type, confidence_level=level)
                    return np.hstack([c.conf_low, c.conf_high])

                yield one(
                    f"Kaplan-Meier, {conf_type} interval{more}",
                    f'survival::survfit({y} ~ 1, conf.type = "{conf_type}")',
                    limits,
                    [of(f"low{suffix}"), of(f"high{suffix}")],
                )

            def follow_up(case=case, entry=entry):
                c = reverse_kaplan_meier(tally_of(case), **WHERE, entry=entry)
                return c.median, c.median_low, c.median_high

            reverse = y.replace("event", "!event")
            yield one(
                f"Reverse Kaplan-Meier, median{more}",
                f"survival::quantile(survfit({reverse} ~ 1), 0.5)",
                follow_up,
                [of("follow_up")],
            )
            if f"{prefix}rate" in values:

                def rate(case=case, entry=entry):
                    r = event_rate(tally_of(case), **WHERE, entry=entry, confidence_level=0.9)
                    return r.time_at_risk, r.estimate, r.conf_low, r.conf_high

                yield one(f"Events over time at risk{more}", "stats::poisson.test(events, exposure)", rate, [of("rate")])


def quantiles():
    probabilities = (0.1, 0.25, 0.5, 0.75, 0.9)
    for case, values in reference("quantiles").items():
        for prefix, entry, y, more in ENTRIES:
            for conf_type, _, _ in INTERVALS:
                if f"{prefix}quantiles_{conf_type}" not in values:
                    continue

                def found(case=case, entry=entry, conf_type=conf_type):
                    options = {"entry": entry, "conf_type": conf_type, "confidence_level": 0.9}
                    frame = kaplan_meier(tally_of(case), **WHERE, **options).quantiles(probabilities)
                    return np.hstack([frame["estimate"], frame["conf_low"], frame["conf_high"]])

                yield Comparison(
                    topic="curves",
                    statistic=f"Quantiles of survival, {conf_type} interval{more}",
                    data=case,
                    counterpart=f'survival::quantile(survfit({y} ~ 1, conf.type = "{conf_type}"), p)',
                    found=found,
                    expected=values[f"{prefix}quantiles_{conf_type}"],
                )


def survdiff():
    for case, values in reference().items():
        for prefix, strata, call in (("", (), "g"), ("strata_", "stratum", "g + strata(s)")):
            if f"{prefix}logrank_p" in values:

                def found(case=case, strata=strata):
                    test = log_rank(tally_of(case), **WHERE, by="group", strata=strata)
                    return np.hstack([test.statistic, test.p_value, test.observed, test.expected])

                names = ("statistic", "p", "observed", "expected")
                yield Comparison(
                    topic="survdiff",
                    statistic="Log-rank" + ", strata" * bool(strata),
                    data=case,
                    found=found,
                    counterpart=f"survival::survdiff(Surv(time, event) ~ {call})",
                    expected=np.hstack([values[f"{prefix}logrank_{name}"] for name in names]),
                )
        if "late_logrank_statistic" in values:

            def late(case=case):
                return log_rank(tally_of(case), **WHERE, by="group", entry="entry").statistic

            yield Comparison(
                topic="survdiff",
                statistic="Log-rank, delayed entry",
                data=case,
                found=late,
                counterpart='survival::coxph(Surv(entry, time, event) ~ g, ties = "exact")$score',
                expected=values["late_logrank_statistic"],
            )


def incidence():
    """Held where no incidence is 1: there the sums of R's variance leave rounding, ours say 0."""
    for case, values in reference().items():
        if "incidence1" not in values:
            continue

        def both(case=case, **options):
            return aalen_johansen(tally_of(case), time="time", cause="cause", **options).values()

        def found(both=both):
            return np.hstack([np.hstack([c.incidence, c.conf_low, c.conf_high]) for c in both()])

        def squared(both=both):
            return np.hstack([c.std_error**2 for c in both()])

        def late(both=both, values=values):
            kept = []
            for k, c in enumerate(both(entry="entry"), start=1):
                at = np.searchsorted(c.times, values[f"etm_time{k}"])
                kept += [c.incidence[at], c.std_error[at] ** 2]
            return np.hstack(kept)

        call = 'survival::survfit(Surv(time, factor(cause)) ~ 1, conf.type = "log-log")'
        for statistic, counterpart, how, names in (
            (
                "Cumulative incidence, Aalen-Johansen",
                "cmprsk::cuminc(time, cause)",
                lambda b=both: np.hstack([c.incidence for c in b()]),
                ("cuminc",),
            ),
            (
                "Cumulative incidence, Aalen-Johansen, log-log interval",
                call,
                found,
                ("incidence", "incidence_low", "incidence_high"),
            ),
            ("Cumulative incidence, delta-method variance", call, squared, ("incidence_se",)),
            ("Cumulative incidence and delta-method variance, delayed entry", "etm::etm", late, ("etm", "etm_var")),
        ):
            expected = np.hstack([values[f"{name}{k}"] for k in (1, 2) for name in names])
            if names == ("incidence_se",):
                expected = np.where(expected < 1e-12, 0, expected) ** 2
            if "etm" in names:
                expected = np.where(np.abs(expected) < 1e-15, 0, expected)
            yield Comparison(
                topic="incidence", statistic=statistic, counterpart=counterpart, data=case, found=how, expected=expected
            )
