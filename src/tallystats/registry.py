"""Every method, once: what it is called in study files, in tables and in sentences, what computes it, and as in what program.

A test of a study file, its footnotes and its sentence in Methods, the kinds of variables that it suits, and
`docs/methods.md` all come from here; `tests/reference` holds the numbers by which each is checked.

python -m tallystats.registry > docs/methods.md
"""

from __future__ import annotations

from dataclasses import dataclass

#: Kinds of variables.
NUMERIC = ("continuous", "count")
LEVELLED = ("binary", "category", "ordered")
_RANKED = (*NUMERIC, "ordered")
_COUNTED = ("count", *LEVELLED)

#: Why a method is computed here though a library has it.
_ROWS = "the library takes one row a patient; a tally costs what its distinct values cost"


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method.

    Attributes
    ----------
    title : str
        What results and tables call it.
    words : str
        What sentences call it.
    function : str
        What computes it, from a tally: module and name below `tallystats`.
    name : str
        What a study file calls it; empty where none does.
    two, several, paired : tuple of str
        The kinds of variables that it compares between two groups, between more, and of the same patients at two times.
    trend : bool
        Whether it takes the groups to be in an order.
    library : str
        The function of a library that gives the number; empty: it is computed here.
    why : str
        Why it is computed here.
    r, spss : str
        The call in R, and the procedure of SPSS with what its output calls it.
    """

    title: str
    words: str
    function: str
    name: str = ""
    two: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    paired: tuple[str, ...] = ()
    trend: bool = False
    library: str = ""
    why: str = ""
    r: str = ""
    spss: str = ""


_TESTS_OF_GROUPS = (
    Method(
        name="pearson_chi_square",
        title="Pearson chi-square",
        words="Pearson's chi-square test",
        two=_COUNTED,
        several=LEVELLED,
        function="statistics.two_groups.pearson_chi_square",
        library="scipy.stats.chi2_contingency",
        r="chisq.test(table, correct = FALSE)",
        spss='CROSSTABS /STATISTICS=CHISQ, "Pearson Chi-Square"',
    ),
    Method(
        name="yates_chi_square",
        title="Chi-square, Yates-corrected",
        words="the chi-square test with Yates's correction",
        two=LEVELLED,
        function="statistics.printed_tests.yates_p_value",
        why="P in whole numbers, so that an audit decides halves exactly",
        r="chisq.test(table)",
        spss='CROSSTABS /STATISTICS=CHISQ, "Continuity Correction"',
    ),
    Method(
        name="likelihood_ratio",
        title="Likelihood ratio chi-square",
        words="the likelihood-ratio chi-square test",
        two=LEVELLED,
        several=LEVELLED,
        function="statistics.compare_several.likelihood_ratio",
        library="scipy.stats.chi2_contingency(lambda_='log-likelihood')",
        r="DescTools::GTest(table)",
        spss='CROSSTABS /STATISTICS=CHISQ, "Likelihood Ratio"',
    ),
    Method(
        name="fisher_exact",
        title="Fisher's exact",
        words="Fisher's exact test",
        two=_COUNTED,
        function="statistics.two_groups.fisher_exact",
        why="tables as probable as the one seen are told by whole numbers: scipy.stats.fisher_exact compares rounded ones",
        r="fisher.test(table)",
        spss='CROSSTABS, "Fisher\'s Exact Test, Exact Sig. (2-sided)"',
    ),
    Method(
        name="fisher_mid_p",
        title="Fisher's exact, mid-P",
        words="Fisher's exact test with mid-P",
        two=LEVELLED,
        function="statistics.printed_tests.fisher_mid_p_value",
        why="no library has it",
        r="p <- dhyper(0:k, n1, n0, k); sum(p[p < p0]) + sum(p[p == p0]) / 2",
    ),
    Method(
        name="n_minus_1_chi_square",
        title="N - 1 chi-square",
        words="the N - 1 chi-square test",
        two=LEVELLED,
        function="statistics.printed_tests.n_minus_1_p_value",
        why="no library has it",
        spss='CROSSTABS /STATISTICS=CHISQ, "Linear-by-Linear Association" of a fourfold table',
    ),
    Method(
        name="fisher_freeman_halton",
        title="Fisher-Freeman-Halton exact",
        words="the Fisher-Freeman-Halton exact test",
        two=LEVELLED,
        several=LEVELLED,
        function="statistics.exact_tables.fisher_freeman_halton",
        why="scipy.stats.fisher_exact of larger tables draws them at random; all are summed here",
        r="fisher.test(table)",
        spss="CROSSTABS /METHOD=EXACT",
    ),
    Method(
        name="linear_by_linear",
        title="Linear-by-linear association",
        words="the linear-by-linear association test",
        two=("binary", "ordered"),
        several=("binary", "ordered"),
        trend=True,
        function="statistics.trend.linear_by_linear",
        library="statsmodels Table.test_ordinal_association",
        r="coin::lbl_test(table)",
        spss='CROSSTABS /STATISTICS=CHISQ, "Linear-by-Linear Association"',
    ),
    Method(
        name="mann_whitney",
        title="Mann-Whitney U",
        words="the Mann-Whitney U test",
        two=_RANKED,
        function="statistics.two_groups.mann_whitney",
        why=_ROWS,
        r="wilcox.test(x1, x0, exact = FALSE, correct = FALSE)",
        spss='NPAR TESTS /M-W, "Asymp. Sig. (2-tailed)"',
    ),
    Method(
        name="mann_whitney_continuity",
        title="Mann-Whitney U, continuity-corrected",
        words="the Mann-Whitney U test with continuity correction",
        two=_RANKED,
        function="statistics.two_groups.mann_whitney",
        why=_ROWS,
        r="wilcox.test(x1, x0, exact = FALSE)",
    ),
    Method(
        name="mann_whitney_exact",
        title="Mann-Whitney U, exact",
        words="the exact Mann-Whitney U test",
        two=_RANKED,
        function="statistics.two_groups.mann_whitney",
        why="scipy.stats.mannwhitneyu(method='exact') does not correct for ties: P of 1, 2, 2 against 2, 3 is 0.6, there 0.4",
        r="coin::wilcox_test(x ~ g, distribution = 'exact')",
        spss='NPAR TESTS /M-W /METHOD=EXACT, "Exact Sig. (2-tailed)"',
    ),
    Method(
        name="student_t",
        title="Student's t",
        words="Student's t test",
        two=NUMERIC,
        function="statistics.two_groups.student_t",
        why="P by scipy's t distribution; t stands beside the interval of the difference, which the library has of rows alone",
        r="t.test(x1, x0, var.equal = TRUE)",
        spss='T-TEST, "equal variances assumed"',
    ),
    Method(
        name="welch_t",
        title="Welch's t",
        words="Welch's t test",
        two=NUMERIC,
        function="statistics.two_groups.welch_t",
        why="as Student's t",
        r="t.test(x1, x0)",
        spss='T-TEST, "equal variances not assumed"',
    ),
    Method(
        name="anova",
        title="One-way ANOVA",
        words="one-way analysis of variance",
        several=NUMERIC,
        function="statistics.several_groups.anova",
        library="statsmodels.stats.oneway.anova_generic",
        r="oneway.test(x ~ g, var.equal = TRUE)",
        spss="ONEWAY",
    ),
    Method(
        name="welch_anova",
        title="Welch's ANOVA",
        words="Welch's analysis of variance",
        several=NUMERIC,
        function="statistics.several_groups.welch_anova",
        library="statsmodels.stats.oneway.anova_generic",
        r="oneway.test(x ~ g)",
        spss="ONEWAY /STATISTICS=WELCH",
    ),
    Method(
        name="kruskal_wallis",
        title="Kruskal-Wallis H",
        words="the Kruskal-Wallis test",
        several=_RANKED,
        function="statistics.several_groups.kruskal_wallis",
        why=_ROWS,
        r="kruskal.test(x, g)",
        spss='NPAR TESTS /K-W, "Asymp. Sig."',
    ),
    Method(
        name="jonckheere_terpstra",
        title="Jonckheere-Terpstra",
        words="the Jonckheere-Terpstra test for trend",
        several=_RANKED,
        trend=True,
        function="statistics.trend.jonckheere_terpstra",
        why="no library has it",
        r="clinfun::jonckheere.test, without its correction for ties",
        spss='NPAR TESTS /J-T, "Asymp. Sig. (2-tailed)"',
    ),
    Method(
        name="cochran_armitage",
        title="Cochran-Armitage trend",
        words="the Cochran-Armitage test for trend",
        several=("binary",),
        trend=True,
        function="statistics.trend.cochran_armitage",
        library="statsmodels Table.test_ordinal_association, of N patients instead of N - 1",
        r="prop.trend.test(x, n)",
    ),
)

_TESTS_OF_PAIRS = (
    Method(
        name="paired_t",
        title="Paired t",
        words="the paired t test",
        paired=NUMERIC,
        function="statistics.paired.paired_t",
        why=_ROWS,
        r="t.test(after, before, paired = TRUE)",
        spss="T-TEST PAIRS",
    ),
    Method(
        name="wilcoxon_signed_rank",
        title="Wilcoxon signed rank",
        words="the Wilcoxon signed-rank test",
        paired=_RANKED,
        function="statistics.paired.wilcoxon_signed_rank",
        why=_ROWS,
        r="wilcox.test(after, before, paired = TRUE, exact = FALSE, correct = FALSE)",
        spss="NPAR TESTS /WILCOXON",
    ),
    Method(
        name="wilcoxon_signed_rank_continuity",
        title="Wilcoxon signed rank, continuity-corrected",
        words="the Wilcoxon signed-rank test with continuity correction",
        paired=_RANKED,
        function="statistics.paired.wilcoxon_signed_rank",
        why=_ROWS,
        r="wilcox.test(after, before, paired = TRUE, exact = FALSE)",
    ),
    Method(
        name="wilcoxon_signed_rank_exact",
        title="Wilcoxon signed rank, exact",
        words="the exact Wilcoxon signed-rank test",
        paired=_RANKED,
        function="statistics.paired.wilcoxon_signed_rank",
        why="scipy.stats.wilcoxon(method='exact') has no ties",
        r="coin::wilcoxsign_test(after ~ before, distribution = 'exact')",
        spss="NPAR TESTS /WILCOXON /METHOD=EXACT",
    ),
    Method(
        name="mcnemar_exact",
        title="McNemar exact",
        words="McNemar's exact test",
        paired=("binary",),
        function="statistics.paired.mcnemar",
        library="scipy.stats.binomtest",
        r="binom.test(c(up, down))",
        spss="NPAR TESTS /MCNEMAR, up to 25 who change",
    ),
    Method(
        name="mcnemar",
        title="McNemar chi-square",
        words="McNemar's test",
        paired=("binary",),
        function="statistics.paired.mcnemar",
        why="as with continuity correction",
        r="mcnemar.test(table, correct = FALSE)",
    ),
    Method(
        name="mcnemar_continuity",
        title="McNemar, continuity-corrected",
        words="McNemar's test with continuity correction",
        paired=("binary",),
        function="statistics.paired.mcnemar",
        why="statsmodels' mcnemar takes 1 off a difference of 0 too: 3 up and 3 down give chi-square 0.17 there, 0 in R",
        r="mcnemar.test(table)",
        spss="NPAR TESTS /MCNEMAR, above 25 who change",
    ),
    Method(
        name="stuart_maxwell",
        title="Stuart-Maxwell",
        words="the Stuart-Maxwell test of marginal homogeneity",
        paired=LEVELLED,
        function="statistics.paired.stuart_maxwell",
        why="statsmodels' SquareTable.homogeneity has 3 degrees of freedom of 4 levels in 2 parts between which nobody moves; "
        "R and we 2",
        r="DescTools::StuartMaxwellTest",
    ),
    Method(
        name="bowker",
        title="Bowker",
        words="Bowker's test of symmetry",
        paired=LEVELLED,
        function="statistics.paired.bowker",
        why="statsmodels' SquareTable.symmetry counts pairs of levels between which nobody moves among the degrees of freedom",
        r="mcnemar.test(table) of more than two levels",
        spss='CROSSTABS /STATISTICS=MCNEMAR, "McNemar-Bowker Test"',
    ),
)

_OTHERS = (
    Method(
        title="mean, SD, quartiles",
        words="mean (SD) or median (quartiles)",
        function="statistics.describe.summarise",
        why=_ROWS,
        r="mean, sd, quantile(x, type = 6)",
        spss="EXAMINE, FREQUENCIES /NTILES=4",
    ),
    Method(
        title="Shapiro-Wilk",
        words="the Shapiro-Wilk test",
        function="statistics.describe.shapiro_wilk",
        library="scipy.stats.shapiro",
        r="shapiro.test",
        spss="EXAMINE /PLOT NPPLOT",
    ),
    Method(
        title="clopper-pearson",
        words="the Clopper-Pearson interval",
        function="statistics.describe.proportion_interval",
        library="statsmodels proportion_confint(method='beta')",
        r="binom.test(count, total)",
        spss="PROPORTIONS /ONESAMPLE CITYPES=CLOPPER_PEARSON",
    ),
    Method(
        title="wilson",
        words="the Wilson interval",
        function="statistics.describe.proportion_interval",
        library="statsmodels proportion_confint(method='wilson')",
        r="prop.test(count, total, correct = FALSE)",
        spss="PROPORTIONS /ONESAMPLE CITYPES=WILSON_SCORE",
    ),
    Method(
        title="adjusted P values",
        words="the Holm, Bonferroni or Benjamini-Hochberg adjustment",
        function="statistics.multiplicity.adjust_p_values",
        library="statsmodels multipletests",
        r="p.adjust(p, method)",
    ),
    Method(
        title="Tukey, Games-Howell, Dunn",
        words="pairwise comparisons",
        function="statistics.pairwise.pairwise_comparisons",
        library="scipy.stats.studentized_range, by its logarithm where P is small",
        why="the pairs themselves come from a tally",
        r="TukeyHSD(aov(x ~ g)), pairwise.t.test",
        spss="ONEWAY /POSTHOC=TUKEY GH",
    ),
    Method(
        title="difference of means",
        words="the mean difference",
        function="statistics.effects.mean_difference",
        why=_ROWS,
        r="t.test(x1, x0)$conf.int",
        spss='T-TEST, "95% Confidence Interval of the Difference"',
    ),
    Method(
        title="odds ratio",
        words="the odds ratio",
        function="statistics.effects.odds_ratio",
        library="scipy.stats.contingency.odds_ratio",
        r="fisher.test(table), exp(confint.default(glm))",
        spss="CROSSTABS /STATISTICS=RISK",
    ),
    Method(
        title="standardised difference",
        words="the standardised mean difference",
        function="statistics.effects.standardised_difference",
        why="no library of the stack has it for levels",
        r="tableone::ExtractSmd",
    ),
    Method(
        title="intraclass correlation",
        words="the intracluster correlation",
        function="statistics.clusters.intracluster_correlation",
        why="no library of the stack has it",
        r="ICC::ICCest",
    ),
    Method(
        title="maximum likelihood",
        words="logistic regression",
        function="regression.logistic.fit_logistic",
        why="statsmodels' GLM of the patterns gives R's numbers, but neither SPSS's limit of Newton steps nor many resamples "
        "at once",
        r="glm(family = binomial)",
        spss="LOGISTIC REGRESSION /METHOD=ENTER",
    ),
    Method(
        title="stepwise selection",
        words="stepwise selection by score test for entry and Wald's, likelihood-ratio or conditional test for removal",
        function="regression.selection.select_terms",
        why="no library has SPSS's steps",
        spss="LOGISTIC REGRESSION /METHOD=FSTEP(LR), BSTEP(LR)",
    ),
    Method(
        title="Firth",
        words="Firth's penalised logistic regression",
        function="regression.firth.firth_logistic",
        why="firthmodels takes one row a patient; the tests hold both to each other",
        r="logistf::logistf(pl = TRUE)",
        spss="extension STATS FIRTHLOG",
    ),
    Method(
        title="FLIC",
        words="Firth's regression with intercept correction",
        function="regression.flic.firth_predictions",
        why="no library of the stack has it",
        r="logistf::flic",
    ),
    Method(
        title="exact conditional",
        words="exact logistic regression",
        function="regression.exact.exact_logistic",
        why="no library of Python has it",
        r="elrm; SAS PROC LOGISTIC, EXACT",
    ),
    Method(
        title="separation",
        words="detection of separation",
        function="regression.separation.detect_separation",
        library="scipy.optimize.linprog",
        r="detectseparation::detect_separation",
    ),
    Method(
        title="bootstrap optimism",
        words="bootstrap validation",
        function="regression.validation.bootstrap_optimism",
        why="no library of the stack has it",
        r="rms::validate(lrm(...))",
    ),
    Method(
        title="c-statistic, DeLong",
        words="the c-statistic with the DeLong interval",
        function="regression.performance.concordance",
        why="no library of the stack has the interval",
        r="pROC::ci.auc",
        spss="ROC",
    ),
    Method(
        title="linear regression",
        words="linear regression",
        function="regression.linear.linear_regression",
        why="statsmodels' WLS takes counts for weights of variance, and its GLM of counts has no R squared",
        r="lm",
        spss="REGRESSION /METHOD=ENTER",
    ),
    Method(
        title="Kaplan-Meier",
        words="the Kaplan-Meier estimator",
        function="survival.curves.kaplan_meier",
        why="lifelines' intervals are of the log-log scale alone",
        r="survfit(Surv(time, event) ~ 1)",
        spss="KM",
    ),
    Method(
        title="log-rank",
        words="the log-rank test",
        function="survival.logrank.log_rank",
        why=_ROWS,
        r="survdiff(Surv(time, event) ~ by)",
        spss="KM /TEST LOGRANK BRESLOW TARONE",
    ),
    Method(
        title="Cox",
        words="Cox regression",
        function="survival.cox.cox_regression",
        library="lifelines CoxPHFitter, with Efron's ties",
        why="tests, residuals and refusals are added: lifelines ends with estimates where none exists",
        r="coxph(Surv(time, event) ~ terms)",
        spss="COXREG",
    ),
    Method(
        title="Firth's Cox",
        words="Firth's penalised Cox regression",
        function="survival.cox_firth.firth_cox",
        why="no library of the stack has it",
        r="coxphf::coxphf",
    ),
    Method(
        title="Aalen-Johansen",
        words="the Aalen-Johansen estimator",
        function="survival.competing.aalen_johansen",
        why="lifelines moves tied times at random",
        r="survfit(Surv(time, cause) ~ 1)",
    ),
    Method(
        title="Gray",
        words="Gray's test",
        function="survival.gray.gray_test",
        why="no library of the stack has it",
        r="cmprsk::cuminc",
    ),
    Method(
        title="Fine and Gray",
        words="the Fine-Gray model",
        function="survival.fine_gray.fine_gray",
        why="no library of the stack has it",
        r="cmprsk::crr",
    ),
    Method(
        title="restricted mean survival time",
        words="restricted mean survival time",
        function="survival.restricted_mean.restricted_mean",
        why="lifelines' variance is that of the time up to the limit, not of its mean",
        r="survRM2::rmst2",
    ),
    Method(
        title="Turnbull",
        words="the Turnbull estimator",
        function="survival.turnbull.turnbull",
        why="lifelines stops where its steps get small; here the maximum is proven",
        r="survfit(Surv(left, right, type = 'interval2') ~ 1)",
    ),
    Method(
        title="chained equations",
        words="multiple imputation by chained equations",
        function="missing.chained.impute",
        why="statsmodels' MICE draws numbers alone, by predictive mean matching",
        r="mice::mice",
        spss="MULTIPLE IMPUTATION",
    ),
    Method(
        title="Rubin's rules",
        words="Rubin's rules",
        function="missing.rubin.pool",
        why="no library of the stack has R's degrees of freedom",
        r="mice::pool",
    ),
)
#: All of them.
METHODS = (*_TESTS_OF_GROUPS, *_TESTS_OF_PAIRS, *_OTHERS)
#: Name in a study file -> the method.
BY_NAME = {method.name: method for method in METHODS if method.name}
#: What results call it -> the method.
BY_TITLE = {method.title: method for method in METHODS}
#: Those that take the groups to be in an order.
TRENDS = tuple(method.name for method in METHODS if method.trend)


def words_of(name: str) -> str:
    """Return what sentences call a test of a study file; the name itself where there is none such."""
    return BY_NAME[name].words if name in BY_NAME else name


def suited(comparison: str) -> dict[str, tuple[str, ...]]:
    """Return the kinds of variables that each test suits: name -> kinds.

    Parameters
    ----------
    comparison : {"two", "several", "paired"}
        Between two groups, between more, or of the same patients at two times.
    """
    return {method.name: kinds for method in METHODS if (kinds := getattr(method, comparison))}


def suiting(comparison: str) -> dict[str, tuple[str, ...]]:
    """Return the tests that suit each kind of variable: kind -> names, in the registry's order."""
    of = suited(comparison)
    return {kind: tuple(name for name, kinds in of.items() if kind in kinds) for kind in (*NUMERIC, *LEVELLED)}


def as_markdown() -> str:
    """Return `docs/methods.md`."""
    parts = [
        "# Methods\n",
        "Generated from `src/tallystats/registry.py` by `python -m tallystats.registry > docs/methods.md`. Each method is",
        "checked against R or SPSS's documented algorithm: scripts and their output in `tests/reference`. Where a library",
        "gives R's number from a tally, it computes; where our code does, the last column says why.\n",
    ]
    for title, methods in (
        ("Tests of groups", _TESTS_OF_GROUPS),
        ("Tests of the same patients at two times", _TESTS_OF_PAIRS),
        ("Estimates, models and survival", _OTHERS),
    ):
        named = any(method.name for method in methods)
        heads = [*(["`test:`"] if named else []), "Method", "R", "SPSS", "Computed by"]
        parts += [f"## {title}\n", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        for method in methods:
            ours = f"`tallystats.{method.function}`" + (f": {method.why}" if method.why else "")
            by = f"{method.library}" + (f" in {ours}" if method.why else "") if method.library else ours
            r = f"`{method.r}`" if method.r else ""
            cells = [*([f"`{method.name}`"] if named else []), method.words, r, method.spss, by]
            parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    print(as_markdown(), end="")
