"""The AccessPlan as one self-contained HTML page: for reviews, audits and whoever asks who gets in."""
