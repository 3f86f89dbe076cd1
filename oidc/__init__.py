"""The pure core: identifiers, Bitbucket's issuer and subjects, ARNs and limits of IAM, trust policies, thumbprints."""
