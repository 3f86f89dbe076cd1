"""Why a token may assume a role or may not, in words; the verdict is the trust evaluator's."""
