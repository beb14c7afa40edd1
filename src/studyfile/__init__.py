"""What a study is: its file, its patients and its plan.

`studyfile.study.study.load_study` reads and checks a study file; `studyfile.cohort.cohort.load_cohort` reads its patients from
any format, checks every value, applies eligibility and derives variables; `studyfile.draft` drafts a study file from data.
"""
