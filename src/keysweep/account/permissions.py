"""What `keysweep account` asks IAM, and why: it reads, and changes nothing.

Actions and resources: AWS Service Authorization Reference, 'Actions, resources, and condition keys for AWS
Identity and Access Management' and '... for AWS CloudTrail'.
"""

from __future__ import annotations

PERMISSIONS = (
    ("cloudtrail:DescribeTrails", "Says whether what keys do is written down in all regions."),
    ("cloudtrail:GetTrailStatus", "Says whether a trail is switched on."),
    (
        "cloudtrail:LookupEvents",
        "With `--usage`: says what each key did, who made it, and what the root user did.",
    ),
    ("ec2:DescribeRegions", "With `--usage`: says which regions the account has enabled."),
    ("iam:GenerateCredentialReport", "Has AWS write down when the keys of all users were made and used."),
    ("iam:GenerateServiceLastAccessedDetails", "With `--usage`: has IAM list the services that a user uses."),
    ("iam:GetAccessKeyLastUsed", "Says when a key was used that is younger than that report."),
    ("iam:GetAccountAuthorizationDetails", "Says what users may do, and so what a leaked key is worth."),
    ("iam:GetAccountSummary", "Says whether the root user has keys, where there is no report."),
    ("iam:GetCredentialReport", "Reads that report."),
    ("iam:GetServiceLastAccessedDetails", "With `--usage`: reads that list."),
    ("iam:ListAccessKeys", "Names the key IDs of a user, and says which are active."),
    ("iam:ListUsers", "Names the users, where their policies may not be read."),
    ("iam:SimulatePrincipalPolicy", "With `--usage`: says whether boundaries take away what policies allow."),
)
"""Action and why; each may be missing, and then what it would tell is not checked."""
