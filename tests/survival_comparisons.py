"""Every survival statistic beside its counterpart: what the tests hold, and the table in tests/reference/README.md."""

import numpy as np

from comparison import ITERATIVE, Comparison
from survival_cases import reference, rows_of
from survival_estimates import ENTRIES, WHERE, curves, incidence, quantiles, survdiff
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_firth import firth_cox
from tallystats.survival.fine_gray import cause_specific_cox, fine_gray
from tallystats.survival.gray import gray_test
from tallystats.survival.logrank import log_rank, trend_log_rank
from tallystats.survival.restricted_mean import restricted_mean, restricted_mean_difference
from tallystats.tally import Tally
from visit_comparisons import visits


def comparisons(topic=None):
    """Return the comparisons of one topic, or all."""
    return [
        c
        for table in (
            curves,
            quantiles,
            survdiff,
            incidence,
            _logrank,
            _competing,
            _gray,
            _restricted_mean,
            _cox_models,
            _cox_tests,
            _cox,
            _cox_firth,
            _fine_gray,
            visits,
        )
        for c in table()
        if topic in (None, c.topic)
    ]


WEIGHTS = {
    "logrank": ("Log-rank", {}),
    "gehan": ("Gehan-Breslow", {"weight": "gehan"}),
    "tarone_ware": ("Tarone-Ware", {"weight": "tarone-ware"}),
    "peto_peto": ("Peto-Peto", {"weight": "peto-peto"}),
    "fh_1_0": ("Fleming-Harrington (1; 0)", {"weight": "fleming-harrington", "rho": 1}),
    "fh_0_1": ("Fleming-Harrington (0; 1)", {"weight": "fleming-harrington", "gamma": 1}),
    "fh_0.5_2": ("Fleming-Harrington (0.5; 2)", {"weight": "fleming-harrington", "rho": 0.5, "gamma": 2}),
}


def _logrank():
    where = {"time": "time", "event": "event", "by": "group"}
    by_hand = {"by_hand": {}, "strata": {"strata": "stratum"}, "late_strata": {"strata": "stratum", "entry": "entry"}}
    for case, values in reference("logrank").items():
        tally = Tally.from_rows(rows_of(case))

        def one(statistic, counterpart, found, quantity, case=case, values=values):
            return Comparison(
                topic="logrank", statistic=statistic, counterpart=counterpart, data=case, found=found, expected=values[quantity]
            )

        for name, (label, options) in WEIGHTS.items():

            def both(options, tally=tally):
                tests = (test(tally, **where, **options) for test in (log_rank, trend_log_rank))
                return [test.statistic for test in tests]

            if f"{name}_statistic" in values:
                yield one(label, "survMisc::comp, lrt", lambda o=options, b=both: b(o)[:1], f"{name}_statistic")
                yield one(f"{label}, trend", "survMisc::comp, tft", lambda o=options, b=both: b(o)[1:], f"{name}_trend")
            for suffix, more in by_hand.items():
                if f"{name}_{suffix}" in values:
                    what = {"by_hand": "", "strata": ", strata", "late_strata": ", strata, delayed entry"}[suffix]
                    yield one(
                        f"{label}, K groups and trend{what}",
                        "the definition, in R",
                        lambda o={**options, **more}, b=both: b(o),
                        f"{name}_{suffix}",
                    )
        for prefix, more in (("", {}), ("strata_", {"strata": "stratum"})):
            if f"{prefix}survdiff_statistic" in values:

                def test(tally=tally, more=more):
                    return log_rank(tally, **where, weight="fleming-harrington", rho=1, **more)

                strata = " + strata(s)" if more else ""
                call = f"survival::survdiff(Surv(time, event) ~ g{strata}, rho = 1)"
                label = "Fleming-Harrington (1; 0)" + ", strata" * bool(more)
                yield one(label, call, lambda t=test: t().statistic, f"{prefix}survdiff_statistic")
                yield one(f"{label}, excess", call, lambda t=test: t().excess, f"{prefix}survdiff_excess")


def _competing():
    for case, values in reference("gray").items():
        tally = Tally.from_rows(rows_of(case, "gray" if "data_time" in values else "survival"))
        for k, name in enumerate(("one", "two"), start=1):

            def found(tally=tally, name=name):
                return aalen_johansen(tally, time="time", cause="cause", variance="aalen")[name].std_error ** 2

            yield Comparison(
                topic="competing",
                statistic="Cumulative incidence, Aalen's variance",
                counterpart="cmprsk::cuminc(time, cause)",
                data=case,
                found=found,
                expected=values[f"cuminc_var{k}"],
            )


