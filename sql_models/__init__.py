"""The dbt project of Agent Analytics, as package data: models, seeds, macros and tests. Holds no Python."""
