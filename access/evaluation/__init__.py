"""Whether STS lets a token assume a role: AWS's documented rules for AssumeRoleWithWebIdentity, as a pure function.

It is a second opinion on what this program renders, so nothing in here may be shared with what builds trust policies:
import-linter holds that. What AWS does not document is an ``EvaluationError`` and never a guess.
"""
