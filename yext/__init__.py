"""Run Yate external modules without Yate."""
