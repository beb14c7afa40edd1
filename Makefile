# make report      the report of the bundled study         make report STUDY=data/other          of another study
# make new STUDY=studies/mine DATA=patients.xlsx   drafts a study of your own from a table of patients
# make audit       the printed figures alone               make report P="removal=lr alpha=0.05" with other parameters
# make             lists every target                      STUDY=data/x@name: as it is under one of its scenarios
#
# Needs make (3.81 or newer), git and Python 3.11 or newer; everything else is installed into .venv from
# requirements.lock. After a change of dependencies in pyproject.toml, renew the lock with
#   uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --no-annotate --no-header -o requirements.lock

STUDY ?= data/spinal-metastases
P ?=
DATA ?=
SHEET ?=
DICTIONARY ?=
MASK ?=
LAB ?=
PYTHON ?= python3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help report new check audit scenarios test test-all lab cohort notebooks clean documents FORCE

# Names with a space or a colon would be several names, or rules, to make.
ifneq ($(words $(STUDY)) $(findstring :,$(STUDY)),1 )
$(error STUDY=$(STUDY): expected one folder whose path has neither a space nor a colon)
endif
override STUDY := $(patsubst %/,%,$(STUDY))
ifneq ($(filter . .. ~%,$(notdir $(STUDY)) $(STUDY)),)
$(error STUDY=$(STUDY): expected the folder by its name, such as data/spinal-metastases)
endif
# The folder, without the name of a scenario.
FOLDER := $(firstword $(subst @, ,$(STUDY)))
ifneq ($(filter report audit scenarios cohort check,$(MAKECMDGOALS)),)
ifeq ($(wildcard $(FOLDER)/study.yml),)
$(error STUDY=$(STUDY): no study.yml there; expected a folder such as $(patsubst %/study.yml,%,$(firstword $(wildcard data/*/study.yml))))
endif
endif

BUILD := build/$(notdir $(STUDY))
REPORT := $(BUILD)/report.html
DOCUMENTS := $(addprefix $(BUILD)/,report.docx report.pdf tables.xlsx)
AUDIT := $(BUILD)/audit.html
NOTEBOOKS := $(sort $(wildcard notebooks/[0-9]*.ipynb))
EXECUTED := $(NOTEBOOKS:%=$(BUILD)/%)
SCENARIOS := $(sort $(wildcard notebooks/scenarios/*.ipynb))
CODE := $(shell find src -name '*.py' -not -path 'src/cohortbook/report/*' | sort)
# The inner wildcard splits a name with a space into words that are no files; the outer one drops them.
FILES := $(sort $(wildcard $(wildcard $(FOLDER)/*)))

# An active conda or virtual environment that holds the package is used as it is; otherwise .venv is.
HOLDS_PACKAGE := import sys, importlib.util as i; sys.exit(sys.version_info < (3, 11) or not all(map(i.find_spec, ("cohortbook", "papermill"))))
ACTIVE := $(if $(VIRTUAL_ENV)$(CONDA_PREFIX),$(shell for folder in "$$VIRTUAL_ENV" "$$CONDA_PREFIX"; do \
  if [ -n "$$folder" ] && ! [ "$$folder" -ef .venv ] && "$$folder/bin/python" -E -c '$(HOLDS_PACKAGE)' 2>/dev/null; \
  then echo "$$folder/bin/python"; break; fi; done))
PY := $(if $(ACTIVE),"$(ACTIVE)",.venv/bin/python)
ENVIRONMENT := $(if $(ACTIVE),,.venv/.installed)
# This checkout's code runs, also when the environment holds a copy from elsewhere.
export PYTHONPATH := $(CURDIR)/src
# With MASK=1, no message shows a value of a patient.
ifneq ($(MASK),)
export COHORTBOOK_MASK := $(MASK)
endif
# What takes long and depends on nothing but its inputs, such as cohorts drawn for the audit, is kept there between runs.
export COHORTBOOK_CACHE ?= $(CURDIR)/build/.cache

# As many jobs as cores, unless the user said how many; of notebooks one more, as one may wait for what another draws.
JOBS = $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
PARALLEL = --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell expr $(JOBS) + 1))
PYTEST = $(PY) -m pytest -n $(JOBS) --dist loadscope
quoted = '$(subst ','\'',$(1))'

help: ## list the targets
	@awk -F ' ## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

fresh = rm -rf $(BUILD)/failed $(BUILD)/.new
told = rm $(BUILD)/.new 2>/dev/null || echo "Nothing to do: $(1) is up to date."

report: ## run what changed and build the report: build/<study>/report.html, .docx, .pdf (STUDY=folder, P="name=value ...")
	@$(fresh)
	@$(MAKE) $(PARALLEL) documents
	@$(call told,$(REPORT))

audit: ## audit the printed figures, with or without patients: build/<study>/audit.html and audit.csv (STUDY=folder)
	@$(fresh)
	@$(MAKE) $(PARALLEL) $(AUDIT)
	@$(call told,$(AUDIT))

scenarios: $(ENVIRONMENT) ## run each scenario of the study and show which conclusions move: build/<study>/scenarios.html
	@$(fresh)
	@names=$$($(PY) -m cohortbook.run scenarios --study $(STUDY)) && \
	$(MAKE) $(PARALLEL) $$(for name in $$names; do echo $(BUILD)/scenarios/$$name/one.ipynb; done)
	@$(PY) -m cohortbook.run notebook notebooks/scenarios/all.ipynb $(BUILD)/scenarios/all.ipynb --study $(STUDY) \
	  --output-dir $(BUILD) --parameters folder=$(BUILD)/scenarios
	@$(PY) -m cohortbook.report --study $(STUDY) --output $(BUILD)/scenarios.html $(BUILD)/scenarios/all.ipynb

new: $(ENVIRONMENT) ## draft a study of your own: STUDY=studies/mine DATA=patients.xlsx (SHEET=name, DICTIONARY=file of REDCap)
	@$(if $(and $(DATA),$(filter-out file,$(origin STUDY))),,echo 'make new needs STUDY=studies/mine DATA=patients.xlsx' >&2; exit 2)
	@$(PY) -m studyfile.draft $(STUDY) $(call quoted,$(DATA)) --sheet $(call quoted,$(SHEET)) --dictionary $(call quoted,$(DICTIONARY))

check: $(ENVIRONMENT) ## check the study file and the data in a second, and sum them up (STUDY=folder, MASK=1 shows no values)
	@$(PY) -m cohortbook.check $(STUDY)

test: $(ENVIRONMENT) ## run the tests: style, code, examples in docstrings, committed outputs of the notebooks
	@$(PY) -m ruff check --quiet . && $(PY) -m ruff format --check --quiet .
	@# The audit takes longest: it starts first, and is kept for the tests that need it.
	@$(PY) -m printcheck.audit >/dev/null & $(PYTEST) -m "not slow" --durations=10 \
	  --doctest-modules --nbval --nbval-current-env src tests $(NOTEBOOKS) $(SCENARIOS); status=$$?; wait; exit $$status

test-all: $(ENVIRONMENT) ## run what takes longer: many more examples, exhaustive searches, other processors' code paths
	@$(PYTEST) -m "slow or not build" --thorough tests
	@$(PY) tests/code_paths.py

lab: $(ENVIRONMENT) ## open the notebooks in JupyterLab (LAB="--no-browser" and other options of Jupyter)
	@JUPYTER_PREFER_ENV_PATH=1 $(PY) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks $(LAB)

cohort: $(ENVIRONMENT) ## make the study's cohort anew from its published figures
	@$(PY) -m printcheck.reconstruct $(STUDY)

notebooks: $(ENVIRONMENT) ## run the notebooks with their defaults and keep the outputs in them, for a commit
	@$(MAKE) $(PARALLEL) $(patsubst %,rerun/%,$(NOTEBOOKS) $(SCENARIOS))

clean: ## remove what was built; .venv stays
	@rm -rf build

documents: $(REPORT) $(DOCUMENTS)
	@:

# The audit takes longest and starts first, then the models and survival.
$(AUDIT) $(REPORT) $(DOCUMENTS): $(filter %_audit.ipynb,$(EXECUTED))
$(REPORT) $(DOCUMENTS): $(filter %_logistic.ipynb %_survival.ipynb,$(EXECUTED))
$(REPORT) $(DOCUMENTS): $(EXECUTED)
$(AUDIT) $(REPORT) $(DOCUMENTS): $(wildcard src/cohortbook/report/*.py) $(wildcard src/cohortbook/report/assets/*) $(BUILD)/.sections | $(BUILD)/.checked
	@$(PY) -m cohortbook.report --study $(STUDY) --output $@ $(sort $(filter %.ipynb,$^))
	@touch $(BUILD)/.new

# When nothing but the parameters changed, a notebook that is given the same ones as before keeps its copy.
$(BUILD)/notebooks/%.ipynb: notebooks/%.ipynb $(CODE) $(FILES) requirements.lock $(BUILD)/.inputs $(BUILD)/.parameters | $(BUILD)/.checked
	@$(PY) -m cohortbook.run notebook $< $@ --study $(STUDY) --output-dir $(BUILD) --shared $(call quoted,$(P)) \
	  $(if $(filter-out $(BUILD)/.parameters,$?),,--unless-same)

$(BUILD)/scenarios/%/one.ipynb: notebooks/scenarios/one.ipynb $(CODE) $(FILES) requirements.lock
	@$(PY) -m cohortbook.run notebook $< $@ --study $(STUDY)$(patsubst %,@%,$(filter-out as-planned,$*)) --output-dir $(@D)

# One message for a wrong study file or parameter, before any notebook starts.
$(BUILD)/.checked: $(NOTEBOOKS) $(CODE) $(FILES) $(BUILD)/.inputs $(BUILD)/.parameters | $(ENVIRONMENT)
	@$(PY) -m cohortbook.run check $(NOTEBOOKS) --study $(STUDY) --parameters $(call quoted,$(P))
	@touch $@

# Files that change only when the words in them do.
keep = mkdir -p $(BUILD) && printf '%s\n' $(call quoted,$(1)) | cmp -s - $@ || printf '%s\n' $(call quoted,$(1)) > $@
$(BUILD)/.inputs: FORCE
	@$(call keep,$(STUDY) $(PY) $(FILES))
$(BUILD)/.parameters: FORCE
	@$(call keep,$(P))
$(BUILD)/.sections: FORCE
	@$(call keep,$(NOTEBOOKS))

rerun/%: FORCE
	@$(PY) -m cohortbook.run inplace $*

.venv/.installed: requirements.lock pyproject.toml
	@new='import sys; sys.exit(sys.version_info < (3, 11))'; \
	for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 none; do "$$python" -c "$$new" 2>/dev/null && break; done; \
	if [ $$python = none ]; then \
	  echo "cohortbook needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1)." >&2; \
	  echo "Install one, or say where one is: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	.venv/bin/python -c "$$new" 2>/dev/null || "$$python" -m venv --clear .venv || { \
	  echo "$$python could not make .venv; on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@echo "Installing the packages of requirements.lock into .venv: once, some minutes"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
