"""Who may assume what: inventory and lock compiled into an AccessPlan, which everything else reads."""
