"""A lock that has everything that a lock may have."""

from importlib.metadata import version

HEADER = (
    f"# Written by `bitbucket-oidc lock` {version('bitbucket-aws-oidc')}; review it and commit it with the inventory.\n"
)
WHOLE = (
    HEADER
    + """\
version: 1
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          "pre production": {uuid: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", restrictions: {admin_only: true}}
          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
    undeclared_repositories:
      old: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
issuers:
  acme:
    seen: 2026-11-27
    chain:
      - {subject: "CN=api.bitbucket.org", thumbprint: "9e99a48a9960b14926bb7f3b02e22da2b0ab7280", not_after: 2027-05-01}
      - {subject: "CN=Some CA", thumbprint: "a031c46782e6e6c662c2c87c76da9aa62ccabd8e", not_after: 2031-05-01}
address_ranges:
  atlassian:
    sync_token: 1700000000
    networks:
      - 203.0.113.0/24
      - "2001:db8::/32"
accounts:
  prod:
    id: "222222222222"
    oidc_providers:
      acme:
        state: present
        use: reference
        owner: cloudformation
        audiences:
          - "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
        thumbprints:
          - "a031c46782e6e6c662c2c87c76da9aa62ccabd8e"
        tags:
          Owner: "team platform"
        unchecked_roles:
          - "arn:aws:iam::222222222222:role/old"
      other: absent
    roles:
      deploy: "arn:aws:iam::222222222222:role/deploy"
    roles_as_found:
      by-template:
        arn: "arn:aws:iam::222222222222:role/by-template"
        role_id: AROA00533777D28C40E9A
        whole_workspaces:
          - acme
        audiences:
          - "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
        source_ips:
          - 34.199.54.113/32
        source_vpces:
          - vpce-0123456789abcdef0
        permissions_boundary: "arn:aws:iam::222222222222:policy/old-boundary"
    missing_policies:
      - "arn:aws:iam::222222222222:policy/ci-boundary"
    template_digest: "0a1b2c3d ffffffff"
    deploying_role: PulumiDeploy
    quotas:
      managed_policies_per_role: 15
      oidc_providers: 300
      roles: 1000
      trust_policy_chars: 4096
selected_accounts:
  shop-prod: {id: "333333333333", name: "a b", deploy_role: "arn:aws:iam::333333333333:role/x", labels: {env: prod}}
answers:
  accounts: "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  workspaces: "sha256:1111111111111111111111111111111111111111111111111111111111111111"
"""
)
