"""Calls in CloudTrail that a person should look at first, and why."""

from __future__ import annotations

from collections.abc import Mapping

_MORE_ACCESS = "makes a credential that outlives the leaked key"
_MORE_POWER = "gives permissions to whoever did it, or to others"
_HIDES = "hides what is done"
_COSTS = "starts what costs money: the usual use of a leaked key"
_TAKES = "gives data away, or the means to read it"
_DESTROYS = "destroys or locks up data: ransom"
_LOOKS = "asks what the key is worth: the usual first step"

NOTABLE: Mapping[tuple[str, str], str] = {
    (f"{service}.amazonaws.com", name): why
    for service, why, names in (
        ("iam", _MORE_ACCESS, "CreateAccessKey CreateUser CreateLoginProfile UpdateLoginProfile"),
        ("iam", _MORE_ACCESS, "CreateServiceSpecificCredential UpdateAccessKey UploadSigningCertificate"),
        ("iam", _MORE_ACCESS, "CreateSAMLProvider CreateOpenIDConnectProvider DeactivateMFADevice"),
        ("sts", _MORE_ACCESS, "GetFederationToken GetSessionToken AssumeRole"),
        ("signin", _MORE_ACCESS, "ConsoleLogin GetSigninToken"),
        ("iam", _MORE_POWER, "AttachUserPolicy AttachGroupPolicy AttachRolePolicy PutUserPolicy PutGroupPolicy"),
        ("iam", _MORE_POWER, "PutRolePolicy AddUserToGroup CreatePolicyVersion SetDefaultPolicyVersion"),
        ("iam", _MORE_POWER, "UpdateAssumeRolePolicy CreateRole DeleteUserPermissionsBoundary"),
        ("cloudtrail", _HIDES, "StopLogging DeleteTrail UpdateTrail PutEventSelectors"),
        ("guardduty", _HIDES, "DeleteDetector UpdateDetector CreateIPSet"),
        ("config", _HIDES, "StopConfigurationRecorder DeleteConfigurationRecorder"),
        ("ec2", _COSTS, "RunInstances RequestSpotInstances CreateKeyPair ImportKeyPair"),
        ("ec2", _HIDES, "AuthorizeSecurityGroupIngress DeleteFlowLogs"),
        ("lambda", _COSTS, "CreateFunction20150331 UpdateFunctionCode20150331v2 AddPermission20150331v2"),
        ("ecs", _COSTS, "RunTask CreateService RegisterTaskDefinition"),
        ("sagemaker", _COSTS, "CreateNotebookInstance CreateTrainingJob"),
        ("bedrock", _COSTS, "InvokeModel InvokeModelWithResponseStream Converse PutUseCaseForModelAccess"),
        ("ses", _COSTS, "GetSendQuota VerifyEmailIdentity UpdateAccountSendingEnabled"),
        ("ec2", _TAKES, "ModifySnapshotAttribute CreateSnapshot GetPasswordData ModifyImageAttribute"),
        ("rds", _TAKES, "ModifyDBSnapshotAttribute CreateDBSnapshot"),
        ("s3", _TAKES, "PutBucketPolicy PutBucketAcl PutBucketReplication DeletePublicAccessBlock"),
        ("secretsmanager", _TAKES, "GetSecretValue BatchGetSecretValue"),
        ("ssm", _TAKES, "GetParameter GetParameters GetParametersByPath SendCommand StartSession"),
        ("s3", _DESTROYS, "DeleteBucket PutBucketLifecycle PutBucketVersioning"),
        ("kms", _DESTROYS, "ScheduleKeyDeletion DisableKey PutKeyPolicy"),
        ("organizations", _DESTROYS, "LeaveOrganization"),
        ("sts", _LOOKS, "GetCallerIdentity"),
        ("iam", _LOOKS, "GetAccountAuthorizationDetails ListUsers ListAttachedUserPolicies"),
        ("s3", _LOOKS, "ListBuckets"),
    )
    for name in names.split()
}
"""(event source, event name) to why it is notable."""