def _gray():
    for case, values in reference("gray").items():
        tally = Tally.from_rows(rows_of(case, "gray" if "data_time" in values else "survival"))
        for quantity, expected in values.items():
            kind, _, rho = quantity.partition("_rho")
            if rho:

                def found(tally=tally, kind=kind, rho=float(rho)):
                    strata = "stratum" if kind.startswith("strata") else ()
                    tests = gray_test(tally, time="time", cause="cause", by="group", strata=strata, rho=rho)
                    return tests["one" if kind.endswith("1") else "two"].statistic

                more = ", strata" * kind.startswith("strata")
                yield Comparison(
                    topic="gray",
                    statistic=f"Gray's test (rho {rho}){more}",
                    data=case,
                    found=found,
                    counterpart=f"cmprsk::cuminc(time, cause, g{more}, rho = {rho})$Tests",
                    expected=expected[:1],
                )


FIELDS = {
    "difference": "estimates",
    "se": "std_errors",
    "p": "p_values",
    "low": "conf_low",
    "high": "conf_high",
    "ratio": "ratios",
    "ratio_low": "ratio_low",
    "ratio_high": "ratio_high",
    "joint": "statistic",
    "tau": "tau",
}


def _restricted_mean():
    where = {"time": "time", "event": "event"}
    for case, values in reference("restricted_mean").items():
        rows = rows_of(case)
        if "event" not in rows:
            rows["event"] = (rows["cause"] != "censored").astype("boolean")
        tally = Tally.from_rows(rows)
        for quantity, expected in values.items():
            kind = quantity.partition("_")[0]
            if kind not in ("mean", "late"):
                continue

            def one(tally=tally, tau=expected[0], entry="entry" if kind == "late" else None):
                mean = restricted_mean(tally, **where, tau=tau, entry=entry)
                return mean.estimate, mean.std_error

            y = "Surv(entry, time, event)" if kind == "late" else "Surv(time, event)"
            yield Comparison(
                topic="restricted_mean",
                statistic="Restricted mean" + ", delayed entry" * (kind == "late"),
                counterpart=f"survival::summary(survfit({y} ~ 1), rmean = tau)",
                data=case,
                found=one,
                expected=expected[1:],
            )
        if "tau" in values:

            def both(tally=tally):
                found = restricted_mean_difference(tally, **where, by="group", confidence_level=0.9)
                return np.hstack([getattr(found, field) for field in FIELDS.values()])

            yield Comparison(
                topic="restricted_mean",
                statistic="Difference and ratio of restricted means, joint test",
                counterpart="survRM2::rmst2, by its definition in R",
                data=case,
                found=both,
                expected=np.hstack([values[name] for name in FIELDS]),
            )


#: Of each model: case, prefix in the reference, terms, further arguments, R's call.
COX = (
    ("drawn", "strata", ["x1", "x2", "x3"], {"strata": "stratum"}, "strata(s)"),
    ("drawn", "late_strata", ["x1", "x2"], {"strata": "stratum", "entry": "entry"}, "strata(s), delayed entry"),
    ("drawn", "robust", ["x1", "x2", "x3"], {"robust": True}, "robust = TRUE"),
    ("drawn", "cluster", ["x1", "x2", "x3"], {"robust": "ward"}, "cluster = c"),
    (
        "drawn",
        "late_cluster",
        ["x1", "x2"],
        {"robust": "ward", "strata": "stratum", "entry": "entry"},
        "strata(s), cluster = c, delayed entry",
    ),
    ("veteran", "robust", ["x1", "group", "x2", "x4"], {"robust": True}, "robust = TRUE"),
)
FIRTH_COX = (
    ("drawn", "firth", ["x1", "x2"], {}),
    ("drawn", "late_firth", ["x1"], {"strata": "stratum", "entry": "entry"}),
    ("monotone", "one_firth", ["x"], {}),
    ("monotone", "firth", ["x", "z"], {}),
)


def cox_rows(case):
    """Return the patients of a case of the Cox models, with a ward."""
    values = reference("cox_variants")[case]
    rows = rows_of(case, "cox_variants" if "data_time" in values else "survival")
    return rows.assign(ward=values["data_ward"]) if "data_ward" in values else rows


