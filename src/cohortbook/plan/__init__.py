"""The study file's plan carried out on its cohort: tables, comparison, model, endpoints."""