#: The terms of each case of the Cox models.
TERMS = {
    "drawn": ["x1", "x2", "x3"],
    "remission": ["group"],
    "cox_at_zero": ["x"],
    "veteran": ["x1", "group", "x2", "x4"],
    "lung": ["x1", "x2", "x4", "x5"],
    "early_carrier": ["x", "z"],
}
FIELDS_OF_COX = {
    "coef": "estimates",
    "se": "std_errors",
    "z": "statistics",
    "p": "p_values",
    "low": "conf_low",
    "high": "conf_high",
    "log_likelihood": "log_likelihood",
}


def _cox_models():
    for case, values in reference().items():
        for prefix, entry, y, more in ENTRIES:
            known = {name.removeprefix(f"{prefix}cox_"): v for name, v in values.items() if name.startswith(f"{prefix}cox_")}
            if not known:
                continue
            names = [name for name in ("ph", "ph_p") if name in known]

            def found(case=case, entry=entry, names=names):
                fit = cox_regression(
                    Tally.from_rows(rows_of(case)),
                    **WHERE,
                    terms=TERMS[case],
                    entry=entry,
                    confidence_level=0.9,
                    events_per_column=4,
                )
                ph = {"ph": (*fit.ph_statistics, fit.ph_global_statistic), "ph_p": (*fit.ph_p_values, fit.ph_global_p_value)}
                return np.hstack([*(getattr(fit, field) for field in FIELDS_OF_COX.values()), *(ph[name] for name in names)])

            yield Comparison(
                topic="cox",
                statistic=f"Cox{more}",
                counterpart=f"survival::coxph({y} ~ x), cox.zph(rank)",
                data=case,
                found=found,
                tolerance=ITERATIVE,
                expected=np.hstack([known[name] for name in (*FIELDS_OF_COX, *names)]),
            )


def _cox_tests():
    variants = {
        "": ({}, ""),
        "late_": ({"entry": "entry"}, ", delayed entry"),
        "strata_": ({"strata": "stratum"}, ", strata"),
        "late_strata_": ({"strata": "stratum", "entry": "entry"}, ", strata, delayed entry"),
        "cluster_": ({"robust": "ward"}, ", clusters"),
    }
    for case, values in reference("cox_tests").items():
        for prefix, (options, more) in variants.items():
            if f"{prefix}lr" not in values:
                continue

            def fit(case=case, options=options):
                rows = cox_rows(case) if case in reference("cox_variants") else rows_of(case)
                terms = ["x1", "x2"] if "strata" in options else TERMS[case]
                return cox_regression(Tally.from_rows(rows), **WHERE, terms=terms, **options)

            def tests(fit=fit):
                return [(test.statistic, test.df, test.p_value) for test in fit().tests]

            def ranked(fit=fit):
                c = fit()
                return c.concordance, c.concordance_std_error

            def residuals(fit=fit):
                return np.hstack([_in_order(fit().residuals.times, v) for v in fit().residuals.values])

            def smooth(fit=fit):
                r = fit().residuals
                lines = [r.smooth(name) for name in r.columns]
                return np.hstack(
                    [line["estimate"] for line in lines] + [(line["conf_high"] - line["conf_low"]) / 2 for line in lines]
                )

            each = values[f"{prefix}zph_y"].reshape(-1, len(values[f"{prefix}zph_time"]))
            known = np.hstack([_in_order(values[f"{prefix}zph_time"], v) for v in each])
            for statistic, call, found, expected in (
                (
                    "Cox: likelihood-ratio, score and Wald tests",
                    "survival::summary(coxph)",
                    tests,
                    np.hstack([values[f"{prefix}{name}"] for name in ("lr", "score", "wald")]),
                ),
                (
                    "Cox: concordance and its standard error",
                    "survival::concordance(fit)",
                    ranked,
                    values[f"{prefix}concordance"],
                ),
                ("Cox: scaled Schoenfeld residuals", "survival::cox.zph(rank)$y", residuals, known),
                (
                    "Cox: smooth through Schoenfeld residuals",
                    "survival::plot.cox.zph, its lines",
                    smooth,
                    np.hstack([values[f"{prefix}smooth"], values[f"{prefix}smooth_width"]]),
                ),
            ):
                yield Comparison(
                    topic="cox_tests",
                    statistic=f"{statistic}{more}",
                    counterpart=call,
                    data=case,
                    found=found,
                    expected=expected,
                    tolerance=ITERATIVE,
                )


def _in_order(times, values):
    """Sort by time, and those of one time by value: R lists strata one after another."""
    values = np.asarray(values, float)
    return values[np.lexsort((np.round(values, 6), times))]


def _cox():
    fields = {
        "coef": "estimates",
        "se": "std_errors",
        "model_se": "model_std_errors",
        "z": "statistics",
        "p": "p_values",
        "low": "conf_low",
        "high": "conf_high",
        "log_likelihood": "log_likelihood",
    }
    for case, prefix, terms, options, call in COX:
        values = {
            name.removeprefix(f"{prefix}_"): v
            for name, v in reference("cox_variants")[case].items()
            if name.startswith(f"{prefix}_")
        }

        def found(case=case, terms=terms, options=options, ph="ph" in values):
            fit = cox_regression(
                Tally.from_rows(cox_rows(case)), time="time", event="event", terms=terms, confidence_level=0.9, **options
            )
            numbers = [getattr(fit, field) for field in fields.values()]
            return np.hstack([*numbers, *([fit.ph_statistics, fit.ph_global_statistic] if ph else [])])

        expected = [values[name] for name in (*fields, *(["ph"] if "ph" in values else []))]
        yield Comparison(
            topic="cox",
            statistic=f"Cox: {call}",
            counterpart="survival::coxph, cox.zph(rank)",
            data=case,
            found=found,
            expected=np.hstack(expected),
            tolerance=ITERATIVE,
        )


def _cox_firth():
    fields = {
        "coef": "estimates",
        "se": "std_errors",
        "statistic": "statistics",
        "p": "p_values",
        "low": "conf_low",
        "high": "conf_high",
        "value": "penalised_log_likelihood",
    }
    for case, prefix, terms, options in FIRTH_COX:
        values = reference("cox_variants")[case]

        def found(case=case, terms=terms, options=options):
            fit = firth_cox(
                Tally.from_rows(cox_rows(case)), time="time", event="event", terms=terms, confidence_level=0.9, **options
            )
            return np.hstack([getattr(fit, field) for field in fields.values()])

        more = ", strata, delayed entry" if options else ""
        yield Comparison(
            topic="cox_firth",
            statistic=f"Cox, Firth{more}",
            data=case,
            found=found,
            tolerance=ITERATIVE,
            counterpart="the definition, in R by coxph(init, iter.max = 0)",
            expected=np.hstack([values[f"{prefix}_{name}"] for name in fields]),
        )


def _fine_gray():
    fields = {
        "coef": "estimates",
        "se": "std_errors",
        "z": "statistics",
        "p": "p_values",
        "low": "conf_low",
        "high": "conf_high",
        "log_likelihood": "log_likelihood",
    }
    terms = {"biliary": ["x1", "x2", "x4"], "uncensored": ["x1", "x2"]}
    calls = {
        "crr": "cmprsk::crr(time, cause, x, failcode)",
        "own": "survival::coxph(Surv(time, cause == k) ~ x)",
        "finegray": 'survival::finegray, coxph(weights = fgwt, ties = "breslow", cluster = id)',
    }
    for case, values in reference("fine_gray").items():
        tally = Tally.from_rows(rows_of(case, "fine_gray" if "data_time" in values else "survival"))
        for prefix in sorted({name.rpartition("_coef")[0] for name in values if name.endswith("_coef")}):
            late, (k, weights) = prefix.startswith("late"), prefix.removeprefix("late_").split("_")
            known = [name for name in fields if f"{prefix}_{name}" in values]

            def found(case=case, tally=tally, late=late, of={"1": "one", "2": "two"}[k], weights=weights, known=known):
                options = {
                    "time": "time",
                    "cause": "cause",
                    "events_per_column": 1,
                    "confidence_level": 0.9,
                    "terms": terms.get(case, ["x1", "x2", "x3"]),
                }
                if weights == "own":
                    fit = cause_specific_cox(tally, **options)[of]
                else:
                    fit = fine_gray(tally, **options, of=of, weights=weights, entry="entry" if late else None)
                return np.hstack([getattr(fit, fields[name]) for name in known])

            what = "Cause-specific Cox" if weights == "own" else f"Fine-Gray, weights of {weights}"
            yield Comparison(
                topic="fine_gray",
                statistic=what + ", delayed entry" * late,
                counterpart=calls[weights],
                data=case,
                found=found,
                tolerance=ITERATIVE,
                expected=np.hstack([values[f"{prefix}_{name}"] for name in known]),
            )
